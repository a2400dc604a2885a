"""The use cases around a trained run: translate, score, align, rerank."""
