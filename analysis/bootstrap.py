"""Intervals by drawing participants anew (bootstrap, bias-corrected and accelerated: BCa)."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from scipy import stats

from analysis.estimate import Estimate
from analysis.samples import Floats, Indices

EFRON = "interval: BCa bootstrap over participants, Efron (1987), JASA 82(397), 171-185"

RESAMPLES = 2000

# A statistic that is undefined in more of the drawn samples than this has no bootstrap interval.
_MOST_UNDEFINED = 0.05

# Takes the indices drawn from each group and gives a number; NaN where it is undefined.
Statistic = Callable[..., float]


def with_interval(
    estimate: Estimate,
    statistic: Statistic,
    sizes: Sequence[int],
    *,
    confidence: float = 0.95,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Estimate:
    """The estimate with a BCa interval, or with a note that says why it has none.

    statistic: given one array of participants' indices for each group, the number estimated.
    sizes: how many participants each group has; each is drawn from on its own.
    """
    draws = np.random.default_rng(seed)
    replicates = np.array(
        [statistic(*(draws.integers(size, size=size) for size in sizes)) for _ in range(resamples)]
    )
    low, high, note = bca(estimate.value, replicates, jackknife(statistic, sizes), confidence)
    notes = (*estimate.notes, f"{resamples} bootstrap samples, seed {seed}", note)
    return replace(
        estimate,
        low=low,
        high=high,
        confidence=None if low is None else confidence,
        notes=tuple(filter(None, notes)),
        source=f"{estimate.source}; {EFRON}",
    )


def jackknife(statistic: Statistic, sizes: Sequence[int]) -> list[Floats]:
    """The statistic with each participant of each group left out in turn."""
    everyone: list[Indices] = [np.arange(size) for size in sizes]
    left_out = []
    for place, indices in enumerate(everyone):
        before, after = everyone[:place], everyone[place + 1 :]
        values = [statistic(*before, np.delete(indices, i), *after) for i in indices]
        left_out.append(np.array(values))
    return left_out


def bca(
    value: float, replicates: Floats, left_out: Sequence[Floats], confidence: float
) -> tuple[float | None, float | None, str]:
    """Low, high and a note; low and high are None, and the note says why, where BCa has no limits.

    replicates: (n_resamples,); left_out: the jackknife of each group.
    """
    defined = replicates[~np.isnan(replicates)]
    missing = len(replicates) - len(defined)
    if missing > _MOST_UNDEFINED * len(replicates):
        return None, None, f"no interval: undefined in {missing} of the bootstrap samples"
    # Half of the ties count as below, so that a discrete statistic is not called biased.
    slack = 1e-12 * max(1.0, abs(value))
    below = float((defined < value - slack).mean() + (defined <= value + slack).mean()) / 2
    if not 0 < below < 1:
        return None, None, "no interval: every bootstrap sample fell on one side of the estimate"
    parts = [(len(u) - 1) * (np.nanmean(u) - u[~np.isnan(u)]) for u in left_out if len(u) > 1]
    cubes = sum(float((u**3).sum()) / len(u) ** 3 for u in parts)
    squares = sum(float((u**2).sum()) / len(u) ** 2 for u in parts)
    acceleration = cubes / (6 * squares**1.5) if squares > 0 else 0.0
    bias = float(stats.norm.ppf(below))
    low, high = (
        bias + float(stats.norm.ppf(tail)) for tail in ((1 - confidence) / 2, (1 + confidence) / 2)
    )
    low, high = (
        float(np.quantile(defined, stats.norm.cdf(bias + z / (1 - acceleration * z))))
        for z in (low, high)
    )
    if outside := around(value, low, high):
        return None, None, outside
    note = f"undefined in {missing} bootstrap samples, left out" if missing else ""
    return low, high, note


def around(value: float, low: float, high: float) -> str:
    """Why limits are no interval of a value that they do not hold; empty where they do."""
    slack = 1e-12 * max(1.0, abs(value))
    if low - slack <= value <= high + slack:
        return ""
    return f"no interval: the method's limits, {low:.3g} and {high:.3g}, leave the estimate out"
