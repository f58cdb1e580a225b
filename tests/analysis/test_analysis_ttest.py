import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import agree, oracle

from analysis.bayes import paired_bayes_factor, unpaired_bayes_factor
from analysis.equivalence import paired_equivalence, unpaired_equivalence
from analysis.estimate import NotEstimableError
from analysis.ttest import (
    mean_interval,
    paired_difference,
    student_difference,
    welch_difference,
)

COMPARE, R = oracle("analysis_compare"), oracle("stats_tests")
A, B = R["a"], R["b"]
few = settings(max_examples=40, deadline=None)
ratings = st.lists(st.tuples(st.integers(1, 7), st.integers(1, 7)), min_size=4, max_size=30)


def test_paired_difference_agrees_with_r_on_sleep():
    """R: t.test(extra ~ group, sleep, paired = TRUE): t -4.06213, p .0028329."""
    estimate = paired_difference(A, B)
    agree(estimate, COMPARE["paired"])
    assert estimate.df == (9,)
    assert estimate.n == 10
    agree(estimate.checks[0], R["shapiro"], rel=1e-4)


def test_differences_of_different_people_agree_with_r():
    agree(welch_difference(A, B), COMPARE["welch"])
    estimate = student_difference(A, B)
    agree(estimate, R["student"])
    agree(estimate.checks[1], R["levene"])
    assert [check.name.split(" (")[0] for check in estimate.checks] == [
        "normal distribution of the residuals",
        "equal spread",
    ]


def test_mean_interval_agrees_with_r():
    agree(mean_interval(np.array(COMPARE["means"])[:, 0]), COMPARE["mean"])


def test_different_people_with_one_constant_group_still_compare():
    """R: t.test(c(1, 1, 1), c(1, 2, 3)): t -1.7321, df 2, p .2254."""
    estimate = welch_difference([1, 1, 1], [1, 2, 3])
    assert estimate.df == pytest.approx((2,))
    assert estimate.p == pytest.approx(0.225403330758517, rel=1e-10)


def test_equivalence_agrees_with_two_t_tests_of_r():
    agree(paired_equivalence(A, B, -3, 1), R["tost_paired"])
    agree(unpaired_equivalence(A, B, -4, 4), R["tost_unpaired"])


@pytest.mark.parametrize("bound", [0.9, 1.5, 3])
def test_equivalence_is_found_where_the_interval_lies_within_the_bounds(bound):
    estimate = paired_equivalence(np.array(A) + 1.5, B, -bound, bound)
    inside = -bound < estimate.low and estimate.high < bound
    assert (estimate.p < 0.05) == inside
    assert estimate.confidence == pytest.approx(0.9)


def test_bayes_factors_agree_with_the_bayesfactor_package():
    """REFERENCES: JZS of sleep, paired, 17.25888."""
    found = paired_bayes_factor(A, B)
    assert round(found.value, 5) == 17.25888
    wanted = R["bayes"]
    # BayesFactor's own integral is good to about six digits.
    assert found.value == pytest.approx(wanted["paired"], rel=1e-6)
    assert unpaired_bayes_factor(A[:8], B).value == pytest.approx(wanted["unpaired"], rel=1e-6)
    assert paired_bayes_factor(A, B, scale=1).value == pytest.approx(wanted["wide"], rel=1e-6)
    null = [1, -1, 0.5, -0.5, 0.2, -0.1]
    assert paired_bayes_factor(null, [0] * 6).value == pytest.approx(wanted["null"], rel=1e-6)
    strong = np.linspace(1, 3, 25)
    found = paired_bayes_factor(strong, 0 * strong)
    assert found.value == pytest.approx(wanted["strong"], rel=1e-5)


@few
@given(ratings, st.integers(-5, 5), st.sampled_from([0.5, 2, 3]))
def test_shift_scale_order_and_turning(pairs, shift, scale):
    a, b = np.array(pairs, dtype=float).T
    try:
        before = paired_difference(a, b)
    except NotEstimableError:
        return
    after = paired_difference(scale * (a + shift), scale * (b + shift))
    assert after.value == pytest.approx(scale * before.value, abs=1e-12)
    assert after.p == pytest.approx(before.p, rel=1e-7)
    turned = paired_difference(b, a)
    assert (turned.low, turned.high) == pytest.approx((-before.high, -before.low))
    reordered = paired_difference(a[::-1], b[::-1])
    assert reordered.p == pytest.approx(before.p, rel=1e-9)
    factor = paired_bayes_factor(a, b).value
    assert paired_bayes_factor(scale * b, scale * a).value == pytest.approx(factor, rel=1e-6)


@few
@given(ratings)
def test_duplicated_people_leave_the_mean_and_narrow_the_interval(pairs):
    a, b = np.array(pairs, dtype=float).T
    try:
        once = paired_difference(a, b)
    except NotEstimableError:
        return
    twice = paired_difference(np.tile(a, 2), np.tile(b, 2))
    assert twice.value == pytest.approx(once.value, abs=1e-12)
    assert twice.high - twice.low < once.high - once.low


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: paired_difference([1, 2], [1]), "must be the same"),
        (lambda: paired_difference([1], [2]), "at least two participants; there are 1"),
        (lambda: paired_difference([1, np.nan], [2, 3]), "missing or not finite"),
        (lambda: paired_difference([1, np.inf], [2, 3]), "missing or not finite"),
        (lambda: paired_difference([np.inf, 1], [np.inf, 3]), "missing or not finite"),
        (lambda: paired_difference([1e200, 1], [2, 3]), "too large"),
        (lambda: paired_difference([2, 3, 4], [1, 2, 3]), "all 3 participants have the"),
        (lambda: mean_interval([]), "there are 0"),
        (lambda: welch_difference([1, 1], [2, 2]), "nobody differs"),
        (lambda: student_difference([1, 1], [2, 2]), "nobody differs"),
        (lambda: paired_equivalence([2, 3, 4], [1, 2, 3], -1, 1), "all 3 participants have the"),
        (lambda: paired_bayes_factor([2, 3, 4], [1, 2, 3]), "all 3 participants have the"),
        (lambda: unpaired_bayes_factor([1], [1, 2]), "there are 1"),
    ],
)
def test_numbers_that_carry_no_statistic_are_refused_in_words(call, said):
    with pytest.raises(NotEstimableError, match=said):
        call()


def test_bounds_and_priors_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="must rise"):
        paired_equivalence(A, B, 1, -1)
    with pytest.raises(ValueError, match="above 0"):
        paired_bayes_factor(A, B, scale=0)
    with pytest.raises(ValueError, match="one value per participant"):
        mean_interval([[1, 2], [3, 4]])
