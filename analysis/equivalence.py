"""Whether a difference is small enough not to matter: two one-sided tests (TOST).

The interval is the one that decides at level alpha: 1 - 2 alpha, 90 % for alpha .05. The two are
equivalent where it lies between the bounds.
"""

from collections.abc import Callable
from dataclasses import replace

from numpy.typing import ArrayLike
from scipy import stats

from analysis.estimate import Estimate
from analysis.ttest import paired_difference, welch_difference

SCHUIRMANN = "Schuirmann (1987), J. Pharmacokinetics and Biopharmaceutics 15(6), 657-680"


def paired_equivalence(
    a: ArrayLike, b: ArrayLike, low: float, high: float, alpha: float = 0.05
) -> Estimate:
    """Whether the mean of a - b, the same people, lies between low and high, rating points."""
    return _tost(paired_difference, a, b, (low, high), alpha)


def unpaired_equivalence(
    a: ArrayLike, b: ArrayLike, low: float, high: float, alpha: float = 0.05
) -> Estimate:
    """Whether the difference of means of different people lies between low and high (Welch)."""
    return _tost(welch_difference, a, b, (low, high), alpha)


def _tost(
    test: Callable[[ArrayLike, ArrayLike, float], Estimate],
    a: ArrayLike,
    b: ArrayLike,
    bounds: tuple[float, float],
    alpha: float,
) -> Estimate:
    low, high = bounds
    if not low < high:
        raise ValueError(f"the bounds of equivalence must rise, got {low} and {high}")
    found = test(a, b, 1 - 2 * alpha)
    if found.statistic is None or found.low is None or found.high is None:
        raise ValueError(f"{found.test} gave no statistic")
    df = found.df[0]
    # Half the interval over its t gives the standard error; exact even where the mean is 0.
    error = (found.high - found.low) / 2 / float(stats.t.ppf(1 - alpha, df))
    above, below = (found.value - low) / error, (found.value - high) / error
    p_above, p_below = float(stats.t.sf(above, df)), float(stats.t.cdf(below, df))
    return replace(
        found,
        test=f"two one-sided tests, {found.test}",
        statistic=above if p_above >= p_below else below,
        p=max(p_above, p_below),
        source=f"{SCHUIRMANN}; {found.source}",
        notes=(f"bounds {low:g} and {high:g}; p is the larger of the two one-sided",),
    )
