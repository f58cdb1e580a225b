"""Everything that is estimated for one set of participants, as plain JSON.

Where a statistic means nothing its place holds {"reason": ...} in words, never a NaN.
"""

from collections.abc import Callable
from typing import Any

import pandas as pd

from analysis.conditions import (
    Comparison,
    compare_levels,
    contrast,
    factors,
    outcome_means,
    participant_means,
    ratings,
    right_minus_wrong,
)
from analysis.dataset import Dataset
from analysis.design import NUMERIC, Factor, Hypothesis, Item, Scale, Score
from analysis.estimate import Estimate, NotEstimableError
from analysis.multiplicity import holm
from analysis.reliability.alpha import cronbach_alpha
from analysis.scales import answers, score_scale, turned
from analysis.ttest import mean_interval

Json = dict[str, Any]

MOST_TEXTS = 100


def analyse(dataset: Dataset) -> Json:
    """Ratings per condition, hypotheses, scales and other items of these participants."""
    design = dataset.design
    rated = [i for i in design.trial_items if design.items[i].kind in NUMERIC]
    in_scale = {item for scale in design.scales.values() for item in scale.items}
    other = [item for item in design.items if item not in in_scale and item not in rated]
    return {
        "n": len(dataset.participants),
        "ratings": [
            _rating(dataset, design.items[item], factor)
            for item in rated
            for factor in factors(design)
        ],
        "hypotheses": _hypotheses(dataset),
        "scales": [
            _score(dataset, scale, score)
            for scale in design.scales.values()
            for score in scale.scores
        ],
        "items": [_item(dataset, design.items[item]) for item in other],
    }


def comparison_json(comparison: Comparison) -> Json:
    """A comparison as plain JSON."""
    return {
        "estimates": [estimate.to_json() for estimate in comparison.estimates],
        "not_estimable": list(comparison.not_estimable),
        "n_incomplete": comparison.n_incomplete,
        "p": comparison.p,
    }


def _unit(item: Item | None) -> str:
    """What a mean of the item counts; None stands for a scale's score."""
    if item is not None and item.kind == "yes_no":
        return "(share of yes)"
    return "units" if item is not None and item.kind == "number" else "points"


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
        "unit": _unit(item),
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


def _hypotheses(dataset: Dataset) -> list[Json]:
    rows = [_hypothesis(dataset, hypothesis) for hypothesis in dataset.design.hypotheses]
    family = [row for row in rows if row["confirmatory"] and row["p"] is not None]
    for row, adjusted in zip(family, holm([row["p"] for row in family]), strict=True):
        row["p_holm"] = adjusted
    return rows


def _hypothesis(dataset: Dataset, hypothesis: Hypothesis) -> Json:
    levels = hypothesis.contrast
    design = dataset.design
    if levels is None:
        factor = next((f for f in design.factors if f.name in hypothesis.formula), None)
    else:
        factor = design.factor_of(levels)
    row: Json = {
        "id": hypothesis.id,
        "outcome": hypothesis.outcome,
        "unit": _unit(design.items.get(hypothesis.outcome)),
        "formula": hypothesis.formula,
        "contrast": levels,
        "confirmatory": hypothesis.confirmatory,
        "factor": factor and factor.name,
        "vary": factor and factor.vary,
        "p_holm": None,
    }
    try:
        if factor is None:
            raise NotEstimableError(f"no factor of the design has the levels {levels}")
        means = outcome_means(dataset, hypothesis.outcome, factor)
        compared = contrast(means, factor, levels) if levels else compare_levels(means, factor)
    except NotEstimableError as error:
        compared = Comparison((), (str(error),))
    return row | comparison_json(compared)


def _score(dataset: Dataset, scale: Scale, score: Score) -> Json:
    wide = answers(dataset.responses, scale)
    first = wide.groupby("participant_id").head(1)
    scores = score_scale(wide, scale, score).groupby("participant_id").mean()
    kinds = {dataset.design.items[item].kind for item in score.items}
    width = len(score.items) if score.how == "sum" else 1
    row: Json = {
        "scale": scale.id,
        "name": scale.name,
        "source": scale.source,
        "score": score.id,
        "how": score.how,
        "n_items": len(score.items),
        "reverse": sorted(score.reverse),
        "range": [scale.low * width, scale.high * width],
        "n_people": int(scores.notna().sum()),
        "n_not_scored": int(scores.isna().sum()),
        "min_answered": score.min_answered,
        "sd": float(scores.std()) if scores.notna().sum() > 1 else None,
        "mean": _try(mean_interval, scores.dropna().to_numpy()),
        "raw_mean": float(scores.mean()) if scores.notna().any() else None,
        "repeated": len(wide) > len(first),
    }
    if kinds != {"likert"}:
        reason = f"alpha means nothing over items of kinds {', '.join(sorted(kinds))}"
        return row | {"alpha": {"reason": reason}}
    return row | {"alpha": _try(cronbach_alpha, turned(first, scale, score).to_numpy())}


def _item(dataset: Dataset, item: Item) -> Json:
    rows = dataset.responses[dataset.responses["item_id"] == item.id]
    column = "value_number" if item.kind in NUMERIC else "value_text"
    given = rows[column].dropna()
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
    if item.kind == "text":
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
