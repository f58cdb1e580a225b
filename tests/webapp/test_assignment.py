"""Balance, proved by properties: whatever the design, nobody is favoured and nothing repeats."""

from collections import Counter
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.assignment import (
    BlockDesign,
    Trial,
    combinations,
    condition_of,
    digits,
    draw,
    least_filled,
    minimising,
    name_of,
    seeded,
    shares,
)
from webapp.assignment.matching import cheapest

LEVELS = ("none", "shap", "mismatched", "shuffled", "lime")
Met = Counter[tuple[str, str]]
quick = settings(max_examples=60, deadline=None)


def design(sizes: tuple[int, ...], share: int, levels: int) -> BlockDesign:
    strata = tuple(tuple(f"s{s}-{i}" for i in range(size)) for s, size in enumerate(sizes))
    return BlockDesign("main", strata, share, {"explanation": LEVELS[:levels]} if levels else {})


@st.composite
def designs(draw_one: st.DrawFn) -> BlockDesign:
    sizes = tuple(draw_one(st.lists(st.integers(1, 7), min_size=1, max_size=3)))
    return design(
        sizes, draw_one(st.integers(1, sum(sizes))), draw_one(st.sampled_from([0, 2, 3, 4]))
    )


def count(met: Met, trials: list[Trial], by: int = 1) -> None:
    for trial in trials:
        met[trial.stimulus, name_of(trial.condition)] += by


def spread(values: list[int]) -> int:
    return max(values) - min(values)


@quick
@given(designs(), st.integers(0, 3), st.integers(1, 25))
def test_every_stimulus_of_a_stratum_is_met_as_often_after_any_number_of_people(
    block: BlockDesign, seed: int, people: int
) -> None:
    met: Met = Counter()
    for person in range(people):
        count(met, draw(block, met, (), seed, person))
        for stratum in block.strata:
            often = [sum(met[each, name_of(c)] for c in block.conditions) for each in stratum]
            assert spread(often) <= 1


@quick
@given(designs(), st.data())
def test_dropouts_leave_no_trace_once_as_many_people_came_after_them(
    block: BlockDesign, data: st.DataObject
) -> None:
    """In any pattern: whoever goes takes their counts along, and new people fill the gaps first."""
    met: Met = Counter()
    there: list[list[Trial]] = []
    most = 0
    for person in range(data.draw(st.integers(1, 15))):
        there.append(draw(block, met, (), 1, person))
        count(met, there[-1])
        most = max(most, len(there))
        for _ in range(data.draw(st.integers(0, len(there)))):
            count(met, there.pop(data.draw(st.integers(0, len(there) - 1))), -1)
    for person in range(100, 100 + 3 * most):
        count(met, draw(block, met, (), 1, person))
    for stratum in block.strata:
        often = [sum(met[each, name_of(c)] for c in block.conditions) for each in stratum]
        assert spread(often) <= 1


@quick
@given(designs(), st.integers(0, 3))
def test_a_stimulus_meets_every_condition_as_often(block: BlockDesign, seed: int) -> None:
    """Within one of each other, but for two where a person's own balance stands against it."""
    met: Met = Counter()
    for person in range(24):
        count(met, draw(block, met, (), seed, person))
        for each in (stimulus for stratum in block.strata for stimulus in stratum):
            assert spread([met[each, name_of(c)] for c in block.conditions]) <= 2


@pytest.mark.parametrize(
    ("sizes", "share", "levels"),
    [((8, 4), 12, 3), ((8, 4), 6, 3), ((20, 10), 12, 3), ((16,), 8, 2), ((20, 20), 10, 2)],
)
def test_usual_designs_are_within_one_of_ideal_after_every_person(
    sizes: tuple[int, ...], share: int, levels: int
) -> None:
    block, met = design(sizes, share, levels), Counter[tuple[str, str]]()
    for person in range(60):
        count(met, draw(block, met, (), 11, person))
        for stratum, of_stratum in zip(block.strata, shares(sizes, share), strict=True):
            ideal = (person + 1) * of_stratum / len(stratum) / levels
            for stimulus, condition in product(stratum, block.conditions):
                assert abs(met[stimulus, name_of(condition)] - ideal) <= 1


