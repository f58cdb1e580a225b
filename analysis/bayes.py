"""Bayes factors of a difference of means against none, with a Cauchy prior on its size (JZS).

Above 1 the numbers speak for a difference, below 1 for none.
"""

from math import exp, inf, log, log1p, pi, sqrt

import numpy as np
from numpy.typing import ArrayLike
from scipy import integrate

from analysis.estimate import Estimate
from analysis.ttest import paired_difference, student_difference

ROUDER = "Rouder et al. (2009), Psychonomic Bulletin & Review 16(2), 225-237"
MEDIUM = sqrt(2) / 2


def paired_bayes_factor(a: ArrayLike, b: ArrayLike, scale: float = MEDIUM) -> Estimate:
    """Bayes factor of a paired difference; scale: of the Cauchy prior, standard deviations."""
    t = paired_difference(a, b)
    return _result(t, float(t.n), scale)


def unpaired_bayes_factor(a: ArrayLike, b: ArrayLike, scale: float = MEDIUM) -> Estimate:
    """Bayes factor of a difference between two groups whose spread is the same."""
    t = student_difference(a, b)
    first, second = np.size(a), np.size(b)
    return _result(t, first * second / (first + second), scale)


def _result(t: Estimate, effective_n: float, scale: float) -> Estimate:
    if scale <= 0:
        raise ValueError(f"the scale of the prior must be above 0, got {scale}")
    if t.statistic is None:
        raise ValueError(f"{t.test} gave no statistic")
    return Estimate(
        name="Bayes factor",
        value=_jzs(t.statistic, effective_n, t.df[0], scale),
        test=f"JZS Bayes factor, {t.test}",
        statistic=t.statistic,
        df=t.df,
        n=t.n,
        source=ROUDER,
        notes=(f"Cauchy prior of scale {scale:.3g}; above 1 speaks for a difference",),
        checks=t.checks,
    )


def _jzs(t: float, n: float, df: float, scale: float) -> float:
    """Rouder's equation 1, the variance g of the effect integrated over its logarithm."""

    def log_density(u: float) -> float:
        g = exp(u)
        spread = 1 + n * scale**2 * g
        return (
            -0.5 * log(spread)
            - (df + 1) / 2 * log1p(t**2 / (spread * df))
            - 0.5 * log(2 * pi)
            - 0.5 * u
            - 1 / (2 * g)
        )

    grid = np.linspace(-12, 60, 721)
    heights = np.array([log_density(u) for u in grid])
    top = float(heights.max())
    peak = float(grid[heights.argmax()])

    def relative(u: float) -> float:
        return exp(log_density(u) - top)

    def area(low: float, high: float) -> float:
        return float(integrate.quad(relative, low, high, epsabs=0, epsrel=1e-10, limit=200)[0])

    under_none = (df + 1) / 2 * log1p(t**2 / df)
    log_factor = top + log(area(-12, peak) + area(peak, 120)) + under_none
    return exp(log_factor) if log_factor < 700 else inf
