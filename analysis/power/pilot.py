"""Thresholds and standard deviations from a pilot's answers, for the simulated ones."""

import numpy as np
import pandas as pd

from analysis.conditions import ratings
from analysis.dataset import Dataset
from analysis.exclusions import exclude
from analysis.ordinal import Fit, clmm
from analysis.power.model import RESPONSE, Model, PowerError
from analysis.power.study import CORRECT, Study
from analysis.power.truth import Effects, Truth, cells_of, effect_of
from analysis.samples import Floats


def piloted(study: Study, model: Model, item: str, effects: Effects, pilot: Dataset) -> Truth:
    """Like `truth.assumed`, with everything but the planned effects from a pilot's answers.

    What the pilot says of the factors with a planned effect is averaged out: an effect that a few
    people showed is too uncertain, and too often chosen for its size, to plan on.
    Raises PowerError where the pilot does not carry the model.
    Source: Albers & Lakens (2018), J. Experimental Social Psychology 74, 187-195.
    """
    cells = cells_of(study)
    frame = pd.DataFrame(list(cells))
    try:
        fit = clmm(answers(pilot, item, study), f"{RESPONSE} ~ {model.fixed}", model.random)
        columns = fit.design.matrix_of(frame)
    except ValueError as error:
        raise PowerError(f"the pilot does not carry the model ({error})") from error
    cuts = len(fit.design.thresholds)
    if cuts + 1 < study.points[item]:
        raise PowerError(
            f"only {cuts + 1} of the {study.points[item]} answers to {item} were given in the "
            "pilot, so its thresholds are not known; leave out --pilot"
        )
    linear = pd.Series(columns @ fit.fixed[cuts:])
    planned = {factor for factor, _ in effects}
    others = [frame[name] for name in frame if name not in planned]
    mean = linear.groupby(others).transform("mean").to_numpy()
    covariance = {name: np.zeros((len(cells),) * 2) for name in ("participant", "stimulus")}
    for term, matrix in zip(fit.design.random, fit.spread, strict=True):
        z = _at(frame, fit, term.z)
        covariance[term.grouping] += z @ matrix @ z.T
    return Truth(
        cells=cells,
        thresholds=fit.fixed[:cuts],
        mean=mean,
        effect=effect_of(cells, effects),
        participant=covariance["participant"],
        stimulus=covariance["stimulus"],
    )


def answers(dataset: Dataset, item: str, study: Study) -> pd.DataFrame:
    """One row an answer of whose answers count: rating, participant, stimulus, factors."""
    kept, _ = exclude(dataset, dataset.design.exclusions)
    rows = ratings(kept, item)
    correct = rows[CORRECT].map({True: "true", False: "false"}).fillna("")
    return pd.DataFrame(
        {
            RESPONSE: rows["value"].to_numpy(dtype=float),
            "participant": rows["participant_id"].to_numpy(),
            "stimulus": rows["stimulus_id"].to_numpy(),
            CORRECT: correct.to_numpy(dtype=object),
            **{
                name: pd.Categorical(rows[f"factor_{name}"], categories=list(levels))
                for name, levels in study.factors.items()
            },
        }
    )


def _at(frame: pd.DataFrame, fit: Fit, z: Floats) -> Floats:
    """The rows (n_cells, r) of a random term's columns z (n, r) that belong to each cell."""
    data = fit.design.data
    names = [name for name in frame if name in data]
    found = np.zeros((len(frame), z.shape[1]))
    for row, cell in enumerate(frame[names].to_dict("records")):
        same = np.all([data[name] == level for name, level in cell.items()], axis=0)
        if not same.any():
            told = ", ".join(f"{name} {level}" for name, level in cell.items())
            raise PowerError(f"nobody in the pilot met {told}; leave out --pilot")
        found[row] = z[int(np.argmax(same))]
    return found
