"""How large a difference is, free of the unit; intervals draw participants anew (BCa).

d_z and Hedges' g have an exact interval under a normal distribution, given unless a seed asks for
the bootstrap instead.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

from analysis.bootstrap import with_interval
from analysis.estimate import Estimate, NotEstimableError
from analysis.samples import TIES, Floats, Indices, binary, constant, differences, groups, sample

NONCENTRAL = "interval: Steiger & Fouladi (1997), from the noncentral t distribution"
COHEN = "Cohen (1988), Statistical Power Analysis, p. 48"
HEDGES = "Hedges (1981), Journal of Educational Statistics 6(2), 107-128"


def d_z(a: ArrayLike, b: ArrayLike, confidence: float = 0.95, seed: int | None = None) -> Estimate:
    """Mean of a - b in standard deviations of that difference."""
    x = differences(a, b)
    if constant(x):
        raise NotEstimableError(f"all {len(x)} participants differ by the same amount ({x[0]:g})")
    value = _standardised(x)
    if seed is not None:
        estimate = _effect("d_z", value, "standardised paired difference", len(x), COHEN)
        return with_interval(
            estimate, lambda i: _standardised(x[i]), [len(x)], confidence=confidence, seed=seed
        )
    root = float(np.sqrt(len(x)))
    low, high = _noncentrality(value * root, len(x) - 1, confidence)
    return Estimate(
        name="d_z",
        value=value,
        low=low / root,
        high=high / root,
        confidence=confidence,
        test="standardised paired difference",
        n=len(x),
        source=f"{COHEN}; {NONCENTRAL}",
    )


def hedges_g(
    a: ArrayLike, b: ArrayLike, confidence: float = 0.95, seed: int | None = None
) -> Estimate:
    """Difference of means in pooled standard deviations, corrected for small samples."""
    x, y = sample(a), sample(b)
    if constant(x) and constant(y):
        raise NotEstimableError("nobody differs from anyone in their own condition")
    value, n = _pooled(x, y), len(x) + len(y)
    if seed is not None:
        estimate = _effect("Hedges' g", value, "standardised difference of means", n, HEDGES)
        return with_interval(
            estimate,
            lambda i, j: _pooled(x[i], y[j]),
            [len(x), len(y)],
            confidence=confidence,
            seed=seed,
        )
    root = float(np.sqrt(1 / len(x) + 1 / len(y)))
    correction = _small_sample(n - 2)
    low, high = _noncentrality(value / correction / root, n - 2, confidence)
    return Estimate(
        name="Hedges' g",
        value=value,
        low=low * root * correction,
        high=high * root * correction,
        confidence=confidence,
        test="standardised difference of means",
        n=n,
        source=f"{HEDGES}; {NONCENTRAL}",
    )


def rank_biserial(a: ArrayLike, b: ArrayLike, confidence: float = 0.95, seed: int = 0) -> Estimate:
    """Matched pairs: ranks of |a - b| that favour a minus those that favour b, over all of them."""
    x = np.round(differences(a, b), TIES)
    if not x.any():
        raise NotEstimableError("nobody differs between the two conditions")
    source = "Kerby (2014), Comprehensive Psychology 3, 11.IT.3.1"
    estimate = _effect(
        "rank-biserial correlation", _signed_ranks(x), "matched pairs", len(x), source
    )
    return with_interval(
        estimate, lambda i: _signed_ranks(x[i]), [len(x)], confidence=confidence, seed=seed
    )


def cliffs_delta(a: ArrayLike, b: ArrayLike, confidence: float = 0.95, seed: int = 0) -> Estimate:
    """P(a > b) - P(a < b) of different people; the unpaired rank-biserial correlation."""
    x, y = np.round(sample(a), TIES), np.round(sample(b), TIES)
    dominance = np.sign(x[:, np.newaxis] - y)  # (n_a, n_b)

    def delta(i: Indices, j: Indices) -> float:
        times = np.bincount(j, minlength=len(y)) / len(j)
        return float((dominance @ times)[i].mean())

    source = "Cliff (1993), Psychological Bulletin 114(3), 494-509"
    estimate = _effect(
        "Cliff's delta", float(dominance.mean()), "dominance", dominance.shape[0] + len(y), source
    )
    return with_interval(estimate, delta, [len(x), len(y)], confidence=confidence, seed=seed)


def eta_squared(values: Sequence[ArrayLike], confidence: float = 0.95, seed: int = 0) -> Estimate:
    """Share of the variance between groups of different people."""
    samples = groups(values)
    everyone = np.concatenate(samples)
    if constant(everyone):
        raise NotEstimableError("everyone has the same value")

    def share(*drawn: Indices) -> float:
        return _between([x[i] for x, i in zip(samples, drawn, strict=True)])

    source = "Fisher (1925), Statistical Methods for Research Workers, section 45"
    estimate = _effect("eta squared", _between(samples), "one-way", len(everyone), source)
    return with_interval(
        estimate, share, [len(x) for x in samples], confidence=confidence, seed=seed
    )


def odds_ratio_of_people(
    a: ArrayLike, b: ArrayLike, confidence: float = 0.95, seed: int = 0
) -> Estimate:
    """Odds of yes in a over those in b, different people, 1 yes and 0 no.

    0.5 is added to every count, in the estimate and in each bootstrap sample, so that an empty cell
    leaves it finite.
    """
    x, y = sample(binary(a)), sample(binary(b))
    source = "Haldane (1956), Annals of Human Genetics 20(4), 309-311"
    estimate = _effect("odds ratio", _odds(x, y), "0.5 added to counts", len(x) + len(y), source)
    return with_interval(
        estimate, lambda i, j: _odds(x[i], y[j]), [len(x), len(y)], confidence=confidence, seed=seed
    )


def _effect(name: str, value: float, test: str, n: int, source: str) -> Estimate:
    return Estimate(name=name, value=value, test=test, n=n, source=source)


def _standardised(x: Floats) -> float:
    return float("nan") if constant(x) else float(x.mean() / x.std(ddof=1))


def _pooled(x: Floats, y: Floats) -> float:
    if constant(x) and constant(y):
        return float("nan")
    df = len(x) + len(y) - 2
    variance = (((x - x.mean()) ** 2).sum() + ((y - y.mean()) ** 2).sum()) / df
    return float((x.mean() - y.mean()) / np.sqrt(variance) * _small_sample(df))


def _small_sample(df: int) -> float:
    """Hedges' approximate correction; exact to 0.001 from 10 degrees of freedom."""
    return 1 - 3 / (4 * df - 1)


