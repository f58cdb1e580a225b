"""What participants marked, held against each explanation of the same stimulus, as plain JSON."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.dataset import Dataset
from analysis.estimate import NotEstimableError
from analysis.people import OverPeople
from analysis.regions import (
    MEASURES,
    Agreement,
    agreement,
    by_measure,
    by_stimulus,
    crowd_correlation,
)
from analysis.samples import Floats

Json = dict[str, Any]

ROLE = "marks"
SEED = 0


def highlights(dataset: Dataset) -> list[Json]:
    """One entry for each explanation of what was marked, by name; none where nothing was.

    A trial whose stimulus has no explanation of that name, or whose marks or values tell no part
    from the others, is left out and counted.
    """
    marks = _marks(dataset)
    if marks.empty:
        return []
    kinds = dataset.stimuli.drop_duplicates("stimulus_id").set_index("stimulus_id")["kind"]
    units, given = dataset.units, dataset.attributions.dropna(subset=["value"])
    parts = _spans(units, ["block", "stimulus_id"], units["stimulus_id"].map(kinds))
    once = dataset.explanations.drop_duplicates("explanation_digest")
    about = once.set_index("explanation_digest")["stimulus_id"]
    of = given["explanation_digest"].map(about).map(kinds)
    players = _spans(given, ["explanation_digest"], of)
    by_digest = given.groupby("explanation_digest")["value"]
    known = {str(digest): each.to_numpy(dtype=float) for digest, each in by_digest}
    named = dataset.explanations[dataset.explanations["stimulus_id"].isin(marks["stimulus_id"])]
    found = []
    for name, explained in named.groupby("name", sort=True):
        digests = explained.set_index("stimulus_id")["explanation_digest"]
        maps: dict[tuple[str, str], Floats] = {}
        for block, shown in marks[["block", "stimulus_id"]].drop_duplicates().to_numpy():
            digest = digests.get(shown)
            if digest in known and (block, shown) in parts:
                own = on_parts(players[digest,], known[digest], parts[block, shown])
                # A forecast rests on what raised it and on what lowered it; an answer on what
                # speaks for it.
                maps[block, shown] = np.abs(own) if kinds[shown] == "series" else own
        if maps:
            found.append({"explanation": str(name)} | _compared(marks, maps))
    if not found:
        return [{"reason": "the bundle has no values of explanations of what was marked"}]
    return found


def on_parts(
    players: list[NDArray[np.intp]], values: Floats, parts: list[NDArray[np.intp]]
) -> Floats:
    """Values of parts from values of players, each as the positions that it covers.

    A player's value is spread evenly over those of its positions that a part covers; a player that
    no part covers (the space between words) counts for none.
    """
    end = 1 + max(int(each.max()) for each in (*players, *parts))
    part = np.full(end, -1)
    for index, each in enumerate(parts):
        part[each] = index
    found = np.zeros(len(parts))
    for player, value in zip(players, values, strict=True):
        covered = part[player][part[player] >= 0]
        if len(covered):
            found += value * np.bincount(covered, minlength=len(parts)) / len(covered)
    return found


def _marks(dataset: Dataset) -> pd.DataFrame:
    """Columns participant_id, block, stimulus_id and marked, indices of parts; one row a trial."""
    rows = dataset.responses
    rows = rows[(rows["role"] == ROLE) & rows["value_json"].notna()]
    rows = rows.sort_values(["participant_id", "step_position", "attempt"], kind="stable")
    # A trial that somebody met again counts as they answered it last.
    last = rows.drop_duplicates(["participant_id", "block", "stimulus_id"], keep="last")
    masks = [json.loads(text) for text in last["value_json"]]
    return last[["participant_id", "block", "stimulus_id"]].assign(
        marked=[mask["marked"] for mask in masks]
    )


def _spans(
    frame: pd.DataFrame, by: list[str], kinds: pd.Series
) -> dict[tuple[str, ...], list[NDArray[np.intp]]]:
    """The positions that each player or part covers, in order, by the columns `by`.

    kinds: of the stimulus of each row. An image's span says every pixel, another [start, end).
    """
    image = (kinds == "image").to_numpy(dtype=bool)
    spans = [
        np.asarray(said, dtype=np.intp) if whole else np.arange(*said)
        for said, whole in zip(map(json.loads, frame["span_json"]), image, strict=True)
    ]
    places = frame.groupby(by, sort=False).indices
    return {
        key if isinstance(key, tuple) else (str(key),): [spans[place] for place in found]
        for key, found in places.items()
    }


def _compared(marks: pd.DataFrame, maps: dict[tuple[str, str], Floats]) -> Json:
    """Every measure over the trials that these maps are about, and by stimulus."""
    trials: list[Agreement] = []
    kept: list[int] = []
    columns = ["block", "stimulus_id", "marked"]
    for place, (block, shown, marked) in enumerate(marks[columns].to_numpy()):
        values = maps.get((block, shown))
        if values is None:
            continue
        try:
            trials.append(agreement(_flags(marked, len(values)), values))
        except NotEstimableError:
            continue
        kept.append(place)
    used = marks.iloc[kept]
    found: Json = {"n_trials": len(used), "n_left_out": len(marks) - len(used)}
    if used.empty:
        return found | {"reason": "no trial can be compared", "measures": [], "stimuli": []}
    pairs = (
        (name, by_measure(used["participant_id"], trials, name, seed=SEED)) for name in MEASURES
    )
    return found | {
        "measures": [_measure(name, *pair, trials) for name, pair in pairs],
        "stimuli": list(_stimuli(used, trials, maps)),
    }


def _measure(name: str, raw: OverPeople, above: OverPeople, trials: list[Agreement]) -> Json:
    return {
        "name": name,
        "estimate": raw.estimate.to_json(),
        "chance": float(np.mean([each.chance(name) for each in trials])),
        "above_chance": above.estimate.to_json(),
        "participants": {str(who): float(own) for who, own in raw.per_participant.items()},
    }


def _stimuli(
    used: pd.DataFrame, trials: list[Agreement], maps: dict[tuple[str, str], Floats]
) -> Iterator[Json]:
    """Each stimulus of each block with its means, and all people's marks together."""
    where = list(zip(used["block"], used["stimulus_id"], strict=True))
    places: dict[tuple[str, str], list[int]] = {}
    for place, key in enumerate(where):
        places.setdefault(key, []).append(place)
    for (block, shown), mine in sorted(places.items()):
        means = by_stimulus([shown] * len(mine), [trials[place] for place in mine]).loc[shown]
        values = maps[block, shown]
        marked = [_flags(used["marked"].iloc[place], len(values)) for place in mine]
        try:
            crowd: Json = {"crowd": crowd_correlation(np.mean(marked, axis=0), values)}
        except NotEstimableError as error:
            crowd = {"crowd": None, "reason": str(error)}
        row = {name: float(means[name]) for name in means.index if name != "n"}
        yield {"block": block, "stimulus_id": shown, "n": len(mine)} | row | crowd


def _flags(marked: list[int], n: int) -> Floats:
    flags = np.zeros(n)
    flags[marked] = 1
    return flags
