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
    wanted = np.unique(np.concatenate([_counts(game.players), _few(game.players)]))
    without, alone = yield from _worth(game, order, wanted, column)
    return _read(game.players, wanted, without, alone)


def random_removal(game: Game, seed: int, column: int = 0) -> Play[list[Removal]]:
    """The same for RANDOM_ORDERS attributions drawn at random, every second the reverse of one.

    The reverse order removes what the other leaves, so it asks for nothing more.
    """
    M, random = game.players, np.random.default_rng([seed, 6])
    wanted = np.concatenate([_counts(M), _few(M)])
    wanted = np.unique(np.concatenate([wanted, M - wanted]))
    found = []
    for _ in range(RANDOM_ORDERS // 2):
        without, alone = yield from _worth(game, random.permutation(M), wanted, column)
        found.append(_read(M, wanted, without, alone))
        found.append(_read(M, wanted, alone[::-1], without[::-1]))
    return found


def _counts(M: int) -> NDArray[np.intp]:
    """How many players are gone at each point of a curve."""
    return np.unique(np.linspace(0, M, min(M, POINTS) + 1).round().astype(int))


def _few(M: int) -> NDArray[np.intp]:
    """How many players SHARES are."""
    return np.array([max(1, round(share * M)) for share in SHARES])


def _worth(
    game: Game, order: NDArray[np.intp], wanted: NDArray[np.intp], column: int
) -> Play[tuple[Float64, Float64]]:
    """The output without the first players of an order, and with them alone: each (wanted,)."""
    place = torch.empty(game.players, dtype=torch.long)
    place[torch.from_numpy(order.copy())] = torch.arange(game.players)
    first = place < torch.from_numpy(wanted)[:, None]  # (wanted, M)
    worth: Tensor = yield Ask(game, torch.cat([~first, first]))
    without, alone = worth[:, column].numpy().reshape(2, len(wanted))
    return without, alone


def _read(M: int, wanted: NDArray[np.intp], without: Float64, alone: Float64) -> Removal:
    at, there = (np.searchsorted(wanted, each) for each in (_counts(M), _few(M)))
    full = without[0]
    return Removal(
        _counts(M) / M,
        without[at],
        alone[at],
        float((full - without[there]).mean()),
        float((full - alone[there]).mean()),
    )
