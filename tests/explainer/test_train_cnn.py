"""Training the ReLU network: a small real run, its card, and its judgement again."""

import pytest

from explainer.data import mnist as data_mnist
from explainer.models import checkpoint
from explainer.models.image import ImageClassifier, predict
from explainer.train import cnn, mnist
from tests.explainer.test_mnist import write_mnist

SMALL = {"epochs": 2, "seed": 3, "channels": 4, "device": "cpu"}


@pytest.fixture
def data(tmp_path, monkeypatch):
    for module in (cnn, mnist):
        monkeypatch.setattr(module, "VALIDATION", 30)
    return write_mnist(tmp_path / "mnist", train=30 + 64 * 6, test=40)


def test_trains_writes_a_card_and_repeats(data, tmp_path):
    card = cnn.train(out=tmp_path / "a", data=data, **SMALL)
    assert card["training"]["trainer"] == "cnn"
    assert card["training"]["command"] == (
        "flask train cnn --out a --data mnist --epochs 2 --seed 3 --channels 4 --device cpu"
    )
    assert card["data"]["split"] == {"train": 384, "validation": 30, "test": 40, "seed": 3}
    assert str(tmp_path) not in str(card)
    network, found = checkpoint.load(tmp_path / "a")
    assert found == card
    test = data_mnist.load(data).test
    model = ImageClassifier.of(network, card)
    right = (predict(model, test.images).argmax(-1) == test.labels).mean()
    accuracy = card["metrics"]["test_accuracy"]
    assert accuracy["value"] == pytest.approx(right)
    assert accuracy["n"] == 40
    assert accuracy["value"] > card["metrics"]["baselines_test_accuracy"]["majority class"]["value"]
    assert cnn.evaluate(network, card, data, "cpu") == card["metrics"]
    again = cnn.train(out=tmp_path / "b", data=data, **SMALL)
    assert again["weights_sha256"] == card["weights_sha256"]
