"""The items of a scale: who answered all of them, and how each goes with the rest."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.estimate import NotEstimableError
from analysis.reliability.alpha import alpha_of_covariance
from analysis.reliability.complete import complete, fisher_interval, varying
from analysis.samples import Floats


def item_statistics(items: ArrayLike, confidence: float = 0.95) -> pd.DataFrame:
    """One row an item: mean, sd, its correlations with the total, and alpha without it.

    items: (n_people, n_items), reversed ones turned round; a gap is NaN and drops the person.
    r_total: with the sum of all items; r_rest, low, high: with the sum of the others, and the
    interval from Fisher's z; alpha_without: NaN where two items are too few to do without one.
    Source: Cureton (1966), Psychometrika 31(1), 93-96; Fisher (1921), Metron 1, 3-32.
    """
    x, _ = complete(items)
    varying(x, "an item's correlation with the others")
    rows = []
    for place in range(x.shape[1]):
        others = np.delete(x, place, axis=1)
        r_rest = _correlation(x[:, place], others.sum(axis=1))
        low, high = fisher_interval(r_rest, len(x), confidence)
        rows.append(
            {
                "n": len(x),
                "mean": float(x[:, place].mean()),
                "sd": float(x[:, place].std(ddof=1)),
                "r_total": _correlation(x[:, place], x.sum(axis=1)),
                "r_rest": r_rest,
                "low": low,
                "high": high,
                "alpha_without": _alpha(others),
            }
        )
    return pd.DataFrame(rows)


def _correlation(item: Floats, total: Floats) -> float:
    """NaN where everyone has the same total."""
    if np.ptp(total) == 0:
        return float("nan")
    return float(np.corrcoef(item, total)[0, 1])


def _alpha(others: Floats) -> float:
    if others.shape[1] < 2:
        return float("nan")
    try:
        return alpha_of_covariance(np.cov(others, rowvar=False))
    except NotEstimableError:
        return float("nan")