@quick
@given(designs(), st.integers(0, 3), st.integers(0, 10_000))
def test_one_participant_meets_every_condition_equally_often(
    block: BlockDesign, seed: int, person: int
) -> None:
    """In each stratum and over all, and nothing twice, whatever people before have met."""
    random = seeded(seed, person)
    stimuli = [each for stratum in block.strata for each in stratum]
    met = Counter(
        {
            (each, name_of(condition)): random.randrange(4)
            for each, condition in product(stimuli, block.conditions)
        }
    )
    chosen = draw(block, met, (), seed, person)
    assert len(chosen) == len({trial.stimulus for trial in chosen}) == block.per_participant
    for part in (*block.strata, stimuli):
        levels = Counter(name_of(t.condition) for t in chosen if t.stimulus in part)
        assert spread([levels[name_of(each)] for each in block.conditions]) <= 1
    of_strata = [sum(t.stimulus in stratum for t in chosen) for stratum in block.strata]
    assert of_strata == list(shares([len(each) for each in block.strata], block.per_participant))


@quick
@given(designs(), st.integers(0, 100), st.data())
def test_what_was_seen_elsewhere_does_not_come_again(
    block: BlockDesign, person: int, data: st.DataObject
) -> None:
    stimuli = sorted(each for stratum in block.strata for each in stratum)
    most = len(stimuli) - block.per_participant
    seen = data.draw(st.sets(st.sampled_from(stimuli), max_size=most)) if most else set()
    chosen = {trial.stimulus for trial in draw(block, {}, seen, 1, person)}
    assert len(chosen) == block.per_participant
    assert not chosen & seen


@quick
@given(designs(), st.integers(0, 100))
def test_the_same_seed_and_counts_give_the_same_trials(block: BlockDesign, person: int) -> None:
    assert draw(block, {}, (), 1, person) == draw(block, {}, (), 1, person)


@quick
@given(st.lists(st.integers(1, 50), min_size=1, max_size=4), st.data())
def test_strata_have_shares_in_proportion(sizes: list[int], data: st.DataObject) -> None:
    total = data.draw(st.integers(1, sum(sizes)))
    found = shares(sizes, total)
    assert sum(found) == total
    for size, share in zip(sizes, found, strict=True):
        assert abs(share - total * size / sum(sizes)) < 1
        assert share <= size


@quick
@given(st.data(), st.integers(1, 4), st.integers(1, 6))
def test_the_cheapest_matching_is_the_one_that_trying_all_finds(
    data: st.DataObject, places: int, things: int
) -> None:
    costs = [[data.draw(st.integers(0, 5)) for _ in range(places)] for _ in range(things)]
    ends = sorted(data.draw(st.integers(0, things)) for _ in range(places - 1))
    room = [b - a for a, b in zip([0, *ends], [*ends, things], strict=True)]
    found = cheapest(costs, room)
    assert [found.count(place) for place in range(places)] == room
    cost = sum(row[place] for row, place in zip(costs, found, strict=True))
    assert cost == min(
        sum(row[place] for row, place in zip(costs, tried, strict=True))
        for tried in product(range(places), repeat=things)
        if [tried.count(place) for place in range(places)] == room
    )


def test_another_seed_and_another_person_give_another_order() -> None:
    block = design((8, 4), 12, 3)
    orders = [draw(block, {}, (), seed, person) for seed in range(4) for person in range(4)]
    assert len({tuple(trial.stimulus for trial in order) for order in orders}) == 16


def test_a_fixed_order_is_one_for_all_and_mixes_the_strata() -> None:
    strata = (tuple(f"r{n}" for n in range(9)), ("w0", "w1", "w2"))
    block = BlockDesign("main", strata, 12, {"explanation": LEVELS[:3]}, shuffled=False)
    orders = [[t.stimulus for t in draw(block, {}, (), 5, person)] for person in range(20)]
    assert all(order == orders[0] for order in orders)
    kinds = [stimulus[0] for stimulus in orders[0]]
    assert sum(a != b for a, b in pairwise(kinds)) > 1


Held = Counter[tuple[str, int]]


@quick
@given(st.integers(1, 4), st.integers(1, 6), st.integers(0, 60))
def test_counts_of_cells_and_of_forms_stay_within_one(cells: int, forms: int, people: int) -> None:
    names = [f"cell{number}" for number in range(cells)]
    held: Held = Counter()
    for _ in range(people):
        held[least_filled(names, forms, held)] += 1
    assert spread([sum(held[cell, form] for form in range(forms)) for cell in names]) <= 1
    for cell in names:
        assert spread([held[cell, form] for form in range(forms)]) <= 1


