"""Which inputs become stimuli, and whose explanation a mismatched one borrows: pure, by seed."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Classes = NDArray[np.integer]


class SelectionError(Exception):
    """There are not enough inputs of the kind asked for."""


def select(
    correct: NDArray[np.bool_], classes: Classes, right: int, wrong: int, seed: int
) -> list[int]:
    """Return `right` rows that the model gets right and `wrong` that it gets wrong, shuffled.

    correct (n,); classes (n,): what the model says, over which rows are spread as evenly as there
    are rows. Raises SelectionError with the numbers that there are.
    """
    there = int(correct.sum()), int((~correct).sum())
    if right > there[0] or wrong > there[1]:
        raise SelectionError(
            f"{right} right and {wrong} wrong are asked for, but the data has {there[0]} that the "
            f"model gets right and {there[1]} that it gets wrong: ask for fewer, or give more data"
        )
    random = np.random.default_rng([seed, 0])
    rows = [
        *_spread(np.flatnonzero(correct), classes, right, random),
        *_spread(np.flatnonzero(~correct), classes, wrong, random),
    ]
    return [int(row) for row in random.permutation(np.array(rows, dtype=int))]


def draw(there: int, count: int, seed: int) -> list[int]:
    """Return `count` of `there` rows, shuffled. Raises SelectionError where there are fewer."""
    if count > there:
        raise SelectionError(
            f"{count} stimuli are asked for, but the data has {there}: ask for fewer, or give more"
        )
    return [int(row) for row in np.random.default_rng([seed, 0]).permutation(there)[:count]]


def donors(predicted: Classes, selected: Sequence[int], seed: int) -> dict[int, int]:
    """For each selected row another row of the same predicted class.

    Rows that are not selected come first, so that nobody meets one map twice, and a row is used
    twice only when its class has no other. Raises SelectionError where there is none at all.
    """
    random = np.random.default_rng([seed, 1])
    chosen = set(selected)
    used: set[int] = set()
    found: dict[int, int] = {}
    for row in selected:
        same = random.permutation(np.flatnonzero(predicted == predicted[row]))
        others = [int(other) for other in same if other != row]
        if not others:
            raise SelectionError(
                f"row {row} is the only one with its predicted class, so no other stimulus's "
                "explanation can stand in for its own: select other stimuli, or give more data"
            )
        found[row] = min(others, key=lambda other: (other in used, other in chosen))
        used.add(found[row])
    return found


def _spread(
    rows: NDArray[np.intp], classes: Classes, count: int, random: np.random.Generator
) -> list[int]:
    """Take `count` rows, one from each class in turn."""
    present = random.permutation(np.unique(classes[rows]))
    piles = [random.permutation(rows[classes[rows] == label]).tolist() for label in present]
    taken: list[int] = []
    while len(taken) < count:
        for pile in piles:
            if pile and len(taken) < count:
                taken.append(pile.pop())
    return taken
