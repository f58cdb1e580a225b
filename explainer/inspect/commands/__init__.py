"""The commands of `python -m explainer.inspect`, each with a `run` that returns a Report."""
