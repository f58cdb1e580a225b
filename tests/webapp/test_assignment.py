"""Balance, proved by properties: whatever the design, nobody is favoured and nothing repeats."""

from collections import Counter
from itertools import groupby
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.assignment import (
    BlockDesign,
    Trial,
    combinations,
    condition_of,
    least_filled,
    name_of,
    shuffled,
    trials,
)

LEVELS = ("none", "shap", "mismatched", "shuffled", "lime")


def design(
    sizes: tuple[int, ...],
    share: int,
    levels: int,
    *,
    max_run: int | None = None,
    in_order: bool = False,
) -> BlockDesign:
    strata = tuple(tuple(f"s{s}-{i}" for i in range(size)) for s, size in enumerate(sizes))
    varied = {"explanation": LEVELS[:levels]} if levels else {}
    runs = {} if max_run is None else {"explanation": max_run}
    return BlockDesign("main", strata, share, varied, not in_order, runs)


@st.composite
def designs(draw: st.DrawFn, *, least_levels: int = 0) -> BlockDesign:
    sizes = tuple(draw(st.lists(st.integers(1, 7), min_size=1, max_size=2)))
    levels = draw(st.sampled_from([n for n in (0, 2, 3, 4) if n >= least_levels]))
    max_run = draw(st.none() | st.integers(1, 3)) if levels else None
    return design(sizes, draw(st.integers(1, sum(sizes))), levels, max_run=max_run)


quick = settings(max_examples=60, deadline=None)


@quick
@given(designs(), st.integers(0, 3))
def test_over_all_forms_every_stimulus_meets_every_condition_equally_often(
    block: BlockDesign, seed: int
) -> None:
    met: Counter[tuple[str, str]] = Counter()
    for form in range(block.forms):
        for trial in trials(block, form, seed, form):
            met[trial.stimulus, name_of(trial.condition)] += 1
    for stratum, share in zip(block.strata, block.shares, strict=True):
        counts = {
            met[stimulus, name_of(condition)]
            for stimulus in stratum
            for condition in block.conditions
        }
        assert len(counts) == 1
        assert (counts == {0}) == (share == 0)


@quick
@given(designs(), st.integers(0, 3), st.integers(0, 10_000))
def test_one_participant_meets_every_condition_equally_often(
    block: BlockDesign, seed: int, form: int
) -> None:
    chosen = trials(block, form, seed, form)
    assert len(chosen) == block.per_participant
    assert len({trial.stimulus for trial in chosen}) == len(chosen)
    counts = Counter(name_of(trial.condition) for trial in chosen)
    met = [counts[name_of(condition)] for condition in block.conditions]
    assert max(met) - min(met) <= 1


@quick
@given(designs(least_levels=2), st.integers(0, 500), st.integers(0, 10_000))
def test_runs_are_never_longer_than_asked(block: BlockDesign, form: int, person: int) -> None:
    order = trials(block, form, 5, person)
    longest = block.max_run.get("explanation", len(order))
    for _, run in groupby(trial.condition["explanation"] for trial in order):
        assert len(list(run)) <= longest


@quick
@given(designs(), st.integers(0, 100), st.integers(0, 100))
def test_the_same_seed_gives_the_same_order(block: BlockDesign, form: int, person: int) -> None:
    assert trials(block, form, 1, person) == trials(block, form, 1, person)


@quick
@given(st.lists(st.integers(1, 50), min_size=1, max_size=4), st.data())
def test_strata_have_shares_in_proportion(sizes: list[int], data: st.DataObject) -> None:
    each = data.draw(st.integers(1, sum(sizes)))
    shares = design(tuple(sizes), each, 2).shares
    assert sum(shares) == each
    for size, share in zip(sizes, shares, strict=True):
        assert abs(share - each * size / sum(sizes)) < 1
        assert share <= size


def test_the_first_forms_are_balanced_too() -> None:
    """With 3 conditions, three people in a row give every stimulus of a full window each one."""
    block = design((4, 2), 6, 3)
    met = Counter(
        (trial.stimulus, trial.condition["explanation"])
        for form in range(3)
        for trial in trials(block, form, 11, form)
    )
    assert set(met.values()) == {1}
    assert len(met) == 18


def test_another_seed_and_another_person_give_another_order() -> None:
    block = design((8, 4), 12, 3)
    orders = [trials(block, 0, seed, person) for seed in range(4) for person in range(4)]
    assert len({tuple(trial.stimulus for trial in order) for order in orders}) == 16


