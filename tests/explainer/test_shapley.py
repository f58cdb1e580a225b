"""Partition and permutation SHAP against exact values, and maps in true pixel order."""

import math
from itertools import permutations

import numpy as np
import pytest

from explainer.methods import MethodError
from explainer.methods.catalogue import METHODS
from explainer.methods.shapley import (
    Game,
    image_game,
    image_tree,
    partition,
    partition_values,
    permutation,
    permutation_values,
)
from tests.explainer.conftest import SIDE, tiny_model


def table_game(worth, tree=None):
    """A game given by the worth of every coalition; bit k of the row number is player k."""
    players = int(math.log2(len(worth)))
    bits = 1 << np.arange(players)
    return Game(players, lambda masks: worth[masks @ bits], tree)


def mean_over_orders(worth, orders):
    players = int(math.log2(len(worth)))
    values = np.zeros((players, worth.shape[1]))
    for order in orders:
        coalition = 0
        for player in order:
            values[player] += worth[coalition | 1 << player] - worth[coalition]
            coalition |= 1 << player
    return values / len(orders)


# Players 0, 1 and players 2, 3 join first, as in a linkage matrix of scipy.
TREE_4 = np.array([[0, 1, 0.0, 2], [2, 3, 0.0, 2], [4, 5, 0.0, 4]])


def test_the_tree_is_that_of_shap_and_the_original(golden):
    assert (image_tree(28, 28) == golden("shap_tree_28x28.npz")["tree"]).all()


def test_partition_gives_owen_values():
    """The mean of marginal contributions over orders that keep each branch together."""
    worth = np.random.default_rng(0).normal(size=(16, 2))
    together = [
        order for order in permutations(range(4)) if {order[0], order[1]} in ({0, 1}, {2, 3})
    ]
    assert len(together) == 8
    values, base = partition_values(table_game(worth, TREE_4), evaluations=1000, seed=0)
    np.testing.assert_allclose(values, mean_over_orders(worth, together), atol=1e-12)
    np.testing.assert_allclose(base, worth[0], atol=1e-12)


def test_permutation_is_exact_for_pairwise_games():
    """One antithetic pair gives exact Shapley values where no three players interact."""
    random = np.random.default_rng(0)
    main, pairs = random.normal(size=5), np.triu(random.normal(size=(5, 5)), 1)
    masks = (np.arange(32)[:, None] >> np.arange(5)) & 1
    worth = (masks @ main + np.einsum("ci,ij,cj->c", masks, pairs, masks))[:, None]
    values, _ = permutation_values(table_game(worth), evaluations=11, seed=3)
    expected = main + (pairs.sum(0) + pairs.sum(1)) / 2
    np.testing.assert_allclose(values[:, 0], expected, atol=1e-12)
    np.testing.assert_allclose(
        values, mean_over_orders(worth, list(permutations(range(5)))), atol=1e-12
    )


def test_permutation_converges_to_the_exact_values_of_the_original_model(golden):
    """All 256 coalitions of 8 patches of a digit, 10 classes; exact values to 1e-10."""
    data = golden("shap_exact8.npz")
    worth, exact = data["worth"], data["values"]
    found = np.zeros_like(exact)
    for coalition in range(256):
        size = coalition.bit_count()
        for player in range(8):
            if not coalition >> player & 1:
                weight = math.factorial(size) * math.factorial(7 - size) / math.factorial(8)
                found[player] += weight * (worth[coalition | 1 << player] - worth[coalition])
    np.testing.assert_allclose(found, exact, atol=1e-10)
    values, _ = permutation_values(table_game(worth), evaluations=17 * 300, seed=0)
    assert np.abs(values - exact).max() < 0.02 * np.abs(exact).max()


def parameters(**given):
    return {"mask": "mean", "evaluations": 200, "output": "predicted", **given}


@pytest.fixture
def image():
    return np.random.default_rng(1).integers(0, 256, (SIDE, SIDE)).astype(np.uint8)


