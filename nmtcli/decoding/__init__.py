"""Greedy search, beam search and sampling on `start`/`step` and arrays; they know no model."""
