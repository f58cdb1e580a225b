"""Quantities with their intervals and tests: of one sample, and of pairs."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

RESAMPLES = 2_000
CONFIDENCE = 0.95

Values = NDArray[np.float64]
Statistic = Callable[[Values], Values]  # of the last axis


@dataclass(frozen=True)
class Measured:
    """A quantity with its 95 % interval, n, and how it was got; p is two-sided, where tested."""

    value: float
    low: float
    high: float
    n: int
    how: str
    p: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON, numbers to six digits."""
        return {
            name: float(f"{each:.6g}") if isinstance(each, float) else each
            for name, each in asdict(self).items()
        }

    def exp(self) -> "Measured":
        """The same of what this is the logarithm of."""
        low, value, high = (math.exp(each) for each in (self.low, self.value, self.high))
        return replace(self, value=value, low=low, high=high, how=f"exponential of {self.how}")

    def __str__(self) -> str:
        """The value and its interval, for a table."""
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}]"


def mean(values: Sequence[float] | Values, of: str = "texts") -> Measured:
    """The mean of values (n,), with a percentile bootstrap interval over what they are `of`."""
    return _bootstrapped(np.asarray(values, np.float64), lambda x: x.mean(-1), "mean", of)


def median(values: Sequence[float] | Values, of: str = "texts") -> Measured:
    """The median of values (n,), with a percentile bootstrap interval."""
    return _bootstrapped(np.asarray(values, np.float64), lambda x: np.median(x, -1), "median", of)


def ratio(parts: Values, wholes: Values, of: str = "texts") -> Measured:
    """The sum of parts (n,) over that of wholes (n,), with a bootstrap interval over both.

    n is the sum of wholes. Raises ValueError where that is 0.
    """
    if wholes.sum() == 0:
        raise ValueError("nothing to take a share of")
    drawn = _draws(len(parts))
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = parts[drawn].sum(-1) / wholes[drawn].sum(-1)
    low, high = _ends(shares[np.isfinite(shares)])
    how = f"share, bootstrap over {len(parts)} {of}"
    return Measured(float(parts.sum() / wholes.sum()), low, high, int(wholes.sum()), how)


def of_sums(sums: Values, statistic: Callable[[Values], Values], how: str, n: int) -> Measured:
    """What `statistic` makes of sums over texts, with a bootstrap interval over texts.

    sums (k, texts): k sums within each text. statistic: (k, ...) -> (...) of sums over texts. n: of
    what the sums are over.
    """
    drawn = _draws(sums.shape[1])
    low, high = _ends(statistic(sums[:, drawn].sum(-1)))
    return Measured(float(statistic(sums.sum(-1))), low, high, n, how)


def change(before: Values, after: Values, of: str = "texts") -> Measured:
    """The mean of after - before, (n,) each of the same stimuli, by bootstrap and Wilcoxon.

    p: signed ranks with Pratt's treatment of zeros, 1 where nothing differs. Source: Wilcoxon
    1945, Biometrics Bulletin 1(6), 80-83.
    """
    difference = after - before
    found = mean(difference, of)
    p = 1.0
    if difference.any():
        p = float(stats.wilcoxon(difference, zero_method="pratt", method="auto").pvalue)
    how = f"mean of paired differences, bootstrap over {of}; p by Wilcoxon's signed ranks"
    return Measured(found.value, found.low, found.high, found.n, how, p)


def share_change(before: NDArray[np.bool_], after: NDArray[np.bool_], of: str) -> Measured:
    """The change of a share between (n,) and (n,) of the same stimuli; p by exact McNemar.

    Source: McNemar 1947, Psychometrika 12(2), 153-157, with binomial probabilities.
    """
    found = mean(after.astype(np.float64) - before, of)
    lost, won = int((before & ~after).sum()), int((~before & after).sum())
    p = float(stats.binomtest(won, won + lost).pvalue) if won + lost else 1.0
    how = f"change of a share, bootstrap over {of}; exact McNemar, {lost} lost and {won} won"
    return Measured(found.value, found.low, found.high, found.n, how, p)


def holm(p: Sequence[float]) -> list[float]:
    """Adjust p-values for their number. Source: Holm 1979, Scand. J. Statistics 6(2), 65-70."""
    order = np.argsort(p, kind="stable")
    steps = np.asarray(p)[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return [float(each) for each in adjusted]


def _bootstrapped(values: Values, statistic: Statistic, name: str, of: str) -> Measured:
    if len(values) == 0:
        raise ValueError(f"no {of} to take a {name} over")
    low, high = _ends(statistic(values[_draws(len(values))]))
    return Measured(
        float(statistic(values)), low, high, len(values), f"{name}, bootstrap over {of}"
    )


def _draws(n: int) -> NDArray[np.int64]:
    return np.random.default_rng(0).integers(0, n, (RESAMPLES, n))


def _ends(values: Values) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
