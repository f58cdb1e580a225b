"""The models that can be explained, and their checkpoints."""
