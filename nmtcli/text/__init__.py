"""Text: lines, parallel corpora, subwords. Nothing here imports a deep-learning framework."""
