"""Measurements of speed and memory, side by side in one run, kept as JSON in results/."""
