"""Answer each hypothesis by its declared model, and the same question by other methods."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from analysis.conditions import compare_levels, contrast, participant_means
from analysis.dataset import Dataset
from analysis.design import Factor, Hypothesis, Item, Scale, Score
from analysis.estimate import Estimate, NotEstimableError
from analysis.formulas import Declared, declared, default
from analysis.frames import score_frame, trial_frame
from analysis.linear_model import fit_linear
from analysis.models import Fitted, Ordinal, candidates, first_that_fits, fit_ordinal
from analysis.multiplicity import holm
from analysis.permutation import paired_permutation, unpaired_permutation
from analysis.trials import OUTCOMES, task_trials
from analysis.trials import outcome as outcome_of

Json = dict[str, Any]

LOG_ODDS = "log odds"


def hypotheses(dataset: Dataset, *, whole: bool = True) -> list[Json]:
    """Every declared hypothesis, p values of the confirmatory ones adjusted together.

    whole: also whether odds are proportional, which takes another fit.
    """
    rows = [_hypothesis(dataset, each, whole=whole) for each in dataset.design.hypotheses]
    family = [row for row in rows if row["confirmatory"] and row["p"] is not None]
    for row, adjusted in zip(family, holm([row["p"] for row in family]), strict=True):
        row["p_holm"] = adjusted
    return rows


def unit_of(item: Item | None) -> str:
    """What a mean of the item counts; None stands for a scale's score."""
    if item is not None and item.kind == "yes_no":
        return "(share of yes)"
    return "units" if item is not None and item.kind == "number" else "points"


def _hypothesis(dataset: Dataset, hypothesis: Hypothesis, *, whole: bool) -> Json:
    """One hypothesis: the model's answer, the same question by other methods, or why there is none.

    reasons: why the declared model was not the one fitted.
    """
    design, levels = dataset.design, hypothesis.contrast
    if levels is None:
        factor = next((f for f in design.factors if f.name in hypothesis.formula), None)
    else:
        factor = design.factor_of(levels)
    row: Json = {
        "id": hypothesis.id,
        "outcome": hypothesis.outcome,
        "unit": "(share)"
        if hypothesis.outcome in OUTCOMES
        else unit_of(design.items.get(hypothesis.outcome)),
        "formula": hypothesis.formula,
        "contrast": levels,
        "confirmatory": hypothesis.confirmatory,
        "factor": factor and factor.name,
        "vary": factor and factor.vary,
        "estimate": None,
        "scale": None,
        "points": None,
        "means": [],
        "model": None,
        "sensitivity": [],
        "reasons": [],
        "not_estimable": [],
        "n_incomplete": 0,
        "p": None,
        "p_holm": None,
    }
    try:
        if factor is None:
            raise NotEstimableError(f"no factor of the design has the levels {levels}")
        frame, kind = _answers(dataset, hypothesis.outcome, factor)
    except NotEstimableError as error:
        return row | {"not_estimable": [str(error)]}
    given = frame.dropna(subset=["value", factor.name])
    if reason := _too_few(given, factor, levels):
        return row | {"not_estimable": [reason]}
    # One answer a person leaves nothing for a mixed model to tell apart.
    repeated = bool(given["participant"].duplicated().any())
    checks, incomplete = _checks(given, factor, levels)
    row |= {"sensitivity": checks, "n_incomplete": incomplete}
    if repeated:
        row |= _modelled(given, kind, factor, hypothesis, whole=whole)
    if row["p"] is None:
        row |= _plain(given, factor, levels)
    return row


def _too_few(frame: pd.DataFrame, factor: Factor, levels: tuple[str, str] | None) -> str:
    """Why so few people cannot be compared, whatever the model; empty where they can."""
    people = frame.groupby(factor.name, observed=False)["participant"].nunique()
    counts = people.reindex(list(levels or factor.levels)).fillna(0)
    fewest = int(counts.min())
    if fewest >= 2:
        return ""
    return f"this needs at least two participants in each condition; {counts.idxmin()} has {fewest}"


def _answers(dataset: Dataset, outcome: str, factor: Factor) -> tuple[pd.DataFrame, str]:
    """One row an answer, and the kind of the answers; a scale's score is a number."""
    if outcome in dataset.design.trial_items:
        kind = dataset.design.items[outcome].kind
        if kind not in ("likert", "yes_no", "number"):
            raise NotEstimableError(f"{outcome} is a {kind} item, whose answers have no mean")
        return trial_frame(dataset, outcome), kind
    if outcome in OUTCOMES:
        trials = task_trials(dataset)
        values = outcome_of(trials, outcome)
        if values.isna().all():
            raise NotEstimableError(f"no trial asked for what {outcome} needs")
        return trials.assign(value=values), "yes_no"
    scale, score = _score_named(dataset, outcome)
    frame = score_frame(dataset, scale, score)
    if factor.vary == "within" and frame[factor.name].isna().all():
        raise NotEstimableError(
            f"{outcome} was asked once of each participant, who saw every level of "
            f"{factor.name}, so it cannot be compared between them"
        )
    return frame, "number"


