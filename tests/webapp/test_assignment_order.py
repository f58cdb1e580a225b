"""Orders of trials and of blocks: runs are short, Latin squares balanced."""

from collections import Counter
from itertools import groupby, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.assignment import GroupDesign, Trial, arranged, seeded, sequence, squares, too_long
from webapp.assignment.sequence import latin_row, rows

quick = settings(max_examples=60, deadline=None)


@quick
@given(st.lists(st.integers(0, 6), min_size=2, max_size=4), st.integers(1, 3), st.integers(0, 99))
def test_an_order_is_found_whenever_there_is_one(sizes: list[int], longest: int, seed: int) -> None:
    mixed = [
        Trial(f"{level}-{number}", {"explanation": str(level)})
        for level, size in enumerate(sizes)
        for number in range(size)
    ]
    order = arranged(mixed, {"explanation": longest}, seeded(seed))
    assert sorted(trial.stimulus for trial in order) == sorted(t.stimulus for t in mixed)
    runs = [list(run) for _, run in groupby(order, lambda trial: trial.condition["explanation"])]
    possible = all(size <= longest * (len(mixed) - size + 1) for size in sizes)
    assert (max(map(len, runs), default=0) <= longest) == (possible or not mixed)
    assert too_long(order, {"explanation": longest}) == sum(
        max(len(run) - longest, 0) for run in runs
    )


@pytest.mark.parametrize("seed", range(10))
def test_limits_on_factors_and_on_traits_hold_together(seed: int) -> None:
    trials = [
        Trial(f"{level}{right}{n}", {"explanation": level}, {"model_correct": str(right)})
        for level in ("none", "shap", "lime")
        for right, count in ((True, 3), (False, 2))
        for n in range(count)
    ]
    limits = {"explanation": 2, "model_correct": 3}
    assert too_long(arranged(trials, limits, seeded(seed)), limits) == 0


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7])
def test_latin_squares_balance_places_and_neighbours(size: int) -> None:
    square = [latin_row(size, row) for row in range(rows(size))]
    each = rows(size) // size
    for place in range(size):
        assert set(Counter(row[place] for row in square).values()) == {each}
    pairs = Counter(pair for row in square for pair in pairwise(row))
    assert len(pairs) == size * (size - 1)
    assert set(pairs.values()) <= {each}


INNER = GroupDesign("inner", "latin", (3, 4))
TREE = GroupDesign("", "fixed", (0, GroupDesign("outer", "latin", (1, INNER, 2)), 5))


def test_groups_rotate_as_a_whole_and_within() -> None:
    assert squares(TREE) == [6, 2]
    orders = [tuple(sequence(TREE, form, 1, 0)) for form in range(12)]
    assert len(set(orders)) == 12
    for order in orders:
        assert sorted(order) == list(range(6))
        assert (order[0], order[-1]) == (0, 5)
        assert abs(order.index(3) - order.index(4)) == 1
    assert Counter(order[1] in (3, 4) for order in orders[:6]) == {True: 2, False: 4}
    assert Counter(order[1] for order in orders) == {1: 4, 2: 4, 3: 2, 4: 2}


def test_shuffled_groups_differ_between_people_and_fixed_ones_do_not() -> None:
    group = GroupDesign("g", "shuffled", tuple(range(6)))
    orders = {tuple(sequence(group, 0, 1, person)) for person in range(20)}
    assert len(orders) == 20
    assert sequence(group, 0, 1, 3) == sequence(group, 0, 1, 3)
    fixed = GroupDesign("g", "fixed", tuple(range(6)))
    assert sequence(fixed, 0, 1, 3) == list(range(6))
