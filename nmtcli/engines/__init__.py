"""What runs `start`/`step`, and what carries a trained model elsewhere."""
