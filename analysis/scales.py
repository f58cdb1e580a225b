"""Score scales by their own rule, and say how reliable the scores are."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from analysis.design import Scale, Score
from analysis.estimate import Estimate, NotEstimableError

CRONBACH = "Cronbach (1951), Psychometrika 16(3), 297-334"
FELDT = "interval: Feldt, Woodruff & Salih (1987), Applied Psychological Measurement 11(1), 93-103"


def answers(responses: pd.DataFrame, scale: Scale) -> pd.DataFrame:
    """One row for each time a participant met the scale, one column for each item; gaps are NaN."""
    rows = responses[responses["scale_id"] == scale.id]
    wide = rows.pivot(
        index=["participant_id", "step_position", "attempt"],
        columns="item_id",
        values="value_number",
    )
    return wide.reindex(columns=list(scale.items))


def turned(wide: pd.DataFrame, scale: Scale, score: Score) -> pd.DataFrame:
    """The items of one score, reversed ones turned round: low + high - answer."""
    items = wide[list(score.items)].copy()
    for item in score.items:
        if item in score.reverse:
            items[item] = scale.low + scale.high - items[item]
    return items


def score_scale(wide: pd.DataFrame, scale: Scale, score: Score) -> pd.Series:
    """The score of each row, in points; NaN where fewer than min_answered items were answered.

    A sum over answered items alone would be too low, so a sum with gaps is the mean of what was
    answered times the number of items; a mean is the mean of what was answered.
    """
    items = turned(wide, scale, score)
    means = items.mean(axis=1).where(items.notna().sum(axis=1) >= score.min_answered)
    return means if score.how == "mean" else means * len(score.items)


def cronbach_alpha(items: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Cronbach's alpha over people who answered every item, with Feldt's interval.

    items: shape (n_people, n_items), reversed ones turned round; a gap is NaN and drops the person.
    Raises NotEstimableError for one item, fewer than three complete people, or no variance.
    """
    matrix = np.asarray(items, dtype=float)
    if matrix.ndim != 2 or matrix.shape[1] < 2:
        raise NotEstimableError("alpha needs at least two items")
    complete = matrix[~np.isnan(matrix).any(axis=1)]
    n, k = complete.shape
    if n < 3:
        raise NotEstimableError(
            f"alpha needs at least three people who answered every item; there are {n}"
        )
    alpha = alpha_of_covariance(np.cov(complete, rowvar=False))
    df = (float(n - 1), float((n - 1) * (k - 1)))
    tail = (1 - confidence) / 2
    dropped = len(matrix) - n
    return Estimate(
        name="Cronbach's alpha",
        value=alpha,
        low=1 - (1 - alpha) * float(stats.f.ppf(1 - tail, *df)),
        high=1 - (1 - alpha) * float(stats.f.ppf(tail, *df)),
        confidence=confidence,
        test="Feldt's F interval",
        df=df,
        n=n,
        source=f"{CRONBACH}; {FELDT}",
        notes=(f"{dropped} left out for an unanswered item",) if dropped else (),
    )


def alpha_of_covariance(covariance: NDArray[np.float64]) -> float:
    """Alpha from the items' covariance matrix, shape (k, k). Raises NotEstimableError."""
    k = len(covariance)
    if (np.diag(covariance) == 0).any():
        raise NotEstimableError("alpha means nothing here: everyone gave one item the same answer")
    total = float(covariance.sum())
    if total <= 1e-12 * float(np.trace(covariance)):
        raise NotEstimableError("alpha means nothing here: everyone has the same total")
    return k / (k - 1) * (1 - float(np.trace(covariance)) / total)
