"""Boundaries of a test that is looked at several times, by alpha spending.

The z statistics of the looks are those of a Brownian motion at information fractions t_1 < ... < 1.
Each look's two-sided boundary spends as much more of alpha as its fraction allows; the probability
of not having crossed before is integrated look by look.
Source: Lan & DeMets (1983), Biometrika 70(3), 659-663; Armitage, McPherson & Rowe (1969), J. Royal
Statistical Society A 132(2), 235-244.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from analysis.samples import Floats

# Intervals of Simpson's rule in z between the boundaries; their error is below 1e-7.
_INTERVALS = 400
_LARGEST = 10.0

Spending = Callable[[float, float], float]


def obrien_fleming(alpha: float, share: float) -> float:
    """One-sided alpha spent by this share of the information: little early, most at the end."""
    return float(2 * stats.norm.sf(stats.norm.isf(alpha / 2) / np.sqrt(share)))


def pocock(alpha: float, share: float) -> float:
    """One-sided alpha spent by this share of the information: nearly even."""
    return float(alpha * np.log(1 + (np.e - 1) * share))


SPENDING: dict[str, Spending] = {"obrien-fleming": obrien_fleming, "pocock": pocock}


def boundaries(shares: Sequence[float], alpha: float, spending: Spending) -> Floats:
    """Two-sided boundaries of |z|, (looks,), at increasing shares of the information ending in 1.

    Each side spends alpha / 2. Raises ValueError on shares that do not increase to 1.
    """
    steps = np.diff([0.0, *shares])
    if not len(shares) or shares[-1] != 1 or (steps <= 0).any():
        raise ValueError(f"looks are shares of the participants that increase to 1, not {shares}")
    found: list[float] = []
    walk, spent = _Walk.start(), 0.0
    for share in shares:
        due = 2 * spending(alpha / 2, share)
        root = optimize.brentq(_excess, 0.0, _LARGEST, (walk, share, due - spent), xtol=1e-10)
        found.append(float(root))
        walk, spent = walk.on(share, found[-1]), due
    return np.array(found)


def crossing(shares: Sequence[float], limits: Sequence[float]) -> Floats:
    """Probability under no effect that |z| crosses its limit first at each look, (looks,)."""
    first, walk = [], _Walk.start()
    for share, limit in zip(shares, limits, strict=True):
        first.append(walk.beyond(share, limit))
        walk = walk.on(share, limit)
    return np.array(first)


def _excess(limit: float, walk: "_Walk", share: float, due: float) -> float:
    return walk.beyond(share, limit) - due


@dataclass(frozen=True)
class _Walk:
    """Where the score z sqrt(t) stands among studies that go on: points and their mass, (k,)."""

    share: float
    points: Floats
    mass: Floats

    @classmethod
    def start(cls) -> "_Walk":
        return cls(0.0, np.zeros(1), np.ones(1))

    def beyond(self, share: float, limit: float) -> float:
        """Probability of being here and beyond the limit of |z| at the next look."""
        edge, step = limit * np.sqrt(share), np.sqrt(share - self.share)
        tails = stats.norm.sf((edge - self.points) / step)
        tails = tails + stats.norm.sf((edge + self.points) / step)
        return float(self.mass @ tails)

    def on(self, share: float, limit: float) -> "_Walk":
        """Those that are within the limit at the next look."""
        edge, step = limit * np.sqrt(share), np.sqrt(share - self.share)
        points = np.linspace(-edge, edge, _INTERVALS + 1)
        weights = np.full(_INTERVALS + 1, 2.0)
        weights[1::2] = 4.0
        weights[[0, -1]] = 1.0
        weights *= 2 * edge / _INTERVALS / 3
        density = stats.norm.pdf((points[:, None] - self.points) / step) / step
        return _Walk(share, points, weights * (density @ self.mass))
