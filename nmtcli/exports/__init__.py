"""Trained runs written for other runtimes, and compared with Keras before they are accepted."""
