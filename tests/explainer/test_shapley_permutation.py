"""Shapley values by permutations: exact where they must be, honest about errors, stopping."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from explainer.methods import MethodError
from explainer.shapley import estimate as estimates
from explainer.shapley import permutation as module
from explainer.shapley.estimate import Spread, Stop, relative_error
from explainer.shapley.exact import exact
from explainer.shapley.game import Game, Plain, drive
from explainer.shapley.permutation import permutation
from tests.explainer.shapley_oracle import game_of, games, often, over_orders, shap_permutation


def pairwise(players=5, seed=0):
    random = np.random.default_rng(seed)
    main, pairs = random.normal(size=players), np.triu(random.normal(size=(players,) * 2), 1)
    masks = (np.arange(1 << players)[:, None] >> np.arange(players)) & 1
    return (masks @ main + np.einsum("ci,ij,cj->c", masks, pairs, masks))[:, None], (
        main + (pairs.sum(0) + pairs.sum(1)) / 2
    )[:, None]


def test_one_pair_is_exact_for_pairwise_games():
    worth, expected = pairwise()
    found = drive(permutation(game_of(worth), Stop(10), seed=3))
    np.testing.assert_allclose(found.values, expected, atol=1e-12)
    assert found.evaluations == 10
    assert found.standard_errors is None
    found = drive(permutation(game_of(worth), Stop(18), seed=3))
    assert found.standard_errors.max() < 1e-12


@often
@given(games(), st.integers(0, 1000))
def test_within_its_error_of_the_exact_values(worth, seed):
    """Six standard errors and 300 pairs: chance alone misses once in more than 10^8."""
    players = len(worth).bit_length() - 1
    game = game_of(worth)
    found = drive(permutation(game, Stop(2 + 300 * 2 * (players - 1) or 2), seed))
    exactly = drive(exact(game_of(worth))).values
    assert (np.abs(found.values - exactly) <= 6 * found.standard_errors + 1e-9).all()
    assert found.gap < 1e-12
    assert found.evaluations == game.evaluations


@often
@given(games(least=3), st.integers(1, 5), st.integers(0, 1000))
def test_values_add_up_whatever_the_number_of_pairs(worth, pairs, seed):
    cost = 2 * (len(worth).bit_length() - 2)
    found = drive(permutation(game_of(worth), Stop(2 + pairs * cost), seed))
    assert found.gap < 1e-12
    assert found.evaluations == 2 + pairs * cost


def test_ours_and_that_of_shap_converge_to_the_exact_values_of_the_original_model(golden):
    data = golden("shap_exact8.npz")
    worth, exactly = data["worth"], data["values"]
    near = 0.02 * np.abs(exactly).max()
    assert np.abs(shap_permutation(worth, 17 * 300, 0) - exactly).max() < near
    found = drive(permutation(game_of(worth), Stop(17 * 300), seed=0))
    assert np.abs(found.values - exactly).max() < near


def test_every_step_of_the_original_permutation(golden, monkeypatch):
    """REFERENCES: shap's values of one antithetic permutation, 1e-6 in float32."""
    with golden("shap_permutation.npz") as data:
        logits, values = torch.from_numpy(data["logits_all"]).double(), data["values"][0]
        place = np.argsort(data["permutation"])

    class Fixed:
        def random(self, shape):
            assert shape == (1, 784)
            return place[None].astype(float)

    monkeypatch.setattr(module.np.random, "default_rng", lambda seed: Fixed())
    there = place < np.arange(785)[:, None]
    back = place >= np.arange(1, 785)[:, None]
    known = dict(zip(map(bytes, np.concatenate([there, back])), logits, strict=True))
    scorer = Plain(lambda rows: torch.stack([known[bytes(row)] for row in rows.numpy()]))
    game = Game(784, lambda coalitions: (coalitions,), scorer)
    found = drive(permutation(game, Stop(1568), seed=0))
    assert game.evaluations == 1568
    np.testing.assert_allclose(found.values, values, atol=1e-6, rtol=0)


