"""Explanations of structured state space models, precomputed as artifacts."""
