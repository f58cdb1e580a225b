"""Hierarchies of players, as scipy linkage matrices (players - 1, 4)."""

import numpy as np
from numpy.typing import NDArray

Linkage = NDArray[np.float64]


def line_tree(players: int) -> Linkage:
    """Halve a line of players down to single ones: a linkage matrix (players - 1, 4)."""
    rows: list[tuple[float, float, float, float]] = []

    def join(start: int, stop: int) -> tuple[int, int]:
        """Return the node of players start ... stop - 1, and how high it stands."""
        if stop - start == 1:
            return start, 0
        middle = (start + stop) // 2
        (left, a), (right, b) = join(start, middle), join(middle, stop)
        height = 1 + max(a, b)
        rows.append((left, right, height, stop - start))
        return players + len(rows) - 1, height

    if players > 1:
        join(0, players)
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def image_tree(height: int, width: int) -> Linkage:
    """Halve the longer side of an image down to single cells, numbered as shap's masker does."""
    from explainer.methods.shapley import image_tree as shap_tree

    return shap_tree(height, width)
