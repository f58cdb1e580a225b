"""Owen values against orders that keep branches together, and against shap's explainer."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explainer.methods import MethodError
from explainer.shapley import owen as module
from explainer.shapley.estimate import Stop
from explainer.shapley.game import drive
from explainer.shapley.owen import coalitions_of, owen, partition
from explainer.shapley.trees import image_tree, line_tree, members
from tests.explainer.shapley_oracle import (
    game_of,
    games,
    numpy_seed,
    often,
    orders_of,
    over_orders,
    random_tree,
    shap,
    shap_partition,
)


def test_the_tree_is_that_of_the_original(golden):
    with golden("shap_tree_28x28.npz") as data:
        assert (image_tree(28, 28) == data["tree"]).all()


@pytest.mark.parametrize(("height", "width"), [(1, 2), (5, 7), (7, 5), (6, 6), (9, 1), (3, 16)])
def test_the_tree_is_that_of_shap(height, width):
    expected = shap.maskers.Image(np.zeros((height, width, 1))).clustering
    assert (image_tree(height, width) == expected).all()


def test_one_cell_has_no_branches():
    assert image_tree(1, 1).shape == line_tree(1).shape == (0, 4)


def test_images_of_one_shape_share_a_tree_that_nobody_can_change():
    tree = image_tree(6, 4)
    assert image_tree(6, 4) is tree
    with pytest.raises(ValueError, match="read-only"):
        tree[0, 0] = 1


def test_members_are_the_players_below_a_node():
    tree = np.array([[0, 1, 1, 2], [2, 4, 2, 3], [5, 3, 3, 4]], dtype=float)
    assert members(tree).astype(int).tolist() == [
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 1, 0],
        [0, 0, 0, 1],
        [1, 1, 0, 0],
        [1, 1, 1, 0],
        [1, 1, 1, 1],
    ]


@often
@given(games(), st.integers(4, 300), st.integers(0, 1000), st.integers(0, 1000))
def test_partition_is_that_of_shap(worth, evaluations, seed, tree_seed):
    """The same values to 1e-10, for the same evaluations, ties and all."""
    players = len(worth).bit_length() - 1
    if players == 1:
        players, worth = 2, np.concatenate([worth, worth + 1])
    tree = random_tree(players, tree_seed)
    expected, spent = shap_partition(worth, tree, evaluations, seed)
    game = game_of(worth, tree)
    found = drive(partition(game, Stop(evaluations), seed))
    np.testing.assert_allclose(found.values, expected, atol=1e-10, rtol=0)
    assert found.evaluations == game.evaluations == spent
    assert found.gap < 1e-10
    assert found.standard_errors is None


@pytest.mark.parametrize("evaluations", [4, 30, 52, 53, 104, 400])
def test_partition_is_that_of_shap_on_a_deeper_tree(evaluations):
    """More than one batch of halves, and whole numbers, so that ties decide what comes first."""
    random = np.random.default_rng(0)
    worth, tree = random.integers(0, 3, (1 << 14, 2)).astype(float), random_tree(14, 1)
    expected, spent = shap_partition(worth, tree, evaluations, 9)
    found = drive(partition(game_of(worth, tree), Stop(evaluations), 9))
    np.testing.assert_allclose(found.values, expected, atol=1e-10, rtol=0)
    assert found.evaluations == spent
    assert found.stopped == "evaluations"


def test_ties_are_broken_by_the_seed_and_numpys_own_state_is_left_alone():
    worth = np.random.default_rng(0).integers(0, 2, (1 << 8, 1)).astype(float)
    tree = line_tree(8)
    with numpy_seed(1):
        before = np.random.get_state()[1].copy()
        found = [drive(partition(game_of(worth, tree), Stop(9), s)).values for s in range(8)]
        assert (np.random.get_state()[1] == before).all()
    again = drive(partition(game_of(worth, tree), Stop(9), 0)).values
    assert (again == found[0]).all()
    assert len({each.tobytes() for each in found}) > 1


@often
@given(games(most=7), st.integers(0, 1000))
def test_owen_is_the_mean_over_orders_that_keep_branches_together(worth, seed):
    tree = random_tree(len(worth).bit_length() - 1, seed)
    game = game_of(worth, tree)
    found = drive(owen(game))
    np.testing.assert_allclose(found.values, over_orders(worth, orders_of(tree)), atol=1e-12)
    assert found.evaluations == game.evaluations == coalitions_of(tree)
    assert (found.standard_errors == 0).all()
    assert found.gap < 1e-12


@often
@given(games(), st.integers(0, 1000))
def test_partition_with_evaluations_to_spare_gives_owen_values(worth, seed):
    tree = random_tree(len(worth).bit_length() - 1, seed)
    exactly = drive(owen(game_of(worth, tree)))
    found = drive(partition(game_of(worth, tree), Stop(10**5), seed))
    np.testing.assert_allclose(found.values, exactly.values, atol=1e-12)
    assert found.stopped == "exact"
    assert found.evaluations == exactly.evaluations


@pytest.mark.parametrize("players", [2, 4, 8, 16])
def test_a_balanced_tree_takes_log2_rounds(players):
    """REFERENCES: (2/3)(M^2 - 1) + 2 evaluations in log2 M rounds of independent ones."""
    worth = np.random.default_rng(0).normal(size=(1 << players, 1))
    game = game_of(worth, line_tree(players))
    asks = []

    def counted(play):
        answer = None
        with suppress(StopIteration):
            while True:
                ask = play.send(answer)
                asks.append(len(ask.coalitions))
                answer = yield ask

    drive(counted(owen(game)))
    assert asks == [2] + [2 * 4**level for level in range(int(np.log2(players)))]
    assert sum(asks) == game.evaluations == 2 * (players**2 - 1) // 3 + 2


def test_rounds_change_nothing(monkeypatch):
    worth, tree = np.random.default_rng(0).normal(size=(1 << 9, 2)), random_tree(9, 3)
    whole = drive(owen(game_of(worth, tree)))
    monkeypatch.setattr(module, "ROUND", 5)
    parts = drive(owen(game_of(worth, tree)))
    np.testing.assert_allclose(parts.values, whole.values, atol=1e-12)
    assert parts.evaluations == whole.evaluations


def test_too_many_evaluations_are_refused_before_any():
    worth = np.zeros((1 << 8, 1))
    game = game_of(worth, line_tree(8))
    with pytest.raises(MethodError, match=r"8 players take 44 evaluations, and 43 are allowed"):
        drive(owen(game, most=43))
    assert game.evaluations == 0
    chain = np.array([[0, 1, 1, 2]] + [[k + 1, 3000 + k - 1, k, k + 2] for k in range(1, 2999)])
    long = game_of(np.zeros((2, 1)), chain)
    long.players = 3000
    with pytest.raises(MethodError, match=r"over 10\^12 evaluations"):
        drive(owen(long))


def test_owen_and_partition_need_a_tree():
    for play in (owen(game_of(np.zeros((4, 1)))), partition(game_of(np.zeros((4, 1))), Stop(9), 0)):
        with pytest.raises(MethodError, match="need a tree"):
            drive(play)


def test_partition_has_no_error_to_stop_at():
    game = game_of(np.zeros((4, 1)), line_tree(2))
    with pytest.raises(MethodError, match="no standard error"):
        drive(partition(game, Stop(100, tolerance=0.1), 0))


def test_partition_stops_by_time():
    worth, tree = np.random.default_rng(0).normal(size=(1 << 12, 1)), line_tree(12)
    found = drive(partition(game_of(worth, tree), Stop(seconds=0), 0))
    assert found.stopped == "seconds"
    assert found.evaluations == 2
    np.testing.assert_allclose(found.values, (found.full - found.base) / 12 * np.ones((12, 1)))


def test_repeats_count_as_evaluations():
    """A mask that draws r inputs for each coalition takes r rows of the model."""
    worth, tree = np.random.default_rng(0).normal(size=(1 << 7, 1)), line_tree(7)
    plain = drive(partition(game_of(worth, tree), Stop(20), 0))
    game = game_of(worth, tree)
    inputs, game.repeats = game.inputs, 3
    game.inputs = lambda coalitions: inputs(coalitions.repeat_interleave(3, 0))
    found = drive(partition(game, Stop(60), 0))
    np.testing.assert_allclose(found.values, plain.values, atol=1e-12)
    assert found.evaluations == game.evaluations == 3 * plain.evaluations


def test_a_branch_at_a_negative_height_is_not_halved():
    """shap leaves such a branch's worth with it, shared equally."""
    worth, tree = np.random.default_rng(0).normal(size=(8, 1)), line_tree(3)
    tree[0, 2] = -1
    expected, _ = shap_partition(worth, tree, 100, 0)
    found = drive(partition(game_of(worth, tree), Stop(100), 0))
    np.testing.assert_allclose(found.values, expected, atol=1e-12)
    pair = tree[0, :2].astype(int)
    assert found.values[pair[0]] == found.values[pair[1]]


@pytest.mark.parametrize("estimator", [owen, lambda game: partition(game, Stop(100), 0)])
def test_nan_is_refused(estimator):
    with pytest.raises(MethodError, match="NaN or infinite"):
        drive(estimator(game_of(np.full((8, 1), np.nan), line_tree(3))))
