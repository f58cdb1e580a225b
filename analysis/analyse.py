"""Everything that is estimated for one set of participants, as plain JSON.

Where a statistic means nothing its place holds {"reason": ...} in words, never a NaN.
"""

from collections.abc import Callable
from typing import Any

import pandas as pd

from analysis.conditions import (
    Comparison,
    compare_levels,
    factors,
    participant_means,
    ratings,
    right_minus_wrong,
)
from analysis.correlations import correlations
from analysis.dataset import Dataset
from analysis.decisions import decisions
from analysis.design import COLUMN, NUMERIC, Factor, Item, Scale, Score
from analysis.estimate import Estimate, NotEstimableError
from analysis.highlights import ROLE, highlights
from analysis.hypotheses import hypotheses, unit_of
from analysis.reliability.alpha import cronbach_alpha
from analysis.reliability.items import item_statistics
from analysis.reliability.omega import omega_total
from analysis.scales import answers, possible, score_scale, turned
from analysis.trials import ROLES, SURE
from analysis.ttest import mean_interval

Json = dict[str, Any]

MOST_TEXTS = 100


def analyse(dataset: Dataset, *, whole: bool = True) -> Json:
    """Ratings per condition, hypotheses, scales and other items of these participants.

    whole: also what takes long and is not compared between sets of participants: omega, items,
    and whether odds are proportional.
    """
    design = dataset.design
    rated = [i for i in design.trial_items if design.items[i].kind in NUMERIC]
    in_scale = {
        item for scale in design.scales.values() for score in scale.scores for item in score.items
    }
    tasks = (*ROLES, *SURE, ROLE)
    other = [
        item
        for item, asked in design.items.items()
        if item not in in_scale and item not in rated and asked.role not in tasks
    ]
    return {
        "n": len(dataset.participants),
        "ratings": [
            _rating(dataset, design.items[item], factor)
            for item in rated
            for factor in factors(design)
        ],
        "hypotheses": hypotheses(dataset, whole=whole),
        "scales": [
            _score(dataset, scale, score, whole=whole)
            for scale in design.scales.values()
            for score in scale.scores
        ],
        "items": [_item(dataset, design.items[item]) for item in other],
        "decisions": decisions(dataset),
        "regions": highlights(dataset),
        "correlations": correlations(dataset),
    }


def comparison_json(comparison: Comparison) -> Json:
    """A comparison as plain JSON."""
    return {
        "estimates": [estimate.to_json() for estimate in comparison.estimates],
        "not_estimable": list(comparison.not_estimable),
        "n_incomplete": comparison.n_incomplete,
        "p": comparison.p,
    }


def _try(compute: Callable[..., Estimate], *inputs: Any) -> Json:
    try:
        return compute(*inputs).to_json()
    except NotEstimableError as error:
        return {"reason": str(error)}


def _rating(dataset: Dataset, item: Item, factor: Factor) -> Json:
    rows = ratings(dataset, item.id)
    means = participant_means(rows, factor)
    column = f"factor_{factor.name}"
    return {
        "item": item.id,
        "kind": item.kind,
        "role": item.role,
        "text": item.text,
        "unit": unit_of(item),
        "ends": item.ends,
        "labels": dict(item.labels),
        "factor": factor.name,
        "vary": factor.vary,
        "conditions": [
            _condition(rows[rows[column] == level], level, means[level].dropna(), item)
            for level in factor.levels
        ],
        "comparison": comparison_json(compare_levels(means, factor)),
    }


def _condition(rows: pd.DataFrame, level: str, means: pd.Series, item: Item) -> Json:
    given = rows["value"].dropna()
    return {
        "level": level,
        "n_people": len(means),
        "n_answers": len(given),
        "n_missing": len(rows) - len(given),
        "counts": _counts(given, item),
        "sd": None if len(means) < 2 else float(means.std()),
        "mean": _try(mean_interval, means.to_numpy()),
        "raw_mean": None if means.empty else float(means.mean()),
        "people": sorted(map(float, means)),
        "right": _split(rows, True),
        "wrong": _split(rows, False),
        "right_minus_wrong": _right_wrong(rows),
    }


