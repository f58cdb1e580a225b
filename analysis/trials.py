"""What a task asked on its pages, one row a trial: decisions, predictions, and how sure."""

import pandas as pd

from analysis.dataset import Dataset

ROLES = ("initial", "final", "simulated")
SURE = tuple(f"{role}_confidence" for role in ROLES)
_TRIAL = ["participant_id", "block", "stimulus_id"]


def task_trials(dataset: Dataset) -> pd.DataFrame:
    """Answers to a task's own questions beside the model's answer and the truth.

    Columns: participant, stimulus, block, explanation_digest, the factors, initial, final,
    simulated (text, or a number where the model gives one), their confidences (0 to 1), predicted,
    truth, model_correct (1 or 0). A trial's pages are one row; what was not asked or not answered
    is a gap.
    """
    rows = dataset.responses
    rows = rows[(rows["step_kind"] == "trial") & rows["role"].isin([*ROLES, *SURE])]
    rows = rows.sort_values(["participant_id", "step_position", "attempt"], kind="stable")
    answer = rows["value_text"].astype(object).where(rows["value_text"].notna(), None)
    answer = answer.where(rows["value_text"].notna(), rows["value_number"].astype(object))
    rows = rows.assign(answer=answer, block=rows["block"].fillna(""))
    # A trial that somebody met again counts as they answered it last.
    last = rows.drop_duplicates([*_TRIAL, "role"], keep="last")
    wide = last.set_index([*_TRIAL, "role"])["answer"].unstack("role")
    wide = wide.reindex(columns=[*ROLES, *SURE])
    factors = [f"factor_{factor.name}" for factor in dataset.design.factors]
    about = rows.groupby(_TRIAL)[["explanation_digest", *factors]].last()
    trials = wide.join(about).reset_index()
    stimuli = dataset.stimuli.drop_duplicates("stimulus_id").set_index("stimulus_id")
    for column in ("predicted", "truth", "model_correct"):
        trials[column] = trials["stimulus_id"].map(stimuli[column])
    trials["model_correct"] = trials["model_correct"].astype("Float64").astype(float)
    for column in SURE:
        trials[column] = pd.to_numeric(trials[column]) / 100
    levels = {
        factor.name: pd.Categorical(trials[f"factor_{factor.name}"], list(factor.levels))
        for factor in dataset.design.factors
    }
    named = {"participant_id": "participant", "stimulus_id": "stimulus"}
    return trials.drop(columns=factors).rename(columns=named).assign(**levels)


def outcome(trials: pd.DataFrame, name: str) -> pd.Series:
    """A trial's outcome, 1 or 0: what was decided is right, foreseen or as advised.

    name: initial or final (right), simulated (foresaw the model), followed (the advice). A gap
    where an answer or the truth is missing.
    """
    said, wanted = {
        "initial": ("initial", "truth"),
        "final": ("final", "truth"),
        "simulated": ("simulated", "predicted"),
        "followed": ("final", "predicted"),
    }[name]
    known = trials[said].notna() & trials[wanted].notna()
    return (trials[said] == trials[wanted]).astype(float).where(known)


OUTCOMES = {
    "initial": "right decision alone",
    "final": "right decision with advice",
    "simulated": "model's answer foreseen",
    "followed": "advice followed",
}