def _score_named(dataset: Dataset, outcome: str) -> tuple[Scale, Score]:
    for scale in dataset.design.scales.values():
        for score in scale.scores:
            if outcome in (f"{scale.id}.{score.id}", score.id, scale.id):
                return scale, score
    raise NotEstimableError(
        f"the outcome {outcome} is neither an item asked on trials nor a scale's score"
    )


def _modelled(
    frame: pd.DataFrame, kind: str, factor: Factor, hypothesis: Hypothesis, *, whole: bool
) -> Json:
    """The mixed model's answer, or the reasons why no mixed model can be fitted."""
    reasons: list[str] = []
    model = _default(frame, factor)
    if hypothesis.formula:
        try:
            model = declared(hypothesis.formula)
        except ValueError as error:
            reasons.append(str(error))

    def fit(rows: pd.DataFrame, wanted: Declared) -> Fitted:
        found = (fit_linear if kind == "number" else fit_ordinal)(rows, wanted)
        found.means(factor.name)  # a model that does not hold the factor has no answer
        return found

    models = candidates(model, factor.name)
    if not model.holds("participant"):
        models += candidates(_default(frame, factor), factor.name)
    try:
        fitted, why = first_that_fits(frame, models, fit)
        reasons += why
        answer = _answer(fitted, factor, hypothesis.contrast, whole=whole)
    except NotEstimableError as error:
        return {"reasons": [*reasons, f"no mixed model could be fitted: {error}"]}
    answer["model"]["declared"] = bool(hypothesis.formula) and not reasons
    answer["scale"] = "points" if kind == "number" else LOG_ODDS
    return answer | {"reasons": reasons}


def _default(frame: pd.DataFrame, factor: Factor) -> Declared:
    model = default(factor.name, factor.vary)
    if "stimulus" in frame:
        return model
    return Declared(model.predictors, ("1 | participant",))


def _answer(fitted: Fitted, factor: Factor, levels: tuple[str, str] | None, *, whole: bool) -> Json:
    if levels is None:
        estimate, points = fitted.omnibus(factor.name), None
    else:
        estimate = fitted.difference(factor.name, levels)
        points = fitted.points(factor.name, levels).to_json()
    return {
        "estimate": estimate.to_json(),
        "points": points,
        "p": estimate.p,
        "means": [
            {"level": level, "value": value, "low": low, "high": high}
            for level, value, low, high in fitted.means(factor.name)
        ],
        "model": {
            "label": fitted.label,
            "method": fitted.method,
            "n_answers": fitted.n_answers,
            "notes": list(fitted.notes),
            "spread": [
                {"grouping": grouping, "effect": effect, "sd": sd}
                for grouping, effect, sd in fitted.spread()
            ],
            "proportional_odds": _proportional_odds(fitted, factor.name) if whole else None,
        },
    }


def _proportional_odds(fitted: Fitted, factor: str) -> Json | None:
    """Whether the factor's effect is the same at every threshold; None for other models."""
    if not isinstance(fitted, Ordinal) or len(fitted.fit.design.levels) < 3:
        return None
    return _try("proportional odds", fitted.proportional_odds, factor)


def _checks(
    frame: pd.DataFrame, factor: Factor, levels: tuple[str, str] | None
) -> tuple[list[Json], int]:
    """The same question by tests of participants' means; also how many lack a level."""
    means = _means(frame, factor)
    compared = contrast(means, factor, levels) if levels else compare_levels(means, factor)
    found: list[Json] = [estimate.to_json() for estimate in compared.estimates]
    found += [{"test": "not computed", "reason": reason} for reason in compared.not_estimable]
    if levels is not None:
        permuted = paired_permutation if factor.vary == "within" else unpaired_permutation
        columns = means[list(levels)]
        columns = columns.dropna() if factor.vary == "within" else columns
        samples = [columns[level].dropna().to_numpy() for level in levels]
        found.append(_try("permutation test", permuted, *samples))
    return found, compared.n_incomplete


def _means(frame: pd.DataFrame, factor: Factor) -> pd.DataFrame:
    rows = frame.rename(columns={"participant": "participant_id"})
    return participant_means(rows.assign(**{f"factor_{factor.name}": rows[factor.name]}), factor)


def _plain(frame: pd.DataFrame, factor: Factor, levels: tuple[str, str] | None) -> Json:
    """The test of participants' means in place of a model."""
    means = _means(frame, factor)
    compared = contrast(means, factor, levels) if levels else compare_levels(means, factor)
    if compared.p is None:
        return {"not_estimable": list(compared.not_estimable)}
    estimate = compared.estimates[0].to_json()
    return {
        "estimate": estimate,
        "scale": "points",
        "points": estimate if levels else None,
        "p": compared.p,
    }


def _try(name: str, compute: Callable[..., Estimate], *inputs: Any) -> Json:
    try:
        return compute(*inputs).to_json()
    except NotEstimableError as error:
        return {"test": name, "reason": str(error)}
