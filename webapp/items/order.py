"""The order in which a participant sees the items of a page."""

from collections.abc import Sequence
from hashlib import sha256
from itertools import groupby
from random import Random
from typing import Any

from webapp.items.question import Question


def shuffled(items: dict[str, Any], *chance: object) -> dict[str, Any]:
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
