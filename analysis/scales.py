"""Score scales by their own rule."""

import pandas as pd

from analysis.design import Scale, Score


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