def _signed_ranks(x: Floats) -> float:
    changed = x[x != 0]
    if not len(changed):
        return float("nan")
    ranks = stats.rankdata(np.abs(changed))
    return float((ranks * np.sign(changed)).sum() / ranks.sum())


def _between(samples: Sequence[Floats]) -> float:
    everyone = np.concatenate(samples)
    if constant(everyone):
        return float("nan")
    mean = everyone.mean()
    between = sum(len(x) * (x.mean() - mean) ** 2 for x in samples)
    return float(between / ((everyone - mean) ** 2).sum())


def _odds(x: Floats, y: Floats) -> float:
    yes_x, yes_y = x.sum() + 0.5, y.sum() + 0.5
    return float(yes_x / (len(x) + 1 - yes_x) / (yes_y / (len(y) + 1 - yes_y)))


def _noncentrality(t: float, df: float, confidence: float) -> tuple[float, float]:
    """The noncentralities under which t is just not surprising."""
    if abs(t) > 1e4:
        # Beyond this scipy's noncentral t loses its digits.
        raise NotEstimableError(
            f"t is {t:.0f}: the participants hardly differ from one another, so a difference in "
            "standard deviations says nothing"
        )

    def solve(probability: float) -> float:
        def gap(ncp: float) -> float:
            below = float(stats.nct.cdf(t, df, ncp))
            if np.isnan(below):  # scipy's answer far out in either tail
                below = float(ncp < t)
            return below - probability

        reach = 5 + 3 * abs(t)
        return float(optimize.brentq(gap, t - reach, t + reach, xtol=1e-10))

    tail = (1 - confidence) / 2
    return solve(1 - tail), solve(tail)