@pytest.mark.parametrize("method", [partition, permutation])
@pytest.mark.parametrize("permuted", [False, True])
def test_maps_are_in_true_pixel_order(method, permuted):
    """With a zero mask and one bright pixel every other pixel is worth exactly nothing."""
    model = tiny_model(permuted)
    for pixel in (1, 14, 35):
        image = np.zeros((SIDE, SIDE), dtype=np.uint8)
        image.flat[pixel] = 255
        found = method(model, image, [2], parameters(mask="zero", evaluations=3000), seed=0)
        assert found.players[pixel] == (pixel,)
        assert np.flatnonzero(np.abs(found.values[:, 0]) > 1e-5).tolist() == [pixel]
        np.testing.assert_allclose(
            found.values[pixel], found.full_values - found.base_values, atol=1e-5
        )


@pytest.mark.parametrize("method", [partition, permutation])
def test_values_add_up_and_follow_the_class_order(method, image):
    model = tiny_model()
    one = method(model, image, [1], parameters(), seed=5)
    every = method(model, image, [0, 1, 2], parameters(), seed=5)
    for found in (one, every):
        np.testing.assert_allclose(
            found.base_values + found.values.sum(0), found.full_values, atol=1e-9
        )
    logits = model.log_probabilities(image[None])[0].detach().numpy()
    np.testing.assert_allclose(every.full_values, logits, atol=1e-6)
    np.testing.assert_allclose(one.full_values, logits[[1]], atol=1e-6)
    assert every.values.shape == (36, 3)
    if method is permutation:  # it asks the same coalitions, whatever is explained
        np.testing.assert_allclose(every.values[:, [1]], one.values, atol=1e-6)


@pytest.mark.parametrize("method", [partition, permutation])
def test_the_seed_decides(method, image):
    model = tiny_model()
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    first = method(model, image, [0], parameters(), seed=5)
    assert (np.random.get_state()[1] == before).all()
    np.random.seed(2)
    second = method(model, image, [0], parameters(), seed=5)
    assert (first.values == second.values).all()


def test_the_budget_is_kept(image):
    model = tiny_model()
    for evaluations in (4, 50, 151, 200):
        found = partition(model, image, [0], parameters(evaluations=evaluations), seed=0)
        assert found.evaluations <= evaluations + 1
    found = permutation(model, image, [0], parameters(evaluations=200), seed=0)
    assert found.evaluations == 2 * (2 * 36 + 1)
    assert METHODS["permutation"].least(36) == 73


@pytest.mark.parametrize(
    ("mask", "name"),
    [
        ("mean", "log-probability; masked pixels set to 0.2 (training mean)"),
        ("zero", "log-probability; masked pixels set to 0"),
        (0.25, "log-probability; masked pixels set to 0.25"),
    ],
)
def test_the_value_function_says_what_masking_means(image, mask, name):
    model = tiny_model()
    found = partition(model, image, [0, 1, 2], parameters(mask=mask), seed=0)
    assert found.value_function == name
    value = {"mean": 0.2, "zero": 0.0}.get(mask, mask)
    blank = np.full((1, SIDE, SIDE), value)
    expected = model.log_probabilities(blank)[0].detach().numpy()
    np.testing.assert_allclose(found.base_values, expected, atol=1e-6)


def test_a_model_that_gives_nan_is_refused(image):
    model = tiny_model()
    model.network.decoder.bias.data.fill_(float("nan"))
    with pytest.raises(MethodError, match="NaN or infinite"):
        partition(model, image, [0], parameters(), seed=0)


def test_masks_are_pixels_in_the_image(image):
    """A coalition shows its pixels of the image, the rest is the mask."""
    model = tiny_model()
    game = image_game(model, image, [0, 1, 2], 0.5)
    mask = np.zeros((1, 36), dtype=bool)
    mask[0, :7] = True
    shown = np.full(36, 0.5)
    shown[:7] = image.reshape(-1)[:7] / 255
    expected = model.log_probabilities(shown.reshape(1, SIDE, SIDE)).detach().numpy()
    np.testing.assert_allclose(game(mask), expected, atol=1e-6)
