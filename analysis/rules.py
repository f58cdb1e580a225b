"""Rules, declared before the data, of whose answers do not count."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TooFast:
    """A declared rule: leave out whose median trial took less than this."""

    id: str
    median_trial_ms_below: float


@dataclass(frozen=True)
class Answered:
    """A declared rule: leave out who gave this answer (a number, or the value of a choice)."""

    id: str
    item: str
    equals: float | str


@dataclass(frozen=True)
class FailedChecks:
    """A declared rule: leave out who failed more checks than this."""

    id: str
    failed_checks_above: int


@dataclass(frozen=True)
class StraightLining:
    """A declared rule: leave out who gave one answer to every item of this scale."""

    id: str
    scale: str


Exclusion = TooFast | Answered | FailedChecks | StraightLining


def exclusion_of(data: Mapping[str, Any]) -> Exclusion:
    """A rule as a study file has it. Raises ValueError where it is not known."""
    match dict(data):
        case {"id": str(name), "median_trial_ms_below": int() | float() as limit, **rest}:
            rule: Exclusion = TooFast(name, float(limit))
        case {
            "id": str(name),
            "item": str(item),
            "equals": int() | float() | str() as value,
            **rest,
        }:
            rule = Answered(name, item, value)
        case {"id": str(name), "failed_checks_above": int(most), **rest}:
            rule = FailedChecks(name, most)
        case {"id": str(name), "straight_lining": str(scale), **rest}:
            rule = StraightLining(name, scale)
        case _:
            raise ValueError(f"exclusion rule {dict(data)!r} is not known here")
    if rest:
        raise ValueError(f"exclusion rule {name} has {sorted(rest)[0]!r}, which is not known here")
    return rule
