"""Simulated participants counted as people, for those who ask for it: to try a study out.

What a robot answers follows a stated model and is evidence of nothing, so a report leaves them out
unless asked, and says so everywhere when it is.
"""

from dataclasses import replace

import pandas as pd

from analysis.dataset import COMPLETE, Dataset


def count(dataset: Dataset) -> int:
    """How many participants are simulated."""
    return int(dataset.participants["simulated"].astype(bool).sum())


def as_people(dataset: Dataset) -> Dataset:
    """The same study with its robots as people, who took as long as their browser says.

    On the server's clock a robot's page takes milliseconds. Its browser's submit event says, in
    milliseconds, what the stated model has drawn; a page without that event has no time.
    """
    robots = set(dataset.participants.loc[dataset.participants["simulated"], "participant_id"])
    sent = dataset.events[
        dataset.events["participant_id"].isin(robots) & (dataset.events["kind"] == "submit")
    ]
    key = ["participant_id", "step_position"]
    said = sent.groupby(key)["at_ms"].max().rename("said").reset_index()
    times = dataset.steps[key].merge(said, on=key, how="left")["said"].to_numpy()
    steps = dataset.steps.assign(
        duration_ms=dataset.steps["duration_ms"].where(
            ~dataset.steps["participant_id"].isin(robots), pd.Series(times, dataset.steps.index)
        )
    )
    whole = said.groupby("participant_id")["said"].sum()
    people = dataset.participants
    finished = people["participant_id"].isin(robots) & (people["outcome"] == COMPLETE)
    return replace(
        dataset,
        steps=steps,
        participants=people.assign(
            simulated=False,
            duration_ms=people["duration_ms"].where(~finished, people["participant_id"].map(whole)),
        ),
    )
