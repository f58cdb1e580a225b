"""Confidence bounds of means of numbers in [0, 1], by the Kullback-Leibler divergence.

Source: Kaufmann & Kalyanakrishnan 2013, Information Complexity in Bandit Subset Selection (COLT).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr

from explainer.methods import Float64

HALVINGS = 40  # to 1e-12

Counts = NDArray[np.int64]


def upper(means: Float64, counts: Counts, level: float) -> Float64:
    """The largest q with count * kl(mean, q) <= level."""
    low, high = means.astype(np.float64), np.ones(len(means))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        inside = counts * divergence(means, middle) <= level
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return low


def lower(means: Float64, counts: Counts, level: float) -> Float64:
    """The smallest such q."""
    return 1 - upper(1 - means, counts, level)


def divergence(p: Float64, q: Float64) -> Float64:
    """Of a coin that shows heads with probability q from one with p, in nats."""
    found: Float64 = rel_entr(p, q) + rel_entr(1 - p, 1 - q)
    return found


def exploration(arms: int, step: int, delta: float) -> float:
    """The level at which KL-LUCB is wrong with probability delta at most, at its step 1, 2, ...

    Their beta(t, delta), with alpha 1.1 and k1 405.5.
    """
    alpha, k1 = 1.1, 405.5
    first = np.log(k1 * arms * step**alpha / delta)
    return float(first + np.log(first))
