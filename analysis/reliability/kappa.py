"""Cohen's kappa: how far two judges agree beyond chance."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from analysis.estimate import Estimate, NotEstimableError
from analysis.samples import Floats, same_length, sample

Weights = Literal["none", "linear", "quadratic"]

COHEN = "Cohen (1968), Psychological Bulletin 70(4), 213-220"
FLEISS = "standard error: Fleiss, Cohen & Everitt (1969), Psychological Bulletin 72(5), 323-327"


def kappa(
    a: ArrayLike,
    b: ArrayLike,
    weights: Weights = "quadratic",
    categories: ArrayLike | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Weighted kappa of two judges of the same targets, with a normal interval.

    a, b: (n_targets,), numbers of the categories. categories: all there are, in order, for those
    that nobody used widen the weights too; else those used. weights: what a disagreement counts,
    by its distance in places, or its square; none: any counts the same.
    """
    same_length(a=a, b=b)
    x, y = sample(a), sample(b)
    used = np.union1d(x, y)
    order = used if categories is None else np.unique(sample(categories))
    if not np.isin(used, order).all():
        raise NotEstimableError("an answer is none of the categories")
    k, n = len(order), len(x)
    if len(used) < 2:
        raise NotEstimableError("both judges gave every target the same answer")
    shares = np.zeros((k, k))
    np.add.at(shares, (np.searchsorted(order, x), np.searchsorted(order, y)), 1 / n)
    agreement = _agreement(weights, k)
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    observed = float((agreement * shares).sum())
    expected = float(rows @ agreement @ columns)
    if expected >= 1 - 1e-12:
        raise NotEstimableError("each judge gave every target the same answer")
    value = (observed - expected) / (1 - expected)
    means = (agreement @ columns)[:, np.newaxis] + rows @ agreement
    inner = (shares * (agreement - means * (1 - value)) ** 2).sum()
    variance = float(inner - (value - expected * (1 - value)) ** 2) / (n * (1 - expected) ** 2)
    reach = float(stats.norm.ppf((1 + confidence) / 2)) * float(np.sqrt(max(variance, 0.0)))
    return Estimate(
        name="Cohen's kappa" if weights == "none" else f"weighted kappa ({weights})",
        value=value,
        low=value - reach,
        high=min(1.0, value + reach),
        confidence=confidence,
        test="normal interval",
        n=n,
        source=f"{COHEN}; {FLEISS}",
        notes=(f"{k} categories",),
    )


def _agreement(weights: Weights, k: int) -> Floats:
    places = np.arange(k)
    distance = np.abs(places[:, np.newaxis] - places) / (k - 1)
    if weights == "none":
        return np.eye(k)
    return np.asarray(1 - (distance if weights == "linear" else distance**2))
