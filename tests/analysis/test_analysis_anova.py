import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import agree, oracle
from statsmodels.stats.anova import AnovaRM

from analysis.anova import anova, repeated_measures_anova, welch_anova
from analysis.estimate import NotEstimableError
from analysis.ttest import paired_difference, student_difference

COMPARE, R = oracle("analysis_compare"), oracle("stats_anova")
MEANS = np.array(COMPARE["means"])
CELLS = np.array(R["cells"])  # (14, 2, 3)
GROUPS = [MEANS[:, 0], MEANS[:9, 1], MEANS[:7, 2]]
few = settings(max_examples=40, deadline=None)
ratings = st.lists(st.tuples(st.integers(1, 7), st.integers(1, 7)), min_size=4, max_size=30)


def test_repeated_measures_agree_with_r_and_statsmodels():
    estimate = repeated_measures_anova(MEANS)
    agree(estimate, {"statistic": COMPARE["repeated"]["statistic"]}, rel=1e-6)
    agree(estimate, {"p": COMPARE["repeated"]["p"], "value": COMPARE["repeated"]["value"]})
    assert estimate.df[0] / 2 == pytest.approx(COMPARE["repeated"]["epsilon"], abs=5e-5)
    n, k = MEANS.shape
    frame = pd.DataFrame(
        {
            "value": MEANS.ravel(),
            "person": np.repeat(np.arange(n), k),
            "level": np.tile(np.arange(k), n),
        }
    )
    table = AnovaRM(frame, "value", "person", within=["level"]).fit().anova_table
    assert estimate.statistic == pytest.approx(float(table["F Value"].iloc[0]), rel=1e-10)


@pytest.mark.parametrize(
    ("design", "cells", "within", "between"),
    [
        ("mixed", CELLS, ("a", "b"), ("g", R["group"])),
        ("within", CELLS, ("a", "b"), None),
        ("one_within_one_between", CELLS[:, 0], ("b",), ("g", R["group"])),
    ],
)
def test_factorial_designs_agree_with_afex(design, cells, within, between):
    """Type III sums of squares, unequal groups, Greenhouse-Geisser, Mauchly, both eta squared."""
    found = {effect.term: effect for effect in anova(cells, within, between)}
    assert set(found) == set(R[design])
    for term, wanted in R[design].items():
        effect = found[term]
        agree(effect.estimate, {key: wanted[key] for key in ("statistic", "p")})
        assert effect.estimate.df == pytest.approx((wanted["df1"], wanted["df2"]))
        assert effect.estimate.value == pytest.approx(wanted["pes"])
        assert effect.generalised_eta_squared == pytest.approx(wanted["ges"])
        assert effect.sum_of_squares == pytest.approx(wanted["sum_of_squares"])
        assert effect.error == pytest.approx(wanted["error"])
        if wanted["mauchly"]:
            (check,) = (c for c in effect.estimate.checks if "Mauchly" in c.name)
            agree(check, wanted["mauchly"])


def test_an_interval_by_bootstrap_is_seeded_and_holds_the_estimate():
    (effect,) = anova(MEANS, ("level",), seed=1)
    assert 0 <= effect.estimate.low < effect.estimate.value < effect.estimate.high <= 1
    assert (effect,) == anova(MEANS, ("level",), seed=1)
    assert effect.estimate.low != anova(MEANS, ("level",), seed=2)[0].estimate.low


def test_welch_anova_agrees_with_r():
    estimate = welch_anova(GROUPS)
    agree(estimate, COMPARE["welch_anova"])
    assert len(estimate.checks) == 2


@few
@given(ratings)
def test_two_levels_are_the_t_tests(pairs):
    y = np.array(pairs, dtype=float)
    group = [0, 1] * (len(y) // 2) + [0] * (len(y) % 2)
    try:
        t = paired_difference(*y.T)
        f = repeated_measures_anova(y)
        mixed = {e.term: e.estimate for e in anova(y, ("level",), ("group", group))}
        means = y.mean(axis=1)
        between = student_difference(means[np.array(group) == 0], means[np.array(group) == 1])
    except NotEstimableError:
        return
    assert f.statistic == pytest.approx(t.statistic**2, abs=1e-9)
    assert f.p == pytest.approx(t.p, rel=1e-7, abs=1e-12)
    assert mixed["group"].statistic == pytest.approx(between.statistic**2, abs=1e-9)
    assert mixed["group"].p == pytest.approx(between.p, rel=1e-7, abs=1e-12)


@few
@given(st.integers(0, 10**6), st.integers(-4, 4), st.sampled_from([0.5, 3]))
def test_shift_scale_and_order_leave_every_effect(seed, shift, scale):
    draw = np.random.default_rng(seed)
    y = draw.normal(size=(9, 2, 3))
    group = np.array(["x", "y", "x", "y", "x", "x", "y", "x", "x"])
    order = draw.permutation(9)
    before = anova(y, ("a", "b"), ("g", group))
    after = anova(scale * (y[order] + shift), ("a", "b"), ("g", group[order]))
    for one, other in zip(before, after, strict=True):
        assert one.estimate.p == pytest.approx(other.estimate.p, rel=1e-6, abs=1e-14)
        assert one.generalised_eta_squared == pytest.approx(other.generalised_eta_squared)
    turned = anova(y[:, ::-1, [2, 0, 1]], ("a", "b"), ("g", group))
    assert [e.estimate.p for e in turned] == pytest.approx([e.estimate.p for e in before])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: repeated_measures_anova([[1, 2, 3], [2, 3, 4]]), "same amount"),
        (lambda: repeated_measures_anova([[1, 2, 3]]), "there are 1"),
        (lambda: repeated_measures_anova([[1, 2], [np.nan, 1]]), "missing or not finite"),
        (lambda: welch_anova([[1, 1], [1, 2], [2, 3]]), "nobody differs from anyone"),
        (lambda: anova(MEANS, ("x",), ("g", ["a"] * 12)), "has one level"),
        (lambda: anova(MEANS, ("x",), ("g", ["a"] * 11 + ["b"])), "fewer than two"),
        (lambda: anova(np.ones((4, 3)), ("x",)), "same amount"),
    ],
)
def test_numbers_that_carry_no_statistic_are_refused_in_words(call, said):
    with pytest.raises(NotEstimableError, match=said):
        call()


def test_shapes_that_do_not_fit_the_factors_are_refused():
    with pytest.raises(ValueError, match="two or more levels"):
        anova(MEANS, ("a", "b"))
    with pytest.raises(ValueError, match="12 participants but 3"):
        anova(MEANS, ("a",), ("g", [1, 2, 3]))
