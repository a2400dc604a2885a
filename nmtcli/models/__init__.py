"""Sequence-to-sequence models with the start/step interface."""
