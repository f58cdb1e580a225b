import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import agree, oracle
from scipy import stats

from analysis.bootstrap import bca, jackknife, with_interval
from analysis.effects import (
    cliffs_delta,
    d_z,
    eta_squared,
    hedges_g,
    odds_ratio_of_people,
    rank_biserial,
)
from analysis.estimate import Estimate, NotEstimableError
from analysis.ranks import mann_whitney

COMPARE, R = oracle("analysis_compare"), oracle("stats_tests")
A, B = np.array(R["a"]), np.array(R["b"])
few = settings(max_examples=30, deadline=None)
very_few = settings(max_examples=4, deadline=None)  # each draws thousands of samples
ratings = st.lists(st.tuples(st.integers(1, 7), st.integers(1, 7)), min_size=5, max_size=15)


def test_d_z_and_hedges_g_agree_with_r():
    agree(d_z(A, B), COMPARE["d_z"])
    agree(hedges_g(A, B), COMPARE["hedges_g"])


def test_rank_effects_agree_with_r():
    assert rank_biserial(A, B).value == pytest.approx(R["rank_biserial"]["sleep"])
    assert rank_biserial(A, B[::-1]).value == pytest.approx(R["rank_biserial"]["mixed"])
    assert cliffs_delta(A, B).value == pytest.approx(R["cliffs_delta"])


def test_eta_squared_is_the_share_of_sums_of_squares():
    f = stats.f_oneway(A, B, A[:5] + 1)
    k, n = 3, 25
    wanted = f.statistic * (k - 1) / (f.statistic * (k - 1) + n - k)
    assert eta_squared([A, B, A[:5] + 1]).value == pytest.approx(wanted)


def test_odds_of_people_are_those_of_their_table():
    a, b = [1] * 8 + [0] * 2, [1] * 3 + [0] * 9
    wanted = 8.5 * 9.5 / (2.5 * 3.5)
    assert odds_ratio_of_people(a, b).value == pytest.approx(wanted)
    assert np.isfinite(odds_ratio_of_people([1, 1, 1], [0, 0, 1]).value)


@pytest.mark.parametrize("samples", [(A,), (A, B[:7])])
def test_bca_agrees_with_scipy_given_the_same_replicates(samples):
    """scipy.stats.bootstrap: same bias, acceleration and limits but for how quantiles are cut."""

    def statistic(*drawn, axis=-1):
        parts = [x.mean(axis=axis) / x.std(axis=axis, ddof=1) for x in drawn]
        return parts[0] - sum(parts[1:])

    ours = stats.bootstrap(
        samples, statistic, n_resamples=999, method="BCa", rng=np.random.default_rng(6)
    )
    value = float(statistic(*samples))
    left_out = jackknife(
        lambda *drawn: float(statistic(*(x[i] for x, i in zip(samples, drawn, strict=True)))),
        [len(x) for x in samples],
    )
    low, high, note = bca(value, ours.bootstrap_distribution, left_out, 0.95)
    wanted = ours.confidence_interval
    assert (low, high) == pytest.approx((wanted.low, wanted.high), rel=1e-9)
    assert note == ""


def test_bootstrap_intervals_are_seeded_and_hold_the_estimate():
    for effect in (
        lambda seed: d_z(A, B, seed=seed),
        lambda seed: hedges_g(A, B, seed=seed),
        lambda seed: rank_biserial(A, B[::-1], seed=seed),
        lambda seed: cliffs_delta(A, B, seed=seed),
        lambda seed: odds_ratio_of_people(A > 0, B > 1, seed=seed),
    ):
        one = effect(1)
        assert one.low < one.value < one.high
        assert one == effect(1)
        assert (one.low, one.high) != (effect(2).low, effect(2).high)
        assert "BCa" in one.source
    assert d_z(A, B, seed=1).value == d_z(A, B).value
    assert hedges_g(A, B, seed=1).value == hedges_g(A, B).value


def test_an_interval_is_withheld_with_its_reason():
    estimate = Estimate("x", 1.0, "t", 10, "s")
    often = with_interval(estimate, lambda i: float("nan") if 0 in i else 1.0, [10])
    assert often.low is None
    assert often.confidence is None
    assert "undefined in" in often.notes[-1]
    # Everyone prefers a, so every sample drawn has the same rank-biserial of 1: no width at all.
    sure = rank_biserial([2, 3, 4, 5], [1, 1, 1, 1])
    assert sure.value == 1
    assert (sure.low, sure.high) == (1, 1)
    # Eta squared of nothing: hardly a drawn sample has as little.
    nothing = eta_squared([np.arange(9), np.arange(9)])
    assert nothing.value == 0
    assert nothing.low is None or nothing.low == 0
    low, high, note = bca(0.1, np.linspace(0.0999, 1, 2000), [np.array([0, 0, 0, 0, 5.0])], 0.95)
    assert (low, high) == (None, None)
    assert "leave the estimate out" in note


@few
@given(ratings, st.integers(-5, 5), st.sampled_from([0.5, 2, 3]))
def test_effects_have_no_unit(pairs, shift, scale):
    a, b = np.array(pairs, dtype=float).T
    try:
        before = d_z(a, b), hedges_g(a, b)
    except NotEstimableError:
        return
    c, d = scale * (a + shift), scale * (b + shift)
    for one, other in zip(before, (d_z(c, d), hedges_g(c, d)), strict=True):
        assert one.value == pytest.approx(other.value, abs=1e-12)


@very_few
@given(ratings)
def test_effects_of_ranks_know_only_the_order(pairs):
    a, b = np.array(pairs, dtype=float).T
    if (a == b).all() or len({*a, *b}) == 1:
        return
    assert cliffs_delta(a, b).value == pytest.approx(2 * mann_whitney(a, b).value - 1)
    assert rank_biserial(b, a).value == pytest.approx(-rank_biserial(2 * a, 2 * b).value)
    twice = cliffs_delta(np.tile(a**3, 2), np.tile(b**3, 2))
    assert twice.value == pytest.approx(cliffs_delta(a, b).value)
    assert eta_squared([2 * a + 1, 2 * b + 1]).value == pytest.approx(eta_squared([a, b]).value)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: d_z([1e9 + 0.1, 1e9, 1e9 + 0.2], [0, 0, 0]), "hardly differ"),
        (lambda: d_z([2, 3, 4], [1, 2, 3]), "differ by the same amount"),
        (lambda: hedges_g([1, 1], [2, 2]), "nobody differs"),
        (lambda: rank_biserial([1, 2], [1, 2]), "nobody differs"),
        (lambda: cliffs_delta([1], [1, 2]), "there are 1"),
        (lambda: eta_squared([[1, 1], [1, 1]]), "everyone has the same value"),
        (lambda: odds_ratio_of_people([1, 2], [0, 1]), "only 0 and 1"),
    ],
)
def test_numbers_that_carry_no_effect_are_refused_in_words(call, said):
    with pytest.raises(NotEstimableError, match=said):
        call()
