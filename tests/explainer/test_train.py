"""Training: a small real run, its card, and what stops it."""

import numpy as np
import pytest
import torch

from explainer import fit, train
from explainer.data.mnist import Digits
from explainer.models import checkpoint
from explainer.models.image import predict
from tests.explainer.conftest import SIDE, tiny_model
from tests.explainer.test_mnist import write_mnist


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setattr(train, "VALIDATION", 30)
    return write_mnist(tmp_path / "mnist", train=30 + 64 * 4, test=40)


SMALL = {"width": 8, "layers": 1, "state": 4, "device": "cpu"}


def test_trains_writes_a_card_and_repeats(data, tmp_path):
    steps = []
    card = train.train_mnist(
        out=tmp_path / "a",
        data=data,
        permute=True,
        epochs=3,
        seed=3,
        progress=lambda done, total, what: steps.append((done, total)),
        **SMALL,
    )
    assert steps[-1] == (12, 12)
    assert card["training"]["command"].startswith(
        "flask train mnist --out a --permute --epochs 3 --seed 3"
    )
    assert card["data"]["split"] == {"train": 256, "validation": 30, "test": 40, "seed": 3}
    assert str(tmp_path) not in str(card)
    found = checkpoint.load(tmp_path / "a")
    assert found.card == card
    digits = train.mnist.load(data).test
    right = int((predict(found.model, digits.images).argmax(-1) == digits.labels).sum())
    assert card["metrics"]["test_accuracy"]["n"] == 40
    assert card["metrics"]["test_accuracy"]["value"] == right / 40
    linear = card["metrics"]["baselines_test_accuracy"]
    assert linear["multinomial logistic regression on raw pixels"]["value"] > 0.9
    again = train.train_mnist(
        out=tmp_path / "b", data=data, permute=True, epochs=3, seed=3, **SMALL
    )
    assert again["weights_sha256"] == card["weights_sha256"]


def test_fitting_learns():
    torch.manual_seed(0)
    model = tiny_model()
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 64 * 10).astype(np.uint8)
    images = random.integers(0, 50, (len(labels), SIDE, SIDE)).astype(np.uint8)
    images[np.arange(len(labels)), labels * 2] = 255
    digits = Digits(images, labels)
    kept = []
    fit.fit(model, digits, digits, epochs=8, seed=0, keep=kept.append, progress=None)
    accuracies = [best.accuracy for best in kept]
    assert accuracies == sorted(accuracies)
    assert accuracies[-1] > 0.9


def test_divergence_names_the_step():
    model = tiny_model().train()
    fitting = fit.Fit(model, steps=5)
    images, labels = torch.rand(4, SIDE, SIDE), torch.zeros(4, dtype=torch.long)
    fitting.step(images, labels)
    model.network.encoder.weight.data.fill_(float("inf"))
    with pytest.raises(train.TrainingError, match="nan at step 2 of 5: training diverged; try"):
        fitting.step(images, labels)


def test_command_line_without_data(tmp_path, capsys):
    out = str(tmp_path / "out")
    assert train.main(["mnist", "--out", out, "--data", str(tmp_path)]) == 1
    assert "download the four files" in capsys.readouterr().err


def test_wilson_interval():
    """statsmodels 0.15: proportion_confint(976, 1000, method="wilson") = .9645371, .9838198."""
    assert train.proportion(976, 1000)["interval_95_wilson"] == [0.96454, 0.98382]
    assert train.proportion(10, 10)["interval_95_wilson"][1] == 1.0


def test_schedule():
    assert fit.cosine(0, 100) == pytest.approx(0.2)
    assert fit.cosine(5, 100) == 1.0
    assert fit.cosine(100, 100) == pytest.approx(0.0)
