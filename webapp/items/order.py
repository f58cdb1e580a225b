"""The order in which a participant sees the items of a page."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from itertools import groupby
from random import Random
from typing import Any

from webapp.items.question import Question


def shown_order(
    items: Mapping[str, Question], entry: Any, *chance: object
) -> Mapping[str, Question]:
    """The items of a page of the flow as its item_order says; what a task asks comes first."""
    if getattr(entry, "item_order", "fixed") == "fixed":
        return items
    own = {name: item for name, item in items.items() if name in entry.items or not entry.items}
    first = {name: item for name, item in items.items() if name not in own}
    return first | shuffled(own, *chance)


def shuffled(items: Mapping[str, Question], *chance: object) -> dict[str, Question]:
    """The items in an order drawn from `chance`; a section keeps its place and its items.

    The same chance gives the same order: nothing has to be remembered between two requests.
    """
    random = Random(sha256(repr(chance).encode()).digest())  # noqa: S311  # no secret
    order: list[str] = []
    for _, group in groupby(items, key=lambda name: _section(items[name])):
        section = list(group)
        random.shuffle(section)
        order += section
    return {name: items[name] for name in order}


def _section(item: Question) -> Sequence[tuple[str, str]]:
    return sorted((item.section or {}).items())
