"""Greedy search, beam search and sampling on arrays; they know no model, only protocols."""
