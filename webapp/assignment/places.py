"""Which cell and which form a participant gets: the least filled."""

from collections.abc import Mapping, Sequence
from math import lcm

Counts = Mapping[tuple[str, int], int]


def least_filled(cells: Sequence[str], forms: int, counts: Counts) -> tuple[str, int]:
    """The cell with the fewest participants, and its form with the fewest; the first of equals.

    counts: participants that hold a place, by cell and form. Of equal cells the one comes first
    whose forms are filled least evenly, so that what a dropout left is filled up again.
    """
    filled = {cell: sum(counts.get((cell, form), 0) for form in range(forms)) for cell in cells}
    return least_form(
        min(cells, key=lambda cell: (filled[cell], -_gap(cell, forms, counts))), forms, counts
    )


def least_form(cell: str, forms: int, counts: Counts) -> tuple[str, int]:
    """A cell, and its form with the fewest participants."""
    return cell, min(range(forms), key=lambda form: counts.get((cell, form), 0))


def _gap(cell: str, forms: int, counts: Counts) -> int:
    held = [counts.get((cell, form), 0) for form in range(forms)]
    return max(held) - min(held)


def digits(form: int, sizes: Sequence[int]) -> list[int]:
    """A form as one number below each size; over all forms every combination comes once.

    Forms in a row change every number at once, so that each number alone is balanced early.
    """
    if not sizes:
        return []
    *before, last = sizes
    whole = 1
    for size in before:
        whole *= size
    # Adding the quotient lets every pair come once, also where both sizes are even.
    return [*digits(form % whole, before), (form + form // lcm(whole, last)) % last]
