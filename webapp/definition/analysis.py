"""What is decided before the data: who is left out, and which questions are asked."""

from typing import Annotated, Any

from pydantic import Discriminator, Field, StringConstraints, Tag

from webapp.parts import Name, Part, Words


def _which_exclusion(entry: Any) -> str:
    keys = {"item": "answer", "failed_checks_above": "checks", "straight_lining": "line"}
    has = entry if isinstance(entry, dict) else type(entry).model_fields
    return next((tag for key, tag in keys.items() if key in has), "speed")


class TooFast(Part):
    """Leaves out who took less time for the median trial than anyone who looks can take."""

    id: Name
    median_trial_ms_below: Annotated[int, Field(ge=1)]


class Answered(Part):
    """Leaves out who gave this answer: a choice's value, or a number (yes is 1, no is 0)."""

    id: Name
    item: Name
    equals: int | str


class FailedChecks(Part):
    """Leaves out who failed more of the study's checks than this, at the last attempt."""

    id: Name
    failed_checks_above: Annotated[int, Field(ge=0)]


class StraightLining(Part):
    """Leaves out who gave one and the same answer to every item of this scale."""

    id: Name
    straight_lining: Name


Exclusion = Annotated[
    Annotated[TooFast, Tag("speed")]
    | Annotated[Answered, Tag("answer")]
    | Annotated[FailedChecks, Tag("checks")]
    | Annotated[StraightLining, Tag("line")],
    Discriminator(_which_exclusion),
]


class Hypothesis(Part):
    """A question asked before the data: an outcome, a model, and two levels to compare."""

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][\w-]{0,31}$")]
    outcome: Name
    formula: Words
    contrast: Annotated[list[Name], Field(min_length=2, max_length=2)]
    confirmatory: bool
