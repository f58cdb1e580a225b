import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.anova import AnovaRM
from statsmodels.stats.multitest import multipletests

from analysis import compare
from analysis.estimate import NotEstimableError

R = json.loads((Path(__file__).parents[1] / "golden" / "analysis_compare.json").read_text())
A, B, MEANS = R["a"], R["b"], np.array(R["means"])
few = settings(max_examples=40, deadline=None)
GROUPS = [MEANS[:, 0], MEANS[:9, 1], MEANS[:7, 2]]


def agree(estimate, wanted, rel=1e-8):
    for name, value in wanted.items():
        found = estimate.df[-1] if name == "df" else getattr(estimate, name)
        assert found == pytest.approx(value, rel=rel), name


def test_paired_difference_agrees_with_r_on_sleep():
    """R: t.test(extra ~ group, sleep, paired = TRUE): t -4.06213, p .0028329."""
    estimate = compare.paired_difference(A, B)
    agree(estimate, R["paired"])
    assert estimate.df == (9,)
    assert estimate.n == 10


def test_effect_sizes_agree_with_r():
    agree(compare.d_z(A, B), R["d_z"])
    agree(compare.hedges_g(A, B), R["hedges_g"])


def test_welch_and_mann_whitney_agree_with_r():
    agree(compare.welch_difference(A, B), R["welch"])
    estimate = compare.mann_whitney(A, B)
    agree(estimate, R["mann_whitney"], rel=1e-9)
    assert estimate.value == 0.255


def test_wilcoxon_agrees_with_r():
    agree(compare.wilcoxon([1.1, 2.2, 3.3, -0.4, 1.7, -0.2], [0] * 6), R["wilcoxon"])


def test_wilcoxon_with_ties_is_exact_for_few_people_and_agrees_with_r_for_more():
    few = np.array([0.5, 0.5, -0.25, 0.75, 0, 1, 0.25, -0.5, 0.75])
    nonzero = few[few != 0]
    ranks = stats.rankdata(abs(nonzero))
    sums = [ranks[list(signs)].sum() for signs in itertools.product([True, False], repeat=8)]
    smaller = [min(total, ranks.sum() - total) for total in sums]
    seen = min(ranks[nonzero > 0].sum(), ranks[nonzero < 0].sum())
    wanted = np.mean([total <= seen for total in smaller])
    assert compare.wilcoxon(few, np.zeros(9)).p == pytest.approx(wanted)
    # R: wilcox.test(more, exact = FALSE, correct = FALSE)
    more = np.concatenate([few, [0.5, 0.5, 1, 1, 2, -1, 0.25]])
    assert compare.wilcoxon(more, np.zeros(16)).p == pytest.approx(0.02385543, rel=1e-6)


def test_repeated_measures_agree_with_r_and_statsmodels():
    estimate = compare.repeated_measures_anova(MEANS)
    agree(estimate, {"statistic": R["repeated"]["statistic"]}, rel=1e-6)
    agree(estimate, {"p": R["repeated"]["p"], "value": R["repeated"]["value"]})
    assert estimate.df[0] / 2 == pytest.approx(R["repeated"]["epsilon"], abs=5e-5)
    n, k = MEANS.shape
    frame = {
        "value": MEANS.ravel(),
        "person": np.repeat(np.arange(n), k),
        "level": np.tile(np.arange(k), n),
    }
    import pandas as pd

    table = AnovaRM(pd.DataFrame(frame), "value", "person", within=["level"]).fit().anova_table
    assert estimate.statistic == pytest.approx(float(table["F Value"].iloc[0]), rel=1e-10)


def test_friedman_welch_anova_and_kruskal_agree_with_r():
    agree(compare.friedman(MEANS), R["friedman"])
    agree(compare.welch_anova(GROUPS), R["welch_anova"])
    agree(compare.kruskal(GROUPS), R["kruskal"])


def test_mean_interval_agrees_with_r():
    agree(compare.mean_interval(MEANS[:, 0]), R["mean"])


def test_holm_agrees_with_r():
    assert compare.holm([0.01, 0.04, 0.03, 0.2]) == pytest.approx(R["holm"])
    assert compare.holm([]) == []


