"""Interaction values against their definition, and against shap's TreeExplainer."""

from itertools import combinations, pairwise
from math import factorial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeRegressor

from explainer.methods import MethodError
from explainer.shapley.estimate import Stop, relative_error
from explainer.shapley.exact import exact
from explainer.shapley.game import drive
from explainer.shapley.interactions import _sweeps, exact_interactions, interactions
from tests.explainer.shapley_oracle import game_of, games, often, shap


def by_definition(worth):
    """Lundberg et al. 2018, eq. 3-6."""
    players = len(worth).bit_length() - 1
    found = np.zeros((players, players, worth.shape[1]))
    for i, j in combinations(range(players), 2):
        rest = [k for k in range(players) if k not in (i, j)]
        for size in range(players - 1):
            weight = factorial(size) * factorial(players - size - 2) / 2 / factorial(players - 1)
            for others in combinations(rest, size):
                s = sum(1 << k for k in others)
                a, b = 1 << i, 1 << j
                found[i, j] += weight * (worth[s | a | b] - worth[s | a] - worth[s | b] + worth[s])
        found[j, i] = found[i, j]
    for i in range(players):
        found[i, i] = drive(exact(game_of(worth))).values[i] - found[i].sum(0)
    return found


@often
@given(games(most=6))
def test_exact_interactions_are_those_of_the_definition(worth):
    game = game_of(worth)
    found = drive(exact_interactions(game))
    np.testing.assert_allclose(found.values, by_definition(worth), atol=1e-12)
    np.testing.assert_allclose(found.values.sum(1), found.estimate.values, atol=1e-12)
    assert (found.standard_errors == 0).all()
    assert found.estimate.evaluations == game.evaluations == len(worth)
    assert found.estimate.gap < 1e-12


def test_exact_interactions_are_those_of_shaps_tree_explainer():
    """Its game: a tree's mean over training rows wherever it asks for a player that is out."""
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 5))
    y = x[:, 0] * x[:, 1] + np.where(x[:, 2] > 0, x[:, 3], 1) + x[:, 4]
    model = DecisionTreeRegressor(max_depth=5, random_state=0).fit(x, y)
    tree = model.tree_

    def mean(coalition, node=0):
        left, right, player = (
            int(each[node]) for each in (tree.children_left, tree.children_right, tree.feature)
        )
        if left < 0:
            return tree.value[node].item()
        if coalition >> player & 1:
            below = np.float32(x[7, player]) <= tree.threshold[node]
            return mean(coalition, left if below else right)
        rows = tree.weighted_n_node_samples
        return (rows[left] * mean(coalition, left) + rows[right] * mean(coalition, right)) / (
            rows[node]
        )

    worth = np.array([[mean(coalition)] for coalition in range(32)])
    expected = shap.TreeExplainer(model).shap_interaction_values(x[7:8])[0]
    found = drive(exact_interactions(game_of(worth)))
    np.testing.assert_allclose(found.values[..., 0], expected, atol=1e-6)
    assert np.abs(expected).max() > 0.1


@often
@given(games(most=7), st.integers(0, 1000))
def test_sampled_interactions_are_within_their_errors(worth, seed):
    """Six standard errors and 150 sweeps or more."""
    players = len(worth).bit_length() - 1
    even = players + players % 2
    game = game_of(worth)
    found = drive(interactions(game, Stop(2 + 150 * even * (even - 1)), seed))
    exactly = drive(exact_interactions(game_of(worth)))
    assert (np.abs(found.values - exactly.values) <= 6 * found.standard_errors + 1e-9).all()
    off = found.estimate.values - exactly.estimate.values
    assert (np.abs(off) <= 6 * found.estimate.standard_errors + 1e-9).all()
    np.testing.assert_allclose(found.values.sum(1), found.estimate.values, atol=1e-12)
    assert found.estimate.gap < 1e-12
    assert found.estimate.evaluations == game.evaluations


def test_standard_errors_are_the_spread_over_seeds():
    worth = np.random.default_rng(0).normal(size=(32, 1))
    found = [drive(interactions(game_of(worth), Stop(2 + 30 * 20), seed)) for seed in range(200)]
    spread = np.std([each.values for each in found], axis=0, ddof=1)
    claimed = np.sqrt(np.mean([each.standard_errors**2 for each in found], axis=0))
    np.testing.assert_allclose(claimed, spread, rtol=0.25)


@pytest.mark.parametrize("players", [2, 4, 6, 10])
def test_a_sweep_makes_every_pair_neighbours_once(players):
    names = torch.randperm(players, generator=torch.Generator().manual_seed(0))
    orders = _sweeps(names[None])[0].tolist()
    assert len(orders) == players // 2
    assert all(sorted(order) == list(range(players)) for order in orders)
    neighbours = [frozenset(pair) for order in orders for pair in pairwise(order)]
    assert len(neighbours) == len(set(neighbours)) == players * (players - 1) // 2


def test_one_sweep_is_exact_where_only_pairs_interact():
    random = np.random.default_rng(0)
    main, pairs = random.normal(size=6), np.triu(random.normal(size=(6, 6)), 1)
    masks = (np.arange(64)[:, None] >> np.arange(6)) & 1
    worth = (masks @ main + np.einsum("ci,ij,cj->c", masks, pairs, masks))[:, None]
    found = drive(interactions(game_of(worth), Stop(32), 0))
    off = ~np.eye(6, dtype=bool)
    np.testing.assert_allclose(found.values[off, 0], ((pairs + pairs.T) / 2)[off], atol=1e-12)
    assert found.standard_errors is None
    assert found.estimate.standard_errors is None


def test_it_stops_by_tolerance_and_budget():
    worth = np.random.default_rng(0).normal(size=(64, 2))
    found = drive(interactions(game_of(worth), Stop(10**6, tolerance=0.1), 0))
    assert found.estimate.stopped == "tolerance"
    assert found.estimate.evaluations < 10**6
    assert relative_error(found.estimate.values, found.estimate.standard_errors) <= 0.1
    with pytest.raises(MethodError, match="at least 32"):
        drive(interactions(game_of(worth), Stop(31), 0))


def test_too_many_players_are_told_what_to_do():
    game = game_of(np.zeros((4, 1)))
    game.players = 257
    with pytest.raises(MethodError, match=r"at most 256 players, not 257: group"):
        drive(interactions(game, Stop(10**7), 0))
    with pytest.raises(MethodError, match="257 players take"):
        drive(exact_interactions(game))


def test_the_seed_decides():
    worth = np.random.default_rng(0).normal(size=(64, 1))
    one, same, other = (drive(interactions(game_of(worth), Stop(200), s)) for s in (5, 5, 6))
    assert (one.values == same.values).all()
    assert (one.values != other.values).any()


def test_nan_is_refused():
    game = game_of(np.full((8, 1), np.nan))
    for play in (interactions(game, Stop(100), 0), exact_interactions(game)):
        with pytest.raises(MethodError, match="NaN or infinite"):
            drive(play)
