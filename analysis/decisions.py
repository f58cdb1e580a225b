"""Reliance, calibration and simulation accuracy in each condition, as plain JSON."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from analysis.calibration import (
    brier,
    calibration_curve,
    calibration_error,
    overconfidence,
    simulation_accuracy,
)
from analysis.conditions import factors
from analysis.dataset import Dataset
from analysis.estimate import NotEstimableError
from analysis.people import OverPeople
from analysis.reliance import (
    Decisions,
    accuracy_gains,
    reliance,
    signal_detection,
    weight_of_advice,
)
from analysis.trials import ROLES, outcome, task_trials

Json = dict[str, Any]

SEED = 0


def decisions(dataset: Dataset) -> list[Json]:
    """One entry for each level of each factor: how people decided, relied and foresaw there."""
    trials = task_trials(dataset)
    if trials[list(ROLES)].isna().all(axis=None):
        return []
    found = []
    for factor in factors(dataset.design):
        for level in factor.levels:
            rows = trials[trials[factor.name] == level] if factor.name in trials else trials
            found.append(
                {
                    "factor": factor.name,
                    "level": level,
                    "n_trials": len(rows),
                    "n_people": int(rows["participant"].nunique()),
                    "estimates": list(_estimates(rows)),
                    "calibration": [
                        each for role in ROLES if (each := _calibration(rows, role)) is not None
                    ],
                }
            )
    return found


def _estimates(rows: pd.DataFrame) -> Iterator[Json]:
    """Every estimate that these trials carry, and the reasons for those that they do not."""
    judged = rows.dropna(subset=["initial", "final", "predicted", "truth"])
    if len(judged):
        if judged["initial"].map(lambda value: isinstance(value, str)).all():
            decided = Decisions.of(
                judged.rename(columns={"predicted": "advice"}), participant="participant"
            )
            yield from _all("reliance", lambda: reliance(decided, seed=SEED))
            yield from _all("accuracy gain", lambda: accuracy_gains(decided, seed=SEED))
            yield from _all("telling right advice from wrong", lambda: signal_detection(decided))
        else:
            yield from _all("weight of advice", lambda: {"weight": _weight(judged)})
    foreseen = rows.dropna(subset=["simulated", "predicted"])
    if len(foreseen):
        yield from _all(
            "simulation",
            lambda: simulation_accuracy(
                foreseen["participant"], foreseen["simulated"], foreseen["predicted"], seed=SEED
            ),
            prefix="simulation: ",
        )


def _weight(judged: pd.DataFrame) -> OverPeople:
    told = pd.to_numeric(judged["predicted"], errors="coerce")
    if told.isna().any():
        raise NotEstimableError("the model's answers are no numbers")
    return weight_of_advice(
        judged["participant"].to_numpy(),
        judged["initial"].to_numpy(dtype=float),
        told.to_numpy(),
        judged["final"].to_numpy(dtype=float),
    )


def _all(name: str, compute: Any, prefix: str = "") -> Iterator[Json]:
    try:
        found: dict[str, OverPeople] = compute()
    except NotEstimableError as error:
        yield {"name": name, "reason": str(error)}
        return
    for each in found.values():
        row = each.estimate.to_json()
        yield row | {"name": prefix + row["name"]}


def _calibration(rows: pd.DataFrame, role: str) -> Json | None:
    """How sure people were of one kind of answer, against how often it was right."""
    said = rows.assign(right=outcome(rows, role)).dropna(subset=[f"{role}_confidence", "right"])
    if said.empty:
        return None
    who, sure = said["participant"], said[f"{role}_confidence"].to_numpy(dtype=float)
    right = said["right"].to_numpy()
    found: Json = {"role": role, "n_trials": len(said)}
    try:
        over = overconfidence(who, sure, right, seed=SEED).estimate.to_json()
        score = brier(who, sure, right, seed=SEED)
        error = calibration_error(who, sure, right, seed=SEED).to_json()
    except NotEstimableError as reason:
        return found | {"reason": str(reason)}
    curve = calibration_curve(sure, right)
    return found | {
        "overconfidence": over,
        "brier": score.score.estimate.to_json()
        | {
            "reliability": score.reliability,
            "resolution": score.resolution,
            "uncertainty": score.uncertainty,
        },
        "error": error,
        "curve": [
            {name: float(np.round(value, 12)) for name, value in row.items()}
            for row in curve.to_dict("records")
        ],
    }
