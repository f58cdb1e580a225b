"""Training the self-explaining network: its loss term by term, its card, its prototypes."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import explainer
from explainer.data import mnist
from explainer.data.images import read_images
from explainer.models import checkpoint
from explainer.models.image import ImageClassifier, Preprocessing
from explainer.models.senn import SENN, SENNConfig, linearity_loss
from explainer.train import senn
from explainer.train.fit import TrainingError
from explainer.train.images import Pictures
from tests.explainer.test_mnist import write_mnist

SMALL = {"epochs": 2, "seed": 3, "concepts": 5, "hidden": 16, "channels": 2, "device": "cpu"}
SIDE = 6


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setattr(senn, "VALIDATION", 30)
    return write_mnist(tmp_path / "mnist", train=30 + 64 * 4, test=40)


@pytest.fixture
def model():
    torch.manual_seed(0)
    network = SENN(SENNConfig(SIDE, SIDE, concepts=4, hidden=8, channels=2, labels=3))
    return ImageClassifier(network, Preprocessing(SIDE, SIDE, (0.2,), (0.3,)), ("a", "b", "c"))


@pytest.fixture
def pictures():
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (40, SIDE, SIDE)).astype(np.uint8)
    return Pictures(images, random.integers(0, 3, 40).astype(np.uint8))


def test_trains_writes_a_card_and_repeats(data, tmp_path):
    card = senn.train(out=tmp_path / "a", data=data, **SMALL)
    assert card["training"]["trainer"] == "senn"
    assert card["training"]["command"].startswith("flask train senn --out a --data mnist --epoch")
    assert card["training"]["penalties"]["linearity"] == 0.1
    assert str(tmp_path) not in str(card)
    network, found = checkpoint.load(tmp_path / "a")
    assert found == card
    metrics = card["metrics"]
    assert metrics["test_accuracy"]["n"] == metrics["linearity_loss"]["n"] == 40
    assert senn.evaluate(network, card, data, "cpu") == metrics
    again = senn.train(out=tmp_path / "b", data=data, **SMALL)
    assert again["weights_sha256"] == card["weights_sha256"]
    with np.load(io.BytesIO(checkpoint.companion(tmp_path / "a", card, "prototypes.npz"))) as file:
        images, presence = file["images"], file["presence"]
    assert images.shape == (5, 9, 28, 28)
    _, x = senn.inside(ImageClassifier.of(network, card), images.reshape(-1, 28, 28))
    h = network.concepts(x).view(5, 9, 5)
    np.testing.assert_allclose(h[range(5), :, range(5)], presence, atol=1e-6)
    _, x = senn.inside(ImageClassifier.of(network, card), mnist.load(data).train.images)
    assert (presence[:, 0] <= network.concepts(x).amax(0).numpy() + 1e-6).all()


def test_the_loss_is_the_sum_of_its_terms(model, pictures):
    examples = senn.SENNExamples(pictures, senn.Penalties(0.7, 0.3, 0.2))
    rows = torch.tensor([3, 5, 8])
    network, x = senn.inside(model, pictures.images[rows])
    h = network.concepts(x)
    means = h.mean(0)
    kl = 0.2 * torch.log(0.2 / means) + 0.8 * torch.log(0.8 / (1 - means))
    expected = (
        nn.functional.cross_entropy(model(pictures.images[rows]), examples.labels[rows])
        + 3 * (network.reconstruct(x) - x).square().mean()
        + 0.3 * kl.sum()
        + 0.7 * linearity_loss(network, x, h).mean()
    )
    torch.testing.assert_close(examples.loss(model, rows), expected)


def test_the_regulariser_makes_the_network_more_linear(model, pictures):
    """The same steps with and without it; the loss that it lowers is the one the card reports."""
    start = {name: each.clone() for name, each in model.network.state_dict().items()}
    found = []
    for weight in (0.0, 1.0):
        model.network.load_state_dict(start)
        examples = senn.SENNExamples(pictures, senn.Penalties(weight, 0.01, 0.2))
        optimiser = torch.optim.AdamW(model.parameters(), 3e-3)
        for _ in range(60):
            optimiser.zero_grad()
            examples.loss(model, torch.arange(40)).backward()
            optimiser.step()
        found.append(senn.explanation_metrics(model, pictures)["linearity_loss"])
    assert found[1]["value"] < 0.5 * found[0]["value"]
    assert found[1]["of_gradient"] < found[0]["of_gradient"]


def test_metrics_are_their_definitions(model, pictures, monkeypatch):
    monkeypatch.setattr(senn, "BATCH", 7)
    found = senn.explanation_metrics(model, pictures)
    network, x = senn.inside(model, pictures.images)
    h = network.concepts(x)
    J = torch.autograd.functional.jacobian(lambda x: network(x).sum(0), x)  # (labels, n, L, 1)
    gradient = J.square().sum((0, 2, 3)).sqrt().mean()
    loss = linearity_loss(network, x, h).mean()
    assert found["linearity_loss"]["value"] == pytest.approx(loss.item(), abs=1e-4)
    assert found["linearity_loss"]["of_gradient"] == pytest.approx(
        (loss / gradient).item(), abs=1e-4
    )
    error = (network.reconstruct(x) - x).square().mean() / x.square().mean()
    assert found["reconstruction"]["value"] == pytest.approx(1 - error.item(), abs=1e-4)
    present = (h > 0.5).float().sum(1).mean().item()
    assert found["concepts_present"]["value"] == pytest.approx(present, abs=1e-3)


def test_a_presence_that_cannot_be_is_refused(tmp_path):
    with pytest.raises(TrainingError, match="presence is 0, expected a share between 0 and 1"):
        senn.train(out=tmp_path, presence=0)


def test_the_shipped_network_is_right_linear_and_sparse():
    """Its card over all test images; on the digits that ship, its explanations again."""
    assets = Path(explainer.__file__).parent / "assets"
    network, card = checkpoint.load(assets / "checkpoints" / "mnist-senn")
    metrics = card["metrics"]
    assert metrics["test_accuracy"]["value"] >= 0.97
    assert metrics["test_accuracy"]["n"] == metrics["linearity_loss"]["n"] == 10_000
    assert card["training"]["penalties"]["linearity"] > 0
    about = json.loads((assets / "data" / "mnist-200.json").read_text())
    sample = read_images(assets / "data" / "mnist-200.npz", about["sha256"])
    model = ImageClassifier.of(network, card)
    found = senn.explanation_metrics(model, Pictures(sample.images, sample.labels))
    assert found["linearity_loss"]["of_gradient"] < 0.5
    assert found["concepts_present"]["value"] < 0.5 * found["concepts_present"]["of"]
    assert found["reconstruction"]["value"] > 0.4
    _, x = senn.inside(model, sample.images)
    logits, h, theta = network.explain(x)
    torch.testing.assert_close(logits, torch.einsum("bck,bk->bc", theta, h), atol=1e-5, rtol=1e-6)
