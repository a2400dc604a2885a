"""Plots: heat maps of attention, learning curves, BLEU by sentence length."""
