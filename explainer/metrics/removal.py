"""What removing the players of an explanation in its order does to the output.

Removing the least relevant first leaves, at each point, what inserting the most relevant first has
built, so the area of that curve is the insertion curve's, and inserting the least relevant first is
the deletion curve backwards: two curves say all four.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explainer.shapley.game import Ask, Game, Play

Float64 = NDArray[np.float64]
POINTS = 32
SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)
RANDOM_ORDERS = 8


@dataclass(frozen=True)
class Removal:
    """Curves over the share of players removed or inserted, most relevant first.

    shares (points + 1,), from 0 to 1; deletion, insertion: the output there, in the unit of the
    value function. comprehensiveness, sufficiency: means over SHARES of what the output loses
    without the most relevant players, and with them alone.
    """

    shares: Float64
    deletion: Float64
    insertion: Float64
    comprehensiveness: float
    sufficiency: float

    @property
    def deletion_area(self) -> float:
        """Mean of the deletion curve: lower is better."""
        return area(self.deletion, self.shares)

    @property
    def insertion_area(self) -> float:
        """Mean of the insertion curve, which deletes the least relevant first: higher is better."""
        return area(self.insertion, self.shares)

    def numbers(self) -> dict[str, float]:
        """Return the metrics by name."""
        return {
            "deletion_area": self.deletion_area,
            "insertion_area": self.insertion_area,
            "comprehensiveness": self.comprehensiveness,
            "sufficiency": self.sufficiency,
        }


def area(curve: Float64, shares: Float64) -> float:
    """The area under a curve over shares from 0 to 1, by trapezoids."""
    return float(np.trapezoid(curve, shares))


def ranking(values: Float64, seed: int) -> NDArray[np.intp]:
    """Players (M,), the most relevant first; equal ones in an order drawn by the seed.

    Otherwise a map with many zeros would be removed row by row, which is an order of its own.
    """
    drawn = np.random.default_rng([seed, 5]).random(len(values))
    return np.lexsort((drawn, -values))


def removal(game: Game, order: NDArray[np.intp], column: int = 0) -> Play[Removal]:
    """Remove and insert players in an order (M,), the most relevant first.

    Sources: Petsiuk et al. 2018, arXiv:1806.07421 (curves); DeYoung et al. 2020, arXiv:1911.03429
    (comprehensiveness and sufficiency).
    """
    M = game.players
    counts = np.unique(np.linspace(0, M, min(M, POINTS) + 1).round().astype(int))
    few = np.array([max(1, round(share * M)) for share in SHARES])
    place = torch.empty(M, dtype=torch.long)
    place[torch.from_numpy(order.copy())] = torch.arange(M)
    wanted = np.unique(np.concatenate([counts, few]))
    first = place < torch.from_numpy(wanted)[:, None]  # (points, M)
    worth: Tensor = yield Ask(game, torch.cat([~first, first]))
    without, alone = worth[:, column].numpy().reshape(2, len(wanted))
    at = np.searchsorted(wanted, counts)
    there = np.searchsorted(wanted, few)
    full = without[0]
    return Removal(
        counts / M,
        without[at],
        alone[at],
        float((full - without[there]).mean()),
        float((full - alone[there]).mean()),
    )


def random_removal(game: Game, seed: int, column: int = 0) -> Play[list[Removal]]:
    """The same for RANDOM_ORDERS attributions drawn at random."""
    random = np.random.default_rng([seed, 6])
    found = []
    for _ in range(RANDOM_ORDERS):
        found.append((yield from removal(game, random.permutation(game.players), column)))
    return found
