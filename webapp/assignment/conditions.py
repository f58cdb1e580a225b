"""Conditions by name: one level of each factor."""

from collections.abc import Mapping, Sequence
from itertools import product

Condition = dict[str, str]


def combinations(levels: Mapping[str, Sequence[str]]) -> list[Condition]:
    """Every combination of one level of each factor; one empty combination without factors."""
    return [dict(zip(levels, chosen, strict=True)) for chosen in product(*levels.values())]


def name_of(condition: Condition) -> str:
    """A condition or a cell by name, such as `explanation=shap`; without factors it is empty."""
    return ";".join(f"{factor}={level}" for factor, level in sorted(condition.items()))


def condition_of(name: str) -> Condition:
    """The condition with this name."""
    return dict(part.split("=") for part in name.split(";")) if name else {}
