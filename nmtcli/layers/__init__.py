"""Keras layers: attention and recurrence. They never see the configuration."""
