"""Training: losses, schedules, the compiled update and the training loop."""
