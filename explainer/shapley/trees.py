"""Hierarchies of players, as scipy linkage matrices (players - 1, 4)."""

from functools import lru_cache

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


@lru_cache(maxsize=32)
def image_tree(height: int, width: int) -> Linkage:
    """Halve the longer side of an image down to single cells, numbered as shap's masker does.

    Every play of images of one shape has the same, read-only tree.

    It numbers regions from the largest down, equal ones from the top and then from the left, so
    that the players end up counted from the last cell to the first. Source: shap 0.51,
    maskers.Image.
    """
    cells = height * width
    root = (-cells, 0, height, 0, width)  # sorts as shap's numbers do
    regions, halves, todo = [root], {}, [root]
    while todo:
        region = todo.pop()
        _, top, bottom, left, right = region
        if region[0] == -1:
            continue
        if bottom - top >= right - left:
            middle = (top + bottom) // 2
            parts = (top, middle, left, right), (middle, bottom, left, right)
        else:
            middle = (left + right) // 2
            parts = (top, bottom, left, middle), (top, bottom, middle, right)
        halves[region] = [((a - b) * (d - c), a, b, c, d) for a, b, c, d in parts]
        regions += halves[region]
        todo += halves[region]
    number = {region: 2 * cells - 2 - k for k, region in enumerate(sorted(regions))}
    tree = np.zeros((cells - 1, 4))
    for region, parts_of in halves.items():
        tree[number[region] - cells] = *(number[part] for part in parts_of), 0, -region[0]
    tree.setflags(write=False)
    return tree


def members(tree: Linkage) -> NDArray[np.bool_]:
    """Which players are in each node, (2 players - 1, players); the first nodes are players."""
    players = len(tree) + 1
    found = np.zeros((2 * players - 1, players), dtype=bool)
    found[range(players), range(players)] = True
    for row, (left, right) in enumerate(tree[:, :2].astype(int)):
        found[players + row] = found[left] | found[right]
    return found
