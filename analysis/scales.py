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
            items[item] = sum(scale.ends[item]) - items[item]
    return items


def score_scale(wide: pd.DataFrame, scale: Scale, score: Score) -> pd.Series:
    """The score of each row, in points; NaN where fewer than min_answered items were answered.

    A sum over answered items alone would be too low, so a sum with gaps is the mean of what was
    answered times the number of items; a mean is the mean of what was answered. Either is
    multiplied by scale_by, and offset is added.
    """
    items = turned(wide, scale, score)
    means = items.mean(axis=1).where(items.notna().sum(axis=1) >= score.min_answered)
    points = means if score.how == "mean" else means * len(score.items)
    return points * score.scale_by + score.offset


def possible(scale: Scale, score: Score) -> tuple[float, float]:
    """The lowest and the highest value that a score can have, in points."""
    width = len(score.items) if score.how == "mean" else 1
    low, high = (sum(scale.ends[item][end] for item in score.items) / width for end in (0, 1))
    ends = sorted((score.scale_by * low + score.offset, score.scale_by * high + score.offset))
    return ends[0], ends[1]
