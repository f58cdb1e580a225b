"""Krippendorff's alpha: how far any number of judges agree, with gaps allowed."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from analysis.bootstrap import around
from analysis.estimate import Estimate, NotEstimableError
from analysis.samples import Floats, numbers

Level = Literal["nominal", "ordinal", "interval", "ratio"]

KRIPPENDORFF = "Krippendorff (2011), Computing Krippendorff's alpha-reliability, eq. 1-5"
RESAMPLES = 1000


def krippendorff_alpha(
    ratings: ArrayLike, level: Level, confidence: float = 0.95, seed: int = 0
) -> Estimate:
    """Krippendorff's alpha of (n_judges, n_units), NaN where a judge gave no answer.

    A unit with one answer is left out. The interval is of percentiles over units drawn anew.
    Raises NotEstimableError without two units of two answers, or where all answers are the same.
    """
    x = np.asarray(ratings, dtype=float)
    if x.ndim != 2:
        raise ValueError(f"expected judges x units, got shape {x.shape}")
    x = x[:, (~np.isnan(x)).sum(axis=0) >= 2]
    given = numbers(x[~np.isnan(x)])
    if x.shape[1] < 2:
        raise NotEstimableError(f"this needs two units with two answers; there are {x.shape[1]}")
    if level == "ratio" and (given < 0).any():
        raise NotEstimableError("a ratio is of numbers from 0 up; a value is below 0")
    values = np.unique(given)
    counts = np.array([(unit[:, np.newaxis] == values).sum(axis=0) for unit in x.T], dtype=float)
    alpha = _alpha(counts, values, level)
    if np.isnan(alpha):
        raise NotEstimableError("all answers are the same, so agreement cannot be told from chance")
    draws = np.random.default_rng(seed)
    units = len(counts)
    drawn = (draws.integers(units, size=units) for _ in range(RESAMPLES))
    replicates = [_alpha(counts[index], values, level) for index in drawn]
    tails = ((1 - confidence) / 2, (1 + confidence) / 2)
    low, high = (float(np.nanquantile(replicates, tail)) for tail in tails)
    outside = around(alpha, low, high)
    left_out = np.shape(ratings)[1] - units
    notes = (
        f"{units} units with two or more answers, {left_out} left out",
        f"percentiles of {RESAMPLES} bootstrap samples of units, seed {seed}",
    )
    return Estimate(
        name=f"Krippendorff's alpha ({level})",
        value=alpha,
        low=None if outside else low,
        high=None if outside else high,
        confidence=None if outside else confidence,
        test="bootstrap over units",
        n=units,
        source=KRIPPENDORFF,
        notes=(*notes, outside) if outside else notes,
    )


def _alpha(counts: Floats, values: Floats, level: Level) -> float:
    """Alpha of (units, V) counts of each value; NaN where all answers are the same."""
    weights = 1 / (counts.sum(axis=1, keepdims=True) - 1)
    # How often two values met in a unit, each unit's answers weighing one less.
    pairs = (counts * weights).T @ counts - np.diag((counts * weights).sum(axis=0))
    totals = pairs.sum(axis=0)
    distances = _distances(values, totals, level)
    expected = float(totals @ distances @ totals) / (totals.sum() - 1)
    return 1 - float((pairs * distances).sum()) / expected if expected > 0 else float("nan")


def _distances(values: Floats, totals: Floats, level: Level) -> Floats:
    """Squared distances between values, (V, V)."""
    apart = np.abs(values[:, np.newaxis] - values)
    if level == "nominal":
        return (apart > 0).astype(float)
    if level == "interval":
        return np.asarray(apart**2)
    if level == "ratio":
        sums = values[:, np.newaxis] + values
        return np.asarray(np.divide(apart, sums, out=np.zeros_like(apart), where=sums > 0) ** 2)
    # Ordinal: how many answers lie from one to the other, the ends counting half.
    middles = np.cumsum(totals) - totals / 2
    return np.asarray((middles[:, np.newaxis] - middles) ** 2)
