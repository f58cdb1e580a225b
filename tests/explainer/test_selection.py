"""Selection: right and wrong in the numbers asked for, classes spread, donors distinct."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explainer.selection import SelectionError, donors, draw, select


@given(
    truth=st.lists(st.integers(0, 3), min_size=1, max_size=40),
    seed=st.integers(0, 5),
    data=st.data(),
)
def test_selects_what_is_asked_for(truth, seed, data):
    truth = np.array(truth)
    predicted = np.random.default_rng(seed).integers(0, 4, len(truth))
    correct = truth == predicted
    right = data.draw(st.integers(0, int(correct.sum())))
    wrong = data.draw(st.integers(0, int((~correct).sum())))
    rows = select(correct, predicted, right, wrong, seed)
    assert len(set(rows)) == len(rows) == right + wrong
    assert int(correct[rows].sum()) == right
    assert rows == select(correct, predicted, right, wrong, seed)
    # As even as there are rows: nobody has two more than a class that still has one left.
    for kind in (True, False):
        taken = Counter(predicted[[row for row in rows if correct[row] == kind]].tolist())
        there = Counter(predicted[correct == kind].tolist())
        for label, number in there.items():
            if taken[label] < number and taken:
                assert max(taken.values()) <= taken[label] + 1


def test_too_few_says_how_many_there_are():
    correct, predicted = np.array([True, True, False]), np.array([0, 1, 0])
    with pytest.raises(SelectionError, match="2 that the model gets right and 1 that"):
        select(correct, predicted, 2, 2, seed=0)


@given(there=st.integers(0, 30), count=st.integers(0, 30), seed=st.integers(0, 5))
def test_draws_what_is_asked_for(there, count, seed):
    if count > there:
        with pytest.raises(SelectionError, match=f"{count} stimuli .* the data has {there}: ask"):
            draw(there, count, seed)
        return
    rows = draw(there, count, seed)
    assert len(set(rows)) == len(rows) == count
    assert set(rows) <= set(range(there))
    assert rows == draw(there, count, seed)
    assert rows == draw(there, there, seed)[:count]


@given(
    predicted=st.lists(st.integers(0, 2), min_size=2, max_size=40),
    seed=st.integers(0, 5),
    count=st.integers(1, 20),
)
def test_donors(predicted, seed, count):
    predicted = np.array(predicted)
    selected = list(range(min(count, len(predicted))))
    if any((predicted == predicted[row]).sum() == 1 for row in selected):
        with pytest.raises(SelectionError, match="only one with its predicted class"):
            donors(predicted, selected, seed)
        return
    found = donors(predicted, selected, seed)
    assert found == donors(predicted, selected, seed)
    for row, donor in found.items():
        assert donor != row
        assert predicted[donor] == predicted[row]
    for label in set(predicted[selected].tolist()):
        of_class = [donor for row, donor in found.items() if predicted[row] == label]
        free = int((predicted[len(selected) :] == label).sum())
        outside = {donor for donor in of_class if donor not in selected}
        assert len(outside) == min(free, len(of_class))
