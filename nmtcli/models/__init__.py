"""Sequence-to-sequence models: recurrent ones and the Transformer."""
