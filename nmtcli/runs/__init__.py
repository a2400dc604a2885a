"""The folder of a run: its files, checkpoints, metrics log, exports and model card."""
