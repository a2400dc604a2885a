"""Engines that run trained models: Keras, ONNX Runtime, CTranslate2 and ensembles."""
