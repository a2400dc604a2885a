"""Text: lines, sentences, words and subwords. Nothing here imports a deep-learning framework."""
