"""The use cases of a trained run: translation, scoring, alignment and reranking."""
