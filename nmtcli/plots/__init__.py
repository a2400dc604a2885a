"""Pictures: attention, learning curves, BLEU by length."""