def test_a_fixed_rule_keeps_one_order_for_everybody_of_a_form() -> None:
    block = design((8, 4), 12, 3, in_order=True)
    assert trials(block, 3, 1, 0) == trials(block, 3, 1, 99)


def test_forms_repeat_after_the_last() -> None:
    block = design((5, 3), 4, 3)
    assert trials(block, 2, 1, 0) == trials(block, 2 + block.forms, 1, 0)


def fill(cells: list[str], forms: int, people: int) -> Counter[tuple[str | None, int | None]]:
    """How many hold each place after so many enrolments."""
    held: Counter[tuple[str | None, int | None]] = Counter()
    for _ in range(people):
        held[least_filled(cells, forms, held)] += 1
    return held


@quick
@given(st.integers(1, 4), st.integers(1, 6), st.integers(0, 60))
def test_counts_of_cells_and_of_forms_stay_within_one(cells: int, forms: int, people: int) -> None:
    names = [f"cell{number}" for number in range(cells)]
    held = fill(names, forms, people)
    per_cell = [sum(held[cell, form] for form in range(forms)) for cell in names]
    assert sum(per_cell) == people
    assert max(per_cell) - min(per_cell) <= 1
    for cell in names:
        per_form = [held[cell, form] for form in range(forms)]
        assert max(per_form) - min(per_form) <= 1


@quick
@given(st.integers(1, 4), st.integers(1, 6), st.integers(1, 3), st.data())
def test_a_place_that_is_given_back_is_the_next_to_be_filled(
    cells: int, forms: int, rounds: int, data: st.DataObject
) -> None:
    names = [f"cell{number}" for number in range(cells)]
    held = fill(names, forms, rounds * cells * forms)
    left = data.draw(st.sampled_from(sorted(held)))
    held[left] -= 1
    assert least_filled(names, forms, held) == left


def test_places_of_cells_that_are_gone_count_for_nothing() -> None:
    assert least_filled(["a"], 1, {("old", 0): 9, (None, None): 4}) == ("a", 0)


def test_a_design_with_very_many_forms_is_quick() -> None:
    """Coprime strata make millions of forms; nobody waits for them."""
    block = design((997, 991), 12, 3)
    assert block.forms == 997 * 991 * 3
    counts: Counter[tuple[str | None, int | None]] = Counter()
    for person in range(200):
        place = least_filled(["", "b"], block.forms, counts)
        assert place == (["", "b"][person % 2], person // 2)
        counts[place] += 1


def test_names_of_conditions_can_be_read_back() -> None:
    condition = {"explanation": "shap", "colour": "red"}
    assert name_of(condition) == "colour=red;explanation=shap"
    assert condition_of(name_of(condition)) == condition
    assert (name_of({}), condition_of("")) == ("", {})
    assert combinations({}) == [{}]
    assert len(combinations({"a": ("x", "y"), "b": ("1", "2", "3")})) == 6


def test_an_impossible_order_is_said() -> None:
    same = [Trial(str(number), {"explanation": "shap"}) for number in range(3)]
    with pytest.raises(ValueError, match="raise it"):
        shuffled(same, {"explanation": 2}, Random(0))


@quick
@given(st.lists(st.integers(0, 6), min_size=2, max_size=4), st.integers(1, 3), st.integers(0, 99))
def test_an_order_is_found_whenever_there_is_one(sizes: list[int], longest: int, seed: int) -> None:
    mixed = [
        Trial(f"{level}-{number}", {"explanation": str(level)})
        for level, size in enumerate(sizes)
        for number in range(size)
    ]
    possible = all(size <= longest * (len(mixed) - size + 1) for size in sizes)
    if not possible:
        with pytest.raises(ValueError, match="max_run"):
            shuffled(mixed, {"explanation": longest}, Random(seed))
        return
    order = shuffled(mixed, {"explanation": longest}, Random(seed))
    assert sorted(trial.stimulus for trial in order) == sorted(t.stimulus for t in mixed)
    for _, run in groupby(trial.condition["explanation"] for trial in order):
        assert len(list(run)) <= longest


def test_a_fixed_order_is_one_for_all_and_mixes_the_strata() -> None:
    block = design((9, 3), 12, 3, in_order=True)
    orders = [[t.stimulus for t in trials(block, form, 5, form)] for form in range(block.forms)]
    assert all(order == orders[0] for order in orders)
    strata = [stimulus[:2] for stimulus in orders[0]]
    assert len(list(groupby(strata))) > 2
