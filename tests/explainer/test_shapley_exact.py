"""Exact Shapley values against sums over orders and golden values."""

import numpy as np
import pytest
from hypothesis import given

from explainer.methods import MethodError
from explainer.shapley import exact as module
from explainer.shapley.estimate import with_idle, without_idle
from explainer.shapley.exact import exact
from explainer.shapley.game import drive
from tests.explainer.shapley_oracle import game_of, games, often, over_orders


@often
@given(games(most=6))
def test_the_mean_over_all_orders(worth):
    game = game_of(worth)
    found = drive(exact(game))
    np.testing.assert_allclose(found.values, over_orders(worth), atol=1e-12)
    assert found.gap < 1e-12
    assert (found.base == worth[0]).all()
    assert (found.full == worth[-1]).all()
    assert (found.standard_errors == 0).all()
    assert found.evaluations == game.evaluations == len(worth)
    assert found.stopped == "exact"


def test_eight_patches_of_the_original_model(golden):
    """REFERENCES: shap 0.51 and all 256 coalitions, 1e-10 in float64."""
    data = golden("shap_exact8.npz")
    found = drive(exact(game_of(data["worth"])))
    np.testing.assert_allclose(found.values, data["values"], atol=1e-10, rtol=0)


def test_five_tokens_by_a_thousand_words(golden):
    """REFERENCES: 1e-10."""
    data = golden("shap_lm_exact5.npz")
    bits = data["coalitions"].astype(bool) @ (1 << np.arange(5))
    worth = data["logprob_next"][np.argsort(bits)]
    found = drive(exact(game_of(worth)))
    np.testing.assert_allclose(found.values, data["phi"], atol=1e-10, rtol=0)


def test_rounds_change_nothing(monkeypatch):
    worth = np.random.default_rng(0).normal(size=(256, 2))
    whole = drive(exact(game_of(worth))).values
    monkeypatch.setattr(module, "ROUND", 24)
    np.testing.assert_allclose(drive(exact(game_of(worth))).values, whole, atol=1e-12)


def test_additive_players_get_what_they_bring():
    """Also where the coalitions take more than one round."""
    brings = np.random.default_rng(1).normal(size=(15, 1))
    coalitions = np.arange(1 << 15)[:, None] >> np.arange(15) & 1
    found = drive(exact(game_of(coalitions @ brings), most=15))
    np.testing.assert_allclose(found.values, brings, atol=1e-12)


def test_too_many_players_are_told_what_to_do():
    game = game_of(np.zeros((1 << 13, 1)))
    with pytest.raises(MethodError, match=r"13 players take 2\^13 .*`most_players`, up to 20"):
        drive(exact(game))
    assert game.evaluations == 0
    assert drive(exact(game, most=13)).evaluations == 1 << 13
    with pytest.raises(MethodError, match="at most 20 players, not 21"):
        drive(exact(game, most=21))


def test_nan_is_refused():
    worth = np.zeros((8, 1))
    worth[5] = np.nan
    with pytest.raises(MethodError, match="NaN or infinite"):
        drive(exact(game_of(worth)))


@pytest.mark.parametrize("idle", [[], [2], [0, 3], [0, 1, 2, 3]])
def test_idle_players_get_exactly_zero_and_are_not_asked_for(idle):
    """Dropping them gives what the whole game gives, for fewer evaluations."""
    worth = np.random.default_rng(4).normal(size=(16, 2))
    keep = sum(1 << player for player in range(4) if player not in idle)
    worth = worth[np.arange(16) & keep]
    whole = drive(exact(game_of(worth))).values
    game = game_of(worth)
    game.idle[idle] = True
    found = with_idle(drive(exact(without_idle(game))), game)
    np.testing.assert_allclose(found.values, whole, atol=1e-12)
    assert (found.values[idle] == 0).all()
    assert found.evaluations == 2 ** (4 - len(idle))
