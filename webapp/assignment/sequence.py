"""In which order the entries of a study come, where groups shuffle or rotate theirs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from webapp.assignment.places import digits
from webapp.assignment.seeded import seeded


@dataclass(frozen=True)
class GroupDesign:
    """Entries (numbers) and groups of them, in an order of their own."""

    name: str
    rule: Literal["fixed", "shuffled", "latin"]
    inside: tuple["GroupDesign | int", ...]


def squares(group: GroupDesign) -> list[int]:
    """The number of rows of every Latin square in a group, outermost first."""
    found = [rows(len(group.inside))] if group.rule == "latin" else []
    for each in group.inside:
        if isinstance(each, GroupDesign):
            found += squares(each)
    return found


def rows(size: int) -> int:
    """How many rows a balanced Latin square has: twice as many where the size is odd."""
    return size if size % 2 == 0 or size == 1 else 2 * size


def latin_row(size: int, row: int) -> list[int]:
    """A row of a Latin square in which each follows each other equally often over all rows.

    Source: Williams (1949), Australian Journal of Scientific Research A 2(2), 149-168.
    """
    first = [place // 2 + 1 if place % 2 else (size - place // 2) % size for place in range(size)]
    order = [(each + row) % size for each in first]
    return order[::-1] if row >= size else order


def sequence(group: GroupDesign, form: int, seed: int, participant: int) -> list[int]:
    """The entries of a group and of all within, in one participant's order."""
    turns = digits(form, squares(group))
    return _walk(group, iter(turns).__next__, seed, participant)


def _walk(group: GroupDesign, turn: Callable[[], int], seed: int, participant: int) -> list[int]:
    order: Sequence[int] = range(len(group.inside))
    if group.rule == "latin":
        order = latin_row(len(group.inside), turn())
    elif group.rule == "shuffled":
        random = seeded(seed, group.name, "blocks", participant)
        order = random.sample(order, len(order))
    # Inner squares take their turns in the file's order, whatever order they come in.
    parts = [
        _walk(each, turn, seed, participant) if isinstance(each, GroupDesign) else [each]
        for each in group.inside
    ]
    return [entry for index in order for entry in parts[index]]
