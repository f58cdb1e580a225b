"""Agreement of marks and values, against cases counted by hand, enumeration and scikit-learn."""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import jaccard_score, roc_auc_score

from analysis.estimate import NotEstimableError
from analysis.regions import agreement, by_measure, by_stimulus, crowd_correlation, mean_iou


def test_a_case_counted_by_hand():
    # Highest two: parts 3 and 1; marked: 3 and 0. One shared of three.
    found = agreement([1, 0, 0, 1], [0.1, 0.5, -2.0, 0.9])
    assert found.iou == pytest.approx(1 / 3)
    # Pairs marked over not: 3 > 1, 3 > 2, 0 > 2, but 0 < 1.
    assert found.auc == pytest.approx(3 / 4)
    assert found.pointing == 1
    assert found.pointing_chance == 0.5
    # Two of four at random: shared 0, 1, 2 with 1, 4, 1 of 6 ways.
    assert found.iou_chance == pytest.approx((0 + 4 / 3 + 1) / 6)
    # Ranks 2, 3, 1, 4 with 1, 0, 0, 1: covariance 1 / 4 over sqrt(5 / 4) / 2.
    assert found.rank_correlation == pytest.approx(0.25 / (np.sqrt(1.25) / 2))


@pytest.mark.parametrize("seed", range(20))
def test_it_agrees_with_scikit_learn_and_scipy(seed):
    random = np.random.default_rng(seed)
    values = random.normal(size=30)
    marked = np.zeros(30)
    marked[random.choice(30, random.integers(1, 30), replace=False)] = 1
    top = np.zeros(30)
    top[np.argsort(values)[30 - int(marked.sum()) :]] = 1
    found = agreement(marked, values)
    assert found.iou == pytest.approx(jaccard_score(marked, top), abs=1e-12)
    assert found.auc == pytest.approx(roc_auc_score(marked, values), abs=1e-12)
    assert found.rank_correlation == pytest.approx(stats.spearmanr(marked, values).statistic)
    assert found.pointing == marked[values.argmax()]


@pytest.mark.parametrize("seed", range(10))
def test_ties_are_broken_in_every_way(seed):
    random = np.random.default_rng(seed)
    values, marked = random.integers(0, 3, 8).astype(float), np.zeros(8)
    marked[random.choice(8, 3, replace=False)] = 1
    found = agreement(marked, values)
    ways = [
        top
        for top in combinations(range(8), 3)
        if values[list(top)].sum() == np.sort(values)[-3:].sum()
    ]
    own = set(np.flatnonzero(marked))
    expected = np.mean([len(own & set(top)) / len(own | set(top)) for top in ways])
    assert found.iou == pytest.approx(expected)
    assert found.auc == pytest.approx(roc_auc_score(marked, values))
    assert found.pointing == pytest.approx(marked[values == values.max()].mean())


@pytest.mark.parametrize(("n", "k"), [(4, 1), (6, 3), (9, 4), (7, 6)])
def test_chance_is_the_mean_over_every_way_to_mark(n, k):
    values = np.random.default_rng(n).normal(size=n)
    ways = [agreement(np.isin(np.arange(n), way), values) for way in combinations(range(n), k)]
    for measure in ("iou", "auc", "rank_correlation", "pointing"):
        found = np.mean([getattr(each, measure) for each in ways])
        assert found == pytest.approx(ways[0].chance(measure), abs=1e-12), measure
    overlap = np.arange(k + 1)
    assert mean_iou(n, k) == pytest.approx(
        (stats.hypergeom(n, k, k).pmf(overlap) * overlap / (2 * k - overlap)).sum()
    )


def test_no_scale_of_the_values_and_no_order_of_the_parts_changes_it():
    random = np.random.default_rng(3)
    marked, values = np.arange(12) % 3 == 0, random.normal(size=12)
    found = agreement(marked, values)
    order = random.permutation(12)
    again = agreement(marked[order], 5 * values[order] + 2)
    for measure in ("iou", "auc", "rank_correlation", "pointing"):
        assert getattr(again, measure) == pytest.approx(getattr(found, measure))
    assert agreement(marked, -values).auc == pytest.approx(1 - found.auc)


@pytest.mark.parametrize(
    ("marked", "values", "said"),
    [
        ([0, 0, 0], [1, 2, 3], "0 of 3 parts are marked"),
        ([1, 1, 1], [1, 2, 3], "3 of 3 parts are marked"),
        ([1, 0, 0], [2, 2, 2], "all values are the same"),
        ([1, 0, 0], [2, np.nan, 2], "not finite"),
        ([1, 0, 2], [2, 1, 2], "only 0 and 1"),
    ],
)
def test_what_tells_nothing_is_refused(marked, values, said):
    with pytest.raises(NotEstimableError, match=said):
        agreement(marked, values)
    with pytest.raises(ValueError, match="the same"):
        agreement([1, 0], [1, 2, 3])


def test_people_and_stimuli_have_their_means():
    values = [3.0, 2.0, 1.0, 0.0]
    marks = {"P1": [[1, 0, 0, 0], [1, 1, 0, 0]], "P2": [[0, 0, 0, 1], [1, 0, 0, 1]], "P3": []}
    who = [person for person, own in marks.items() for _ in own]
    trials = [agreement(mark, values) for own in marks.values() for mark in own]
    raw, above = by_measure(who, trials, "iou")
    assert raw.estimate.value == pytest.approx((1 + 1 + 0 + 1 / 3) / 4)
    assert raw.per_participant.to_dict() == pytest.approx({"P1": 1, "P2": 1 / 6})
    # One of four by chance: 1 / 4; two of four: 7 / 18.
    assert raw.estimate.value - above.estimate.value == pytest.approx((1 / 4 + 7 / 18) / 2)
    assert raw.estimate.n == 2
    frame = by_stimulus(["a", "b", "a", "b"], trials)
    assert frame.loc["a", ["iou", "iou_chance", "n"]].tolist() == pytest.approx([0.5, 0.25, 2])
    assert frame.loc["b", "pointing"] == 1


def test_a_crowd_that_ranks_as_the_values_do_agrees_wholly():
    assert crowd_correlation([0.9, 0.5, 0.1], [7.0, 0.2, -1.0]) == pytest.approx(1)
    assert crowd_correlation([0.1, 0.5, 0.9], [7.0, 0.2, -1.0]) == pytest.approx(-1)
    with pytest.raises(NotEstimableError, match="marked as often"):
        crowd_correlation([0.5, 0.5, 0.5], [7.0, 0.2, -1.0])