@quick
@given(st.integers(1, 4), st.integers(1, 4), st.lists(st.booleans(), max_size=60), st.data())
def test_cells_are_within_one_again_once_dropouts_are_replaced(
    cells: int, forms: int, comings: list[bool], data: st.DataObject
) -> None:
    """For any pattern of people who come and go, until as many are there as were at most."""
    names = [f"cell{number}" for number in range(cells)]
    held: Held = Counter()
    most = 0
    for comes in comings:
        if comes:
            held[least_filled(names, forms, held)] += 1
            most = max(most, held.total())
        elif held.total():
            held[data.draw(st.sampled_from(sorted(held.elements())))] -= 1
    while held.total() < most:
        held[least_filled(names, forms, held)] += 1
    assert spread([sum(held[cell, form] for form in range(forms)) for cell in names]) <= 1
    for _ in range(cells * forms * (most + 1)):
        held[least_filled(names, forms, held)] += 1
    assert spread([held[place] for place in product(names, range(forms))]) <= 1


@quick
@given(st.integers(1, 4), st.integers(1, 6), st.integers(1, 3), st.data())
def test_a_place_that_is_given_back_is_the_next_to_be_filled(
    cells: int, forms: int, rounds: int, data: st.DataObject
) -> None:
    names = [f"cell{number}" for number in range(cells)]
    held = Counter(dict.fromkeys(product(names, range(forms)), rounds))
    left = data.draw(st.sampled_from(sorted(held)))
    held[left] -= 1
    assert least_filled(names, forms, held) == left


def test_places_of_cells_that_are_gone_count_for_nothing() -> None:
    assert least_filled(["a"], 1, {("old", 0): 9}) == ("a", 0)


@pytest.mark.parametrize("sizes", [[], [1], [2, 2], [2, 3], [4, 2, 3], [6, 6], [2, 1, 2]])
def test_forms_are_every_combination_of_their_digits_once(sizes: list[int]) -> None:
    total = 1
    for size in sizes:
        total *= size
    found = [tuple(digits(form, sizes)) for form in range(total)]
    assert sorted(found) == sorted(product(*(range(size) for size in sizes)))
    for place, size in enumerate(sizes):
        # Every digit alone goes round as fast as it can.
        assert {each[place] for each in found[:size]} == set(range(size))


def test_minimisation_takes_the_cell_that_leaves_covariates_alike() -> None:
    """By hand: two cells, sex and age band; the new person is a woman of the first band.

    In a: 3 women, 1 of the band; in b: 1 woman, 2 of the band. Joining a leaves |4 - 1| + |2 - 2|
    = 3, joining b leaves |3 - 2| + |1 - 3| = 3; with one fewer of the band in b, b is better.
    """
    counts = {("a", 0, "woman"): 3, ("a", 1, "0"): 1, ("b", 0, "woman"): 1, ("b", 1, "0"): 2}
    totals = {"a": 4, "b": 4}
    person = ["woman", "0"]
    equal = [minimising(["a", "b"], person, counts, totals, seeded(n)) for n in range(40)]
    assert 5 < equal.count("a") < 35
    counts["b", 1, "0"] = 1
    assert minimising(["a", "b"], person, counts, totals, seeded(1)) == "b"
    assert minimising(["a", "b"], ["man", "1"], counts, {"a": 4, "b": 3}, seeded(1)) == "b"


@quick
@given(
    st.integers(2, 4),
    st.lists(st.tuples(st.sampled_from("mfx"), st.sampled_from("012")), max_size=80),
)
def test_minimisation_keeps_every_covariate_alike(
    cells: int, people: list[tuple[str, str]]
) -> None:
    """Every margin stays far closer than chance leaves it (sd of about 3 for 80 people)."""
    names = [f"cell{number}" for number in range(cells)]
    counts: Counter[tuple[str, int, str]] = Counter()
    totals: Counter[str] = Counter()
    for number, person in enumerate(people):
        cell = minimising(names, person, counts, totals, seeded(1, number))
        totals[cell] += 1
        counts.update((cell, which, level) for which, level in enumerate(person))
    for which, level in {(w, each) for person in people for w, each in enumerate(person)}:
        assert spread([counts[cell, which, level] for cell in names]) <= 4


def test_names_of_conditions_can_be_read_back() -> None:
    condition = {"explanation": "shap", "colour": "red"}
    assert name_of(condition) == "colour=red;explanation=shap"
    assert condition_of(name_of(condition)) == condition
    assert (name_of({}), condition_of("")) == ("", {})
    assert combinations({}) == [{}]
    assert len(combinations({"a": ("x", "y"), "b": ("1", "2", "3")})) == 6
