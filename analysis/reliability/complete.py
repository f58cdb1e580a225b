"""What the reliability statistics of a scale share: complete answers, and an interval for r."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from analysis.estimate import NotEstimableError
from analysis.samples import Floats, constant, numbers


def complete(items: ArrayLike, least: int = 2) -> tuple[Floats, tuple[str, ...]]:
    """The people who answered every item, and a note on those left out.

    items: (n_people, n_items); a gap is NaN. least: items needed.
    Raises NotEstimableError for too few items or fewer than three complete people.
    """
    x = np.asarray(items, dtype=float)
    if x.ndim != 2 or x.shape[1] < least:
        count = {2: "two", 3: "three", 4: "four"}.get(least, str(least))
        raise NotEstimableError(f"this needs at least {count} items")
    rows = x[~np.isnan(x).any(axis=1)]
    numbers(rows)
    dropped = len(x) - len(rows)
    if len(rows) < 3:
        raise NotEstimableError(
            f"this needs at least three people who answered every item; there are {len(rows)}"
        )
    return rows, (f"{dropped} left out for an unanswered item",) if dropped else ()


def varying(items: Floats, what: str) -> None:
    """Raise NotEstimableError where everyone gave one item the same answer."""
    if any(constant(item) for item in items.T):
        raise NotEstimableError(
            f"{what} means nothing here: everyone gave one item the same answer"
        )


def fisher_interval(r: float, n: int, confidence: float) -> tuple[float, float]:
    """Interval of a correlation from Fisher's z; NaN for three people or fewer, or no r."""
    if n < 4 or not abs(r) < 1:
        return float("nan"), float("nan")
    reach = float(stats.norm.ppf((1 + confidence) / 2)) / np.sqrt(n - 3)
    low, high = np.tanh(np.arctanh(r) + np.array([-reach, reach]))
    return float(low), float(high)
