"""Answers with what a model may predict them from, one row an answer."""

import pandas as pd

from analysis.conditions import ratings
from analysis.dataset import Dataset
from analysis.design import Scale, Score
from analysis.scales import answers, score_scale


def trial_frame(dataset: Dataset, item_id: str) -> pd.DataFrame:
    """The answers to an item on trials: value, participant, stimulus, factors and the rest.

    model_correct is 0 or 1; position is the page's place in the participant's order; levels of
    factors stand in the design's order. Rows without an answer stay, with a gap.
    """
    rows = ratings(dataset, item_id)
    frame = pd.DataFrame(
        {
            "value": rows["value"],
            "participant": rows["participant_id"].astype(str),
            "stimulus": rows["stimulus_id"].astype(str),
            "model_correct": rows["model_correct"].astype("Float64").astype(float),
            "position": rows["step_position"],
            "block": rows["block"],
            "explanation_digest": rows["explanation_digest"],
        }
    )
    return _factors(dataset, rows, frame)


def score_frame(dataset: Dataset, scale: Scale, score: Score) -> pd.DataFrame:
    """A scale's score each time a participant met it: value, participant, factors.

    The level of a factor is that of the page; of a factor between participants, the participant's.
    """
    scores = score_scale(answers(dataset.responses, scale), scale, score)
    values = scores.rename("value").reset_index()
    where = ["participant_id", "step_position", "attempt"]
    steps = dataset.steps.drop_duplicates(where)
    rows = values.merge(steps, on=where, how="left")
    for factor in dataset.design.factors:
        column = f"factor_{factor.name}"
        if factor.vary == "between":
            seen = dataset.steps.dropna(subset=[column]).drop_duplicates("participant_id")
            level = seen.set_index("participant_id")[column]
            rows[column] = rows["participant_id"].map(level)
    frame = pd.DataFrame(
        {
            "value": rows["value"],
            "participant": rows["participant_id"].astype(str),
            "position": rows["step_position"],
        }
    )
    return _factors(dataset, rows, frame)


def _factors(dataset: Dataset, rows: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    levels = {
        factor.name: pd.Categorical(rows[f"factor_{factor.name}"], list(factor.levels))
        for factor in dataset.design.factors
    }
    return frame.assign(**levels)
