"""Ids on disk and the plan by which they become batches."""
