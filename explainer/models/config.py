"""Configurations: what defines a network, as plain JSON, checked before anything is built."""

import dataclasses
import math
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import Any, Self


class ConfigError(ValueError):
    """A configuration has a field too many, too few, or with a value that cannot be."""


def whole(largest: int, smallest: int = 1, *, default: Any = dataclasses.MISSING) -> Any:
    """A field that holds a whole number from `smallest` to `largest`."""
    return field(default=default, metadata={"whole": (smallest, largest)})


def number(low: float, high: float, *, default: Any = dataclasses.MISSING) -> Any:
    """A field that holds a number from `low` to `high`."""
    return field(default=default, metadata={"number": (low, high)})


def choice(*choices: str, default: Any = dataclasses.MISSING) -> Any:
    """A field that holds one of some words."""
    return field(default=default, metadata={"choice": choices})


def flag(*, default: Any = dataclasses.MISSING) -> Any:
    """A field that holds true or false."""
    return field(default=default, metadata={"flag": True})


def increasing(largest: int, *, default: Any = dataclasses.MISSING) -> Any:
    """A field that holds a tuple of growing whole numbers from 1 to `largest`, perhaps none."""
    return field(default=default, metadata={"increasing": largest})


@dataclass(frozen=True)
class Config:
    """The base of every configuration; each field is made by one of the functions above."""

    def __post_init__(self) -> None:
        """Raise ConfigError naming the first field with a wrong value."""
        for each in fields(self):
            wrong = _expected(getattr(self, each.name), each.metadata)
            if wrong:
                raise ConfigError(f"{each.name} is {getattr(self, each.name)!r}, expected {wrong}")

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in found.items()
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read all fields, no more and no fewer. Raises ConfigError."""
        names = [each.name for each in fields(cls)]
        for name in names:
            if name not in data:
                raise ConfigError(f"{name} is missing")
        for name in data:
            if name not in names:
                raise ConfigError(f"{name} is no field of {cls.__name__}; it has {names}")
        return cls(
            **{
                name: tuple(value) if isinstance(value, list) else value
                for name, value in data.items()
            }
        )


def _expected(value: Any, rule: Any) -> str | None:
    """What `value` should have been, or None where it is right."""
    if "whole" in rule:
        smallest, largest = rule["whole"]
        right = type(value) is int and smallest <= value <= largest
        return None if right else f"a whole number from {smallest} to {largest}"
    if "number" in rule:
        low, high = rule["number"]
        right = type(value) in (int, float) and math.isfinite(value) and low <= value <= high
        return None if right else f"a number from {low} to {high}"
    if "choice" in rule:
        right = isinstance(value, str) and value in rule["choice"]
        return None if right else f"one of {', '.join(rule['choice'])}"
    if "flag" in rule:
        return None if isinstance(value, bool) else "true or false"
    largest = rule["increasing"]
    right = (
        isinstance(value, tuple)
        and all(type(each) is int and 1 <= each <= largest for each in value)
        and all(a < b for a, b in pairwise(value))
    )
    return None if right else f"whole numbers from 1 to {largest}, each larger than the last"
