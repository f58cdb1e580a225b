"""Do measures of an explanation predict how people answered to it? Mixed models over explanations.

Each measure that the export has is asked on its own, as the difference from a random attribution's
where that was measured, in standard deviations over the explanations shown. Conditions are held
apart where there are several, so a slope is not the difference between methods.
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from analysis.dataset import Dataset
from analysis.estimate import NotEstimableError
from analysis.formulas import Declared
from analysis.frames import trial_frame
from analysis.linear_model import fit_linear
from analysis.models import first_that_fits, fit_ordinal
from analysis.multiplicity import benjamini_hochberg
from analysis.trials import OUTCOMES, outcome, task_trials

Json = dict[str, Any]

# In the order in which they are asked, few so that few tests are made -> which way is better.
MEASURES = {
    "faithfulness_correlation": "higher",
    "deletion_area": "lower",
    "insertion_area": "higher",
    "comprehensiveness": "higher",
    "sufficiency": "lower",
    "infidelity": "lower",
    "max_sensitivity": "lower",
    "seed_agreement": "higher",
    "sparsity": None,
}
BEYOND = " beyond random"
MOST = 5
FEWEST = 5
SPEARMAN = "Spearman (1904), American Journal of Psychology 15(1), 72-101"


def quality(dataset: Dataset) -> list[Json]:
    """One entry for each outcome and measure; p values adjusted together (false discovery rate)."""
    measures = _measures(dataset)
    if measures.empty:
        return []
    rows: list[Json] = [
        {"outcome": name, "text": text, "measure": str(measure), "better": _better(str(measure))}
        | _row(frame, measures[measure], _factor(dataset), number=kind == "number")
        for name, text, kind, frame in _outcomes(dataset)
        for measure in measures.columns
    ]
    tested = [row for row in rows if row.get("p") is not None]
    for row, p in zip(tested, benjamini_hochberg([row["p"] for row in tested]), strict=True):
        row["p_fdr"] = p
    return rows


def _measures(dataset: Dataset) -> pd.DataFrame:
    """Explanations shown x measures that vary between them, standardised."""
    shown = dataset.steps["explanation_digest"].dropna().unique()
    values = dataset.metrics[dataset.metrics["explanation_digest"].isin(shown)]
    wide = values.pivot(index="explanation_digest", columns="metric", values="value")
    found = {}
    for measure in MEASURES:
        if measure not in wide:
            continue
        column, chance = wide[measure], f"random_{measure}"
        if chance in wide and wide[chance].notna().any():
            column, name = column - wide[chance], f"{measure}{BEYOND}"
        else:
            name = measure
        known = column.dropna()
        if len(known) >= FEWEST and known.std() > 1e-12 * max(1.0, float(known.abs().max())):
            found[name] = (column - known.mean()) / known.std()
    return pd.DataFrame(dict(list(found.items())[:MOST]), index=wide.index)


def _better(measure: str) -> str | None:
    """Which way a measure is better, if either; a difference from chance keeps the way."""
    return MEASURES[measure.removesuffix(BEYOND)]


def _factor(dataset: Dataset) -> str | None:
    """The factor whose levels are names of explanations."""
    names = set(dataset.explanations["name"])
    return next((f.name for f in dataset.design.factors if names & set(f.levels)), None)


def _outcomes(dataset: Dataset) -> list[tuple[str, str, str, pd.DataFrame]]:
    """Name, words, kind and frame of every outcome on trials."""
    design = dataset.design
    found = []
    for item in design.trial_items:
        if design.items[item].kind in ("likert", "yes_no", "number"):
            frame = trial_frame(dataset, item)
            found.append((item, item, design.items[item].kind, frame))
    trials = task_trials(dataset)
    for name in ("followed", "simulated"):
        values = outcome(trials, name)
        if values.notna().any():
            found.append((name, OUTCOMES[name], "yes_no", trials.assign(value=values)))
    return [each for each in found if each[3]["explanation_digest"].notna().any()]


def _row(frame: pd.DataFrame, measure: pd.Series, factor: str | None, *, number: bool) -> Json:
    rows = frame.assign(measure=frame["explanation_digest"].map(measure))
    rows = rows.dropna(subset=["value", "measure", "explanation_digest"])
    means = rows.groupby("explanation_digest").agg(
        value=("value", "mean"), measure=("measure", "first"), n=("value", "size")
    )
    row: Json = {
        "n_explanations": len(means),
        "n_answers": len(rows),
        "points": [
            {"measure": float(x), "value": float(y), "n": int(n)}
            for x, y, n in means[["measure", "value", "n"]].itertuples(index=False)
        ],
        "p": None,
        "p_fdr": None,
    }
    if len(means) < FEWEST or means["measure"].std() == 0:
        return row | {"reason": f"only {len(means)} explanations, or no difference between them"}
    if means["value"].nunique() > 1:
        rho = stats.spearmanr(means["measure"], means["value"])
        row["rho"] = {"value": float(rho.statistic), "source": SPEARMAN, "test": "Spearman"}
    held = "measure"
    if factor in rows and rows[factor].nunique() > 1:
        rows = rows.assign(condition=rows[factor].cat.remove_unused_categories())
        held += " + condition"
    models = [
        Declared(held, ("1 | participant", "1 | explanation_digest")),
        Declared(held, ("1 | participant",)),
    ]
    try:
        fitted, reasons = first_that_fits(rows, models, fit_linear if number else fit_ordinal)
        slope = fitted.slope("measure")
    except NotEstimableError as error:
        return row | {"reason": str(error)}
    return row | {
        "estimate": slope.to_json(),
        "scale": "points" if number else "log odds",
        "model": fitted.label,
        "reasons": list(reasons),
        "p": None if slope.p is None or np.isnan(slope.p) else slope.p,
    }