def test_holm_agrees_with_statsmodels():
    draw = np.random.default_rng(3)
    for size in range(1, 12):
        p_values = draw.uniform(size=size).round(2).tolist()
        wanted = multipletests(p_values, method="holm")[1]
        assert compare.holm(p_values) == pytest.approx(list(wanted))


ratings = st.lists(st.tuples(st.integers(1, 7), st.integers(1, 7)), min_size=4, max_size=30)


@few
@given(ratings, st.integers(-5, 5), st.sampled_from([0.5, 2, 3]))
def test_shift_and_scale(pairs, shift, scale):
    a, b = np.array(pairs, dtype=float).T
    try:
        before = compare.paired_difference(a, b)
    except NotEstimableError:
        return
    after = compare.paired_difference(scale * (a + shift), scale * (b + shift))
    assert after.value == pytest.approx(scale * before.value, abs=1e-12)
    assert after.p == pytest.approx(before.p, rel=1e-7)
    assert compare.d_z(scale * a, scale * b).value == pytest.approx(compare.d_z(a, b).value)
    turned = compare.paired_difference(b, a)
    assert (turned.low, turned.high) == pytest.approx((-before.high, -before.low))


@few
@given(ratings)
def test_two_levels_of_anova_are_the_paired_t_test(pairs):
    y = np.array(pairs, dtype=float)
    try:
        t = compare.paired_difference(*y.T)
    except NotEstimableError:
        return
    f = compare.repeated_measures_anova(y)
    assert f.statistic == pytest.approx(t.statistic**2, abs=1e-9)
    assert f.p == pytest.approx(t.p, rel=1e-7, abs=1e-12)


def test_ranks_do_not_hang_on_the_sixteenth_digit():
    thirds = np.array([1 / 3, 2 / 3, 1, 4 / 3])
    a = np.concatenate([4 + thirds, 3 + thirds])
    b = np.array([4.0] * 4 + [3.0] * 4)
    wanted = stats.wilcoxon(np.round(a - b, 6)).pvalue
    assert compare.wilcoxon(a, b).p == wanted


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: compare.paired_difference([1, 2], [1]), "must be the same"),
        (lambda: compare.paired_difference([1], [2]), "at least two participants; there are 1"),
        (lambda: compare.paired_difference([1, np.nan], [2, 3]), "missing or not finite"),
        (lambda: compare.paired_difference([1, np.inf], [2, 3]), "missing or not finite"),
        (lambda: compare.paired_difference([2, 3, 4], [1, 2, 3]), "all 3 participants have the"),
        (lambda: compare.d_z([1e9 + 0.1, 1e9, 1e9], [0, 0, 0]), "hardly differ"),
        (lambda: compare.mean_interval([]), "there are 0"),
        (lambda: compare.wilcoxon([1, 2, 3], [1, 2, 3]), "nobody differs"),
        (lambda: compare.welch_difference([1, 1], [2, 2]), "nobody differs"),
        (lambda: compare.hedges_g([1, 1], [2, 2]), "nobody differs"),
        (lambda: compare.mann_whitney([1, 1], [1, 1]), "everyone has the same value"),
        (lambda: compare.repeated_measures_anova([[1, 2, 3], [2, 3, 4]]), "same amount"),
        (lambda: compare.repeated_measures_anova([[1, 2, 3]]), "there are 1"),
        (lambda: compare.friedman([[1, 1, 1], [2, 2, 2]]), "nobody differs"),
        (lambda: compare.welch_anova([[1, 1], [1, 2], [2, 3]]), "nobody differs from anyone"),
        (lambda: compare.kruskal([[1, 1], [1, 1], [1, 1]]), "everyone has the same value"),
    ],
)
def test_numbers_that_carry_no_statistic_are_refused_in_words(call, said):
    with pytest.raises(NotEstimableError, match=said):
        call()


def test_different_people_with_one_constant_group_still_compare():
    """R: t.test(c(1, 1, 1), c(1, 2, 3)): t -1.7321, df 2, p .2254."""
    estimate = compare.welch_difference([1, 1, 1], [1, 2, 3])
    assert estimate.df == pytest.approx((2,))
    assert estimate.p == pytest.approx(0.225403330758517, rel=1e-10)
