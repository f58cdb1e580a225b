"""Minimisation: cells are kept alike in what is known of the participants in them.

Source: Pocock and Simon (1975), Biometrics 31(1), 103-115, with the range as the imbalance of one
covariate, equal weights, and probability 1 for the best cell.
"""

from collections.abc import Mapping, Sequence
from random import Random


def minimising(
    cells: Sequence[str],
    person: Sequence[str],
    counts: Mapping[tuple[str, int, str], int],
    totals: Mapping[str, int],
    random: Random,
) -> str:
    """The cell that leaves the covariates most alike; of equals the least filled, then by chance.

    person: the participant's level of each covariate. counts: participants of a cell who have a
    level of a covariate, by (cell, which covariate, level). totals: participants of each cell.
    """

    def imbalance(chosen: str) -> int:
        total = 0
        for which, level in enumerate(person):
            alike = [counts.get((cell, which, level), 0) + (cell == chosen) for cell in cells]
            total += max(alike) - min(alike)
        return total

    chance = {cell: random.random() for cell in cells}
    return min(cells, key=lambda cell: (imbalance(cell), totals.get(cell, 0), chance[cell]))
