"""Compare means by Student's and Welch's t.

All p values are two-sided.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from analysis.assumptions import equal_spread, normality
from analysis.estimate import Estimate, NotEstimableError
from analysis.samples import Floats, constant, differences, sample

STUDENT = "Student (1908), Biometrika 6(1), 1-25"
WELCH = "Welch (1947), Biometrika 34(1-2), 28-35"


def mean_interval(values: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Mean over participants with a t interval. values: (n,), in the unit of the values."""
    estimate = _of_one("mean", sample(values), confidence, "t interval")
    return replace(estimate, statistic=None, p=None)


def paired_difference(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Mean of a - b over participants, with a t interval.

    a, b: shape (n_participants,), rating points, the same person at the same index.
    Raises ValueError on unequal lengths, fewer than two people, or a missing value.
    Source: Student (1908), Biometrika 6(1), 1-25.
    """
    x = differences(a, b)
    estimate = _of_one("mean difference", x, confidence, "paired t test")
    return replace(estimate, checks=normality(x, "differences"))


def student_difference(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Mean of a minus mean of b, different people whose spread is the same, with a t interval."""
    x, y = _two(a, b)
    df = len(x) + len(y) - 2
    pooled = ((len(x) - 1) * x.var(ddof=1) + (len(y) - 1) * y.var(ddof=1)) / df
    error = float(np.sqrt(pooled * (1 / len(x) + 1 / len(y))))
    return _of_two(x, y, error, df, confidence=confidence, test="Student's t test", source=STUDENT)


def welch_difference(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Mean of a minus mean of b, different people, with Welch's t interval."""
    x, y = _two(a, b)
    parts = np.array([x.var(ddof=1) / len(x), y.var(ddof=1) / len(y)])
    df = float(parts.sum() ** 2 / (parts**2 / (len(x) - 1, len(y) - 1)).sum())
    return _of_two(
        x,
        y,
        float(np.sqrt(parts.sum())),
        df,
        confidence=confidence,
        test="Welch's t test",
        source=WELCH,
    )


def _two(a: ArrayLike, b: ArrayLike) -> tuple[Floats, Floats]:
    x, y = sample(a), sample(b)
    if constant(x) and constant(y):
        raise NotEstimableError("nobody differs from anyone in their own condition")
    return x, y


def _of_two(
    x: Floats, y: Floats, error: float, df: float, *, confidence: float, test: str, source: str
) -> Estimate:
    value = float(x.mean() - y.mean())
    reach = float(stats.t.ppf((1 + confidence) / 2, df)) * error
    return Estimate(
        name="difference of means",
        value=value,
        low=value - reach,
        high=value + reach,
        confidence=confidence,
        test=test,
        statistic=value / error,
        df=(df,),
        p=float(2 * stats.t.sf(abs(value / error), df)),
        n=len(x) + len(y),
        source=source,
        checks=normality(np.concatenate([x - x.mean(), y - y.mean()]), "residuals")
        + equal_spread([x, y]),
    )


def _of_one(name: str, x: Floats, confidence: float, test: str) -> Estimate:
    df = len(x) - 1
    error = float(x.std(ddof=1) / np.sqrt(len(x)))
    if error <= 1e-12 * max(1.0, float(np.abs(x).max())):
        raise NotEstimableError(
            f"all {len(x)} participants have the same value ({x[0]:g}), so there is no spread to "
            "judge it against"
        )
    mean = float(x.mean())
    t = mean / error
    reach = float(stats.t.ppf((1 + confidence) / 2, df)) * error
    return Estimate(
        name=name,
        value=mean,
        low=mean - reach,
        high=mean + reach,
        confidence=confidence,
        test=test,
        statistic=t,
        df=(float(df),),
        p=float(2 * stats.t.sf(abs(t), df)),
        n=len(x),
        source=STUDENT,
    )
