"""Loss, schedule, compiled step, checkpoints and the training loop."""
