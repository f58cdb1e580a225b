import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import agree, oracle
from scipy import stats

from analysis import permutation
from analysis.estimate import NotEstimableError
from analysis.permutation import paired_permutation, unpaired_permutation
from analysis.ranks import friedman, kruskal, mann_whitney, sign_test, wilcoxon

COMPARE, R = oracle("analysis_compare"), oracle("stats_tests")
A, B, MEANS = R["a"], R["b"], np.array(COMPARE["means"])
GROUPS = [MEANS[:, 0], MEANS[:9, 1], MEANS[:7, 2]]
few = settings(max_examples=25, deadline=None)
ratings = st.lists(st.tuples(st.integers(1, 7), st.integers(1, 7)), min_size=4, max_size=12)


def test_mann_whitney_agrees_with_r():
    estimate = mann_whitney(A, B)
    agree(estimate, COMPARE["mann_whitney"], rel=1e-9)
    assert estimate.value == 0.255


def test_wilcoxon_agrees_with_r():
    agree(wilcoxon([1.1, 2.2, 3.3, -0.4, 1.7, -0.2], [0] * 6), COMPARE["wilcoxon"])


def test_wilcoxon_with_ties_is_exact_for_few_people_and_agrees_with_r_for_more():
    few = np.array([0.5, 0.5, -0.25, 0.75, 0, 1, 0.25, -0.5, 0.75])
    nonzero = few[few != 0]
    ranks = stats.rankdata(abs(nonzero))
    sums = [ranks[list(signs)].sum() for signs in itertools.product([True, False], repeat=8)]
    smaller = [min(total, ranks.sum() - total) for total in sums]
    seen = min(ranks[nonzero > 0].sum(), ranks[nonzero < 0].sum())
    wanted = np.mean([total <= seen for total in smaller])
    assert wilcoxon(few, np.zeros(9)).p == pytest.approx(wanted)
    # R: wilcox.test(more, exact = FALSE, correct = FALSE)
    more = np.concatenate([few, [0.5, 0.5, 1, 1, 2, -1, 0.25]])
    assert wilcoxon(more, np.zeros(16)).p == pytest.approx(0.02385543, rel=1e-6)


def test_sign_test_agrees_with_r():
    estimate = sign_test(A, B)
    agree(estimate, R["sign"])
    assert estimate.notes == ("1 without a difference left out",)


def test_friedman_and_kruskal_agree_with_r():
    agree(friedman(MEANS), COMPARE["friedman"])
    agree(kruskal(GROUPS), COMPARE["kruskal"])


def test_exact_permutation_agrees_with_every_arrangement_in_r():
    estimate = paired_permutation(A, B)
    assert estimate.p == pytest.approx(R["paired_permutation"])
    assert estimate.notes == ("all 1024 arrangements",)
    estimate = unpaired_permutation(A[:6], B[:7])
    assert estimate.p == pytest.approx(R["unpaired_permutation"])
    assert estimate.notes == ("all 1716 arrangements",)


def test_drawn_permutation_is_near_the_exact_one_and_the_same_for_a_seed(monkeypatch):
    exact = unpaired_permutation(A[:6], B[:7]), paired_permutation(A[:7], np.zeros(7))
    monkeypatch.setattr(permutation, "MOST_EXACT", 1)
    for call, wanted in (
        (lambda seed: unpaired_permutation(A[:6], B[:7], seed), exact[0]),
        (lambda seed: paired_permutation(A[:7], np.zeros(7), seed), exact[1]),
    ):
        drawn = call(1)
        # Four Monte Carlo standard errors.
        assert abs(drawn.p - wanted.p) < 4 * np.sqrt(wanted.p * (1 - wanted.p) / 9999)
        assert drawn == call(1)
        assert drawn.p != call(2).p
        assert drawn.value == wanted.value


@few
@given(ratings)
def test_ranks_know_only_the_order_and_permutations_neither_shift_nor_scale(pairs):
    a, b = np.array(pairs, dtype=float).T
    if (a == b).all() or len({*a, *b}) == 1:
        return
    assert mann_whitney(a**3, b**3).p == pytest.approx(mann_whitney(a, b).p)
    assert mann_whitney(b, a).value == pytest.approx(1 - mann_whitney(a, b).value)
    assert sign_test(a**3, b**3).p == sign_test(a, b).p
    assert sign_test(b, a).value == pytest.approx(1 - sign_test(a, b).value)
    moved = paired_permutation(3 * (a + 2), 3 * (b + 2))
    assert moved.p == paired_permutation(b[::-1], a[::-1]).p == paired_permutation(a, b).p
    if len(a) < 8:
        assert unpaired_permutation(3 * a + 1, 3 * b + 1).p == unpaired_permutation(b, a).p


def test_ranks_do_not_hang_on_the_sixteenth_digit():
    thirds = np.array([1 / 3, 2 / 3, 1, 4 / 3])
    a = np.concatenate([4 + thirds, 3 + thirds])
    b = np.array([4.0] * 4 + [3.0] * 4)
    wanted = stats.wilcoxon(np.round(a - b, 6)).pvalue
    assert wilcoxon(a, b).p == wanted


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: wilcoxon([1, 2, 3], [1, 2, 3]), "nobody differs"),
        (lambda: sign_test([1, 2, 3], [1, 2, 3]), "nobody differs"),
        (lambda: sign_test([1, 2, 3], [1, 2]), "must be the same"),
        (lambda: paired_permutation([1, 2, 3], [1, 2, 3]), "nobody differs"),
        (lambda: unpaired_permutation([1, 1], [1, 1]), "everyone has the same value"),
        (lambda: unpaired_permutation([1, np.nan], [1, 1]), "missing or not finite"),
        (lambda: mann_whitney([1, 1], [1, 1]), "everyone has the same value"),
        (lambda: mann_whitney([1, np.inf], [1, 1]), "missing or not finite"),
        (lambda: friedman([[1, 1, 1], [2, 2, 2]]), "nobody differs"),
        (lambda: friedman([[1, 2], [2, 3]]), "at least three levels"),
        (lambda: kruskal([[1, 1], [1, 1], [1, 1]]), "everyone has the same value"),
        (lambda: kruskal([[1, 2]]), "at least two groups"),
        (lambda: kruskal([[1, 2], []]), "there are 0"),
    ],
)
def test_numbers_that_carry_no_statistic_are_refused_in_words(call, said):
    with pytest.raises(NotEstimableError, match=said):
        call()
