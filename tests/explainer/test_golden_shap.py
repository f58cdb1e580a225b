"""shap's own numbers on the original model: the low-rank S4 gives them in float64."""

import numpy as np
import pytest
import torch

from explainer.models.checkpoint import load
from explainer.shapley.estimate import Stop
from explainer.shapley.exact import exact
from explainer.shapley.game import Game, Plain, drive, table
from explainer.shapley.owen import partition
from explainer.shapley.trees import image_tree
from tests.explainer.conftest import GOLDEN


@pytest.fixture(scope="module")
def classifier():
    """The original's MNIST layout with random weights, in float64."""
    return load(GOLDEN / "s4_state_dict.safetensors", GOLDEN / "s4_config.json")[0].double()


def masked(network, picture, background=0.0):
    """The game of pixels: logits, the pixels that do not play as in `background`."""
    x = torch.as_tensor(picture).reshape(784)
    rest = torch.as_tensor(background, dtype=x.dtype).expand(784)
    return Game(
        784,
        lambda playing: (torch.where(playing, x, rest).unsqueeze(-1),),
        Plain(network, batch=50),
        tree=image_tree(28, 28),
    )


@pytest.mark.parametrize(
    ("name", "picture", "budget"),
    [("zero_100", 0, 100), ("zero_100", 1, 100), ("zero_500", 0, 500), ("blur5_100", 0, 100)],
)
def test_partition_explainer_values(classifier, golden, name, picture, budget):
    """REFERENCES: shap 0.51 PartitionExplainer, 1e-10 in float64."""
    data = golden("shap_classifier.npz")
    background = data["blur5_image0"].reshape(784) if name.startswith("blur") else 0.0
    game = masked(classifier, data["x"][picture], background)
    found = drive(partition(game, Stop(budget), seed=0))
    expected = data[f"partition_{name}_values"][picture].reshape(784, 10)
    np.testing.assert_allclose(found.values, expected, atol=1e-10, rtol=0)
    base = data[f"partition_{name}_base"][picture]
    np.testing.assert_allclose(found.base, base, atol=1e-10, rtol=0)


def test_all_coalitions_of_eight_patches_and_their_exact_values(classifier, golden):
    """REFERENCES: 1e-10 in float64."""
    data = golden("shap_classifier.npz")
    patches = torch.from_numpy(data["exact8_segments"].reshape(784))
    pixels = masked(classifier, data["x"][0])
    game = Game(8, lambda coalitions: pixels.inputs(coalitions[:, patches]), pixels.scorer)
    coalitions = torch.arange(256)[:, None] >> torch.arange(8) & 1
    worth = game(coalitions.bool())
    np.testing.assert_allclose(worth, data["exact8_v"], atol=1e-10, rtol=0)
    found = drive(exact(table(worth)))
    np.testing.assert_allclose(found.values, data["exact8_phi"], atol=1e-10, rtol=0)


def test_every_evaluation_of_one_permutation_there_and_back(golden):
    """REFERENCES: all 1569 logits; 2e-5 in float32."""
    data = golden("shap_permutation.npz")
    network, _ = load(GOLDEN / "s4_state_dict.safetensors", GOLDEN / "s4_config.json")
    place = np.argsort(data["permutation"])
    there = place < np.arange(785)[:, None]
    back = place >= np.arange(1, 785)[:, None]
    chosen = torch.from_numpy(np.concatenate([there, back])[::8])
    found = masked(network, data["x"][0])(chosen)
    np.testing.assert_allclose(found, data["logits_all"][::8], atol=2e-5, rtol=0)


def test_language_model_on_all_coalitions_of_five_tokens(golden):
    """REFERENCES: 1e-10; masked tokens are the baseline token."""
    data = golden("shap_lm_exact5.npz")
    network, _ = load(GOLDEN / "s4_lm_state_dict.safetensors", GOLDEN / "s4_lm_config.json")
    playing = torch.from_numpy(data["coalitions"]).bool()
    tokens = torch.where(playing, torch.from_numpy(data["tokens"]), int(data["baseline_token"]))
    found = network.double().log_probabilities(tokens)[:, -1]
    np.testing.assert_allclose(found, data["logprob_next"], atol=1e-10, rtol=0)
