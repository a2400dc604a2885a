"""Greedy and beam search on `start`/`step` and arrays; they know no model."""
