"""Shapley values of any game: what coalitions of players are worth, and who counts for it."""
