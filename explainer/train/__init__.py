"""Training: data and a network -> a checkpoint with its card; one module for each trainer."""
