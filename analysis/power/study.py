"""What power needs of a study: who meets how many trials of which kind, and what is asked.

It is read from the JSON that `flask study design` prints (`credence/design-summary/1`) or from an
export bundle. Stimuli of one set in two blocks count as different stimuli.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from analysis.bundle import open_bundle
from analysis.dataset import Dataset, load
from analysis.power.model import Model, PowerError, model_of

SCHEMA = "credence/design-summary/1"
CORRECT = "model_correct"

Json = Mapping[str, Any]
Condition = dict[str, str]


@dataclass(frozen=True)
class Block:
    """Trials: how many a participant meets, out of which strata of stimuli, under what.

    strata: (is the model correct there: "true", "false" or "" where unknown, number of stimuli).
    """

    name: str
    items: tuple[str, ...]
    per_participant: int
    conditions: tuple[Condition, ...]
    strata: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Study:
    """A design as far as it decides about power.

    cells: combinations that vary between people. by_block: those that turn from block to block.
    points: how many answers each item that can be simulated has, in order.
    """

    slug: str
    factors: Mapping[str, tuple[str, ...]]
    within: frozenset[str]
    cells: tuple[Condition, ...]
    by_block: tuple[Condition, ...]
    blocks: tuple[Block, ...]
    points: Mapping[str, int]
    hypotheses: tuple[Json, ...]

    def asking(self, item: str) -> tuple[Block, ...]:
        """The blocks that ask an item. Raises PowerError where none does or it is no rating."""
        found = tuple(block for block in self.blocks if item in block.items)
        if item not in self.points or not found:
            able = sorted({i for b in self.blocks for i in b.items if i in self.points})
            raise PowerError(
                f"{item} is not a rating or a yes-or-no question on trials, which is what power is "
                f"simulated for; there is: {', '.join(able) or 'none'}"
            )
        return found

    def hypothesis(self, name: str | None) -> Json:
        """The named hypothesis, else the first confirmatory one. Raises PowerError without any."""
        if not self.hypotheses:
            raise PowerError(f"study {self.slug} declares no hypothesis, so nothing is tested")
        if name is None:
            declared = [h for h in self.hypotheses if h.get("confirmatory")]
            return (declared or list(self.hypotheses))[0]
        for hypothesis in self.hypotheses:
            if hypothesis["id"] == name:
                return hypothesis
        known = ", ".join(str(h["id"]) for h in self.hypotheses)
        raise PowerError(f"no hypothesis {name!r}; there is: {known}")

    def model(self, hypothesis: Json) -> Model:
        """The confirmatory model of a hypothesis."""
        model = model_of(hypothesis, {**self.factors, CORRECT: ("true", "false")}, self.within)
        kinds = {kind for block in self.blocks for kind, _ in block.strata}
        if CORRECT in model.predictors and len(kinds) < 2:
            raise PowerError(
                f"the formula of {hypothesis['id']} has {CORRECT}, but the strata do not tell "
                f"where the model is correct; write strata: [{CORRECT}] in the block"
            )
        return model


def read(path: Path) -> tuple[Study, Dataset | None]:
    """A study from a design's JSON, or from a bundle together with its answers.

    Raises PowerError or BundleError saying what is wrong.
    """
    if path.suffix != ".json":
        dataset = load(path)
        with open_bundle(path) as files, files.open("study/design.json") as file:
            return study_of(_summary(json.load(file), dataset)), dataset
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PowerError(f"cannot read {path} as JSON: {error}") from error
    found = data.get("schema") if isinstance(data, dict) else None
    if found != SCHEMA:
        raise PowerError(
            f"{path} has schema {found!r}, expected {SCHEMA!r}; write it with flask study design"
        )
    return study_of(data), None


def study_of(data: Json) -> Study:
    """From the JSON of `flask study design`. Raises PowerError where it is not complete."""
    try:
        factors = {name: tuple(map(str, f["levels"])) for name, f in data["factors"].items()}
        vary = {name: f["vary"] for name, f in data["factors"].items()}
        return Study(
            slug=str(data["slug"]),
            factors=factors,
            within=frozenset(name for name, how in vary.items() if how != "between"),
            cells=_combinations(factors, vary, "between"),
            by_block=_combinations(factors, vary, "block"),
            blocks=tuple(_block(block) for block in data["blocks"]),
            points={name: k for name, item in data["items"].items() if (k := _points(item))},
            hypotheses=tuple(data.get("hypotheses") or ()),
        )
    except PowerError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise PowerError(
            f"this is not a valid design ({error!r}); write it again with flask study design"
        ) from error


def _block(data: Json) -> Block:
    if not data["strata"]:
        raise PowerError(
            f"block {data['block']} does not tell how many stimuli it has; run flask precompute, "
            "then write the design again"
        )
    strata: dict[str, int] = {}
    for entry in data["strata"]:
        correct = str(entry["traits"].get(CORRECT, "")).lower()
        strata[correct] = strata.get(correct, 0) + int(entry["stimuli"])
    return Block(
        name=str(data["block"]),
        items=tuple(data["items"]),
        per_participant=min(int(data["trials_per_participant"]), sum(strata.values())),
        conditions=tuple(_condition(name) for name in data["conditions"]),
        strata=tuple(strata.items()),
    )


def _condition(name: str) -> Condition:
    """The condition that is called, such as, "explanation=shap;warned=no"."""
    return dict(part.split("=") for part in name.split(";")) if name else {}


def _combinations(
    factors: Mapping[str, tuple[str, ...]], vary: Mapping[str, str], how: str
) -> tuple[Condition, ...]:
    names = [name for name in factors if vary[name] == how]
    return tuple(
        dict(zip(names, levels, strict=True)) for levels in product(*(factors[n] for n in names))
    )


def _points(item: Json) -> int:
    """How many ordered answers an item has; 0 where it is no rating."""
    if item["kind"] == "yes_no":
        return 2
    return int(item["max"]) - int(item["min"]) + 1 if item["kind"] == "likert" else 0


def _summary(design: Json, dataset: Dataset) -> Json:
    """A bundle's design in the form that `flask study design` gives it."""
    factors = {name: tuple(f["levels"]) for name, f in design["factors"].items()}
    vary = {name: f["vary"] for name, f in design["factors"].items()}
    inside = _combinations(factors, vary, "within")
    names = [";".join(f"{name}={level}" for name, level in each.items()) for each in inside]
    stimuli = dataset.stimuli.fillna({CORRECT: ""})
    return {**design} | {
        "blocks": [
            {
                "block": block["block"],
                "items": block["items"],
                "trials_per_participant": block["per_participant"],
                "conditions": names,
                "strata": [
                    {"traits": {CORRECT: correct}, "stimuli": len(rows)}
                    for correct, rows in stimuli[
                        stimuli["stimulus_set"] == block["stimuli"]
                    ].groupby(CORRECT, sort=True)
                ],
            }
            for block in design["blocks"]
        ]
    }
