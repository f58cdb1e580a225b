"""Studies of models rather than of single decisions: attention, states, layers, comparisons."""