def _split(rows: pd.DataFrame, correct: bool) -> Json:
    known = rows[rows["model_correct"].fillna(not correct) == correct].dropna(subset=["value"])
    means = known.groupby("participant_id")["value"].mean()
    return {"n_people": len(means), "mean": None if means.empty else float(means.mean())}


def _right_wrong(rows: pd.DataFrame) -> Json:
    try:
        estimate, incomplete = right_minus_wrong(rows)
    except NotEstimableError as error:
        return {"reason": str(error)}
    return estimate.to_json() | {"n_incomplete": incomplete}


def _counts(values: pd.Series, item: Item) -> dict[str, int] | None:
    """Answer -> how often, for items with a few answers; None for numbers."""
    if item.kind == "number":
        return None
    answers = range(item.ends[0], item.ends[1] + 1) if item.ends else range(2)
    return {str(answer): int((values == answer).sum()) for answer in answers}


def _score(dataset: Dataset, scale: Scale, score: Score, *, whole: bool) -> Json:
    wide = answers(dataset.responses, scale)
    first = wide.groupby("participant_id").head(1)
    scores = score_scale(wide, scale, score).groupby("participant_id").mean()
    kinds = {dataset.design.items[item].kind for item in score.items}
    row: Json = {
        "scale": scale.id,
        "name": scale.name,
        "source": scale.source,
        "score": score.id,
        "how": score.how,
        "n_items": len(score.items),
        "reverse": sorted(score.reverse),
        "range": list(possible(scale, score)),
        "n_people": int(scores.notna().sum()),
        "n_not_scored": int(scores.isna().sum()),
        "min_answered": score.min_answered,
        "sd": float(scores.std()) if scores.notna().sum() > 1 else None,
        "mean": _try(mean_interval, scores.dropna().to_numpy()),
        "raw_mean": float(scores.mean()) if scores.notna().any() else None,
        "repeated": len(wide) > len(first),
    }
    if kinds not in ({"likert"}, {"number"}):
        reason = f"alpha means nothing over items of kinds {', '.join(sorted(kinds))}"
        unknown = {"reason": reason}
        return row | {"alpha": unknown, "omega": unknown, "item_statistics": []}
    items = turned(first, scale, score)
    row["alpha"] = _try(cronbach_alpha, items.to_numpy())
    if not whole:
        return row
    return row | {
        "omega": _try(omega_total, items.to_numpy()),
        "item_statistics": _item_statistics(items),
    }


def _item_statistics(items: pd.DataFrame) -> list[Json]:
    """One entry an item; none where the items do not vary."""
    try:
        table = item_statistics(items.to_numpy())
    except NotEstimableError:
        return []
    rows = table.assign(item=list(items.columns)).to_dict("records")
    return [
        {str(key): None if pd.isna(value) else value for key, value in row.items()} for row in rows
    ]


def _item(dataset: Dataset, item: Item) -> Json:
    rows = dataset.responses[dataset.responses["item_id"] == item.id]
    given = rows[COLUMN[item.kind]].dropna()
    row: Json = {
        "item": item.id,
        "kind": item.kind,
        "text": item.text,
        "n_answers": len(given),
        "n_missing": len(rows) - len(given),
    }
    if item.kind == "choice":
        choices = item.choices or dict.fromkeys(sorted(given.unique()), "")
        counts = {value: int((given == value).sum()) for value in choices}
        return row | {"counts": counts, "labels": dict(choices)}
    if item.kind in ("text", "list"):
        texts = [str(text) for text in given.head(MOST_TEXTS)]
        return row | {"texts": texts, "n_more": len(given) - len(texts)}
    if item.kind == "number":
        if given.empty:
            return row
        return row | {
            "mean": float(given.mean()),
            "median": float(given.median()),
            "smallest": float(given.min()),
            "largest": float(given.max()),
        }
    return row | {"counts": _counts(given, item), "labels": dict(item.labels)}
