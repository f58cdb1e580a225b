"""shap's own numbers on the original model: the low-rank S4 gives them in float64."""

import numpy as np
import pytest
import torch

from explainer.methods.shapley import Game, image_tree, partition_values
from explainer.models.checkpoint import load
from tests.explainer.conftest import GOLDEN


@pytest.fixture(scope="module")
def classifier():
    """The original's MNIST layout with random weights, in float64."""
    return load(GOLDEN / "s4_state_dict.safetensors", GOLDEN / "s4_config.json")[0].double()


def masked(network, picture, background=0.0):
    """The worth of coalitions of pixels: logits, the other pixels as in `background`."""
    x = torch.as_tensor(picture).reshape(784)
    rest = torch.as_tensor(background, dtype=x.dtype).expand(784)

    def worth(masks):
        playing = torch.as_tensor(np.asarray(masks, dtype=bool))
        return network(torch.where(playing, x, rest).unsqueeze(-1)).numpy()

    return worth


@pytest.mark.parametrize(
    ("name", "picture", "budget"),
    [("zero_100", 0, 100), ("zero_100", 1, 100), ("zero_500", 0, 500), ("blur5_100", 0, 100)],
)
def test_partition_explainer_values(classifier, golden, name, picture, budget):
    """REFERENCES: shap 0.51 PartitionExplainer, 1e-10 in float64."""
    data = golden("shap_classifier.npz")
    background = data["blur5_image0"].reshape(784) if name.startswith("blur") else 0.0
    game = Game(784, masked(classifier, data["x"][picture], background), image_tree(28, 28))
    values, base = partition_values(game, budget, seed=0)
    expected = data[f"partition_{name}_values"][picture]
    np.testing.assert_allclose(values.reshape(28, 28, 1, 10), expected, atol=1e-10, rtol=0)
    np.testing.assert_allclose(base, data[f"partition_{name}_base"][picture], atol=1e-10, rtol=0)


def test_all_coalitions_of_eight_patches(classifier, golden):
    data = golden("shap_classifier.npz")
    patches = data["exact8_segments"].reshape(784)
    coalitions = ((np.arange(256)[:, None] >> np.arange(8)) & 1).astype(bool)
    found = masked(classifier, data["x"][0])(coalitions[:, patches])
    np.testing.assert_allclose(found, data["exact8_v"], atol=1e-10, rtol=0)


def test_every_evaluation_of_one_permutation_there_and_back(golden):
    """REFERENCES: all 1569 logits; 2e-5 in float32."""
    data = golden("shap_permutation.npz")
    network, _ = load(GOLDEN / "s4_state_dict.safetensors", GOLDEN / "s4_config.json")
    place = np.argsort(data["permutation"])
    there = place < np.arange(785)[:, None]
    back = place >= np.arange(1, 785)[:, None]
    chosen = np.concatenate([there, back])[::8]
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
