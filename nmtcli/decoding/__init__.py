"""Greedy search, beam search and sampling on arrays; they use models only through protocols."""