def test_standard_errors_are_the_spread_over_seeds():
    worth = np.random.default_rng(0).normal(size=(32, 1))
    found = [drive(permutation(game_of(worth), Stop(2 + 8 * 40), seed)) for seed in range(200)]
    spread = np.std([each.values for each in found], axis=0, ddof=1)
    claimed = np.sqrt(np.mean([each.standard_errors**2 for each in found], axis=0))
    np.testing.assert_allclose(claimed, spread, rtol=0.2)


def test_stops_by_tolerance():
    worth = np.random.default_rng(0).normal(size=(64, 2))
    game = game_of(worth)
    rough, fine = (
        drive(permutation(game, Stop(10**6, tolerance=level), 0)) for level in (0.1, 0.03)
    )
    for found, level in ((rough, 0.1), (fine, 0.03)):
        assert found.stopped == "tolerance"
        assert relative_error(found.values, found.standard_errors) <= level
    assert rough.evaluations < fine.evaluations < 10**6
    assert drive(permutation(game, Stop(2000, tolerance=1e-9), 0)).stopped == "evaluations"


def test_a_few_pairs_that_happen_to_agree_do_not_stop_it(monkeypatch):
    """The first pairs of three players are often of one order; their errors are 0 then."""
    monkeypatch.setattr(module, "ROUND", 4)
    worth = np.zeros((8, 1))
    worth[7] = 1
    found = drive(permutation(game_of(worth), Stop(tolerance=0.5), 0))
    assert (found.evaluations - 2) // 4 >= estimates.FEWEST


def test_stops_by_time(monkeypatch):
    clock = iter(range(1, 100))
    monkeypatch.setattr(estimates.time, "monotonic", lambda: next(clock))
    found = drive(permutation(game_of(pairwise()[0]), Stop(seconds=3, started=0), 0))
    assert found.stopped == "seconds"
    assert found.evaluations == 2 + 3 * 1024


def test_it_must_be_said_when_to_stop():
    with pytest.raises(MethodError, match="say when to stop"):
        Stop()


def test_too_small_a_budget_says_what_is_needed():
    game = game_of(pairwise()[0])
    with pytest.raises(MethodError, match=r"9 evaluations: it takes at least 10; raise"):
        drive(permutation(game, Stop(9), 0))


def test_the_seed_decides():
    worth = np.random.default_rng(0).normal(size=(64, 2))
    one, same, other = (drive(permutation(game_of(worth), Stop(200), s)) for s in (5, 5, 6))
    assert (one.values == same.values).all()
    assert (one.values != other.values).any()
    assert (one.seed, other.seed) == (5, 6)


def test_repeats_count_as_evaluations():
    """A mask that draws r inputs for each coalition takes r rows of the model."""
    worth = pairwise()[0]
    game = game_of(worth)
    inputs, game.repeats = game.inputs, 3
    game.inputs = lambda coalitions: inputs(coalitions.repeat_interleave(3, 0))
    found = drive(permutation(game, Stop(60), 0))
    assert found.evaluations == game.evaluations == 3 * (2 + 2 * 8)


def test_nan_is_refused():
    with pytest.raises(MethodError, match="NaN or infinite"):
        drive(permutation(game_of(np.full((8, 1), np.nan)), Stop(100), 0))


@often
@given(st.lists(st.integers(1, 5), min_size=1, max_size=5), st.integers(0, 100))
def test_the_spread_of_rounds_is_that_of_all_samples(sizes, seed):
    samples = torch.from_numpy(np.random.default_rng(seed).normal(5, 1e-3, (sum(sizes), 4, 2)))
    spread = Spread()
    for part in samples.split(sizes):
        spread.add(part)
    np.testing.assert_allclose(spread.mean, samples.mean(0), rtol=1e-12)
    if len(samples) == 1:
        assert spread.standard_errors is None
    else:
        expected = samples.std(0) / len(samples) ** 0.5
        np.testing.assert_allclose(spread.standard_errors, expected, rtol=1e-6)


def test_the_mean_over_orders_is_that_of_the_exact_values():
    worth = np.random.default_rng(3).normal(size=(16, 1))
    np.testing.assert_allclose(over_orders(worth), drive(exact(game_of(worth))).values, atol=1e-12)
