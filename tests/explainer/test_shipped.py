"""The checkpoint and images that ship are what their cards say."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

import explainer
from explainer.data.images import read_images
from explainer.models import checkpoint
from explainer.models.image import ImageClassifier, predict

ASSETS = Path(explainer.__file__).parent / "assets"
FOLDER = ASSETS / "checkpoints" / "mnist-s4d"


@pytest.fixture(scope="module")
def shipped():
    return checkpoint.load(FOLDER)


@pytest.fixture(scope="module")
def sample():
    about = json.loads((ASSETS / "data" / "mnist-200.json").read_text())
    return about, read_images(ASSETS / "data" / "mnist-200.npz", about["sha256"])


def test_card(shipped):
    card = shipped[1]
    weights = (FOLDER / "weights.safetensors").read_bytes()
    assert len(weights) <= 3 * 2**20
    assert card["weights_sha256"] == hashlib.sha256(weights).hexdigest()
    assert card["parameters"] == sum(weight.numel() for weight in shipped[0].parameters())
    accuracy = card["metrics"]["test_accuracy"]
    assert accuracy["n"] == 10_000
    assert accuracy["value"] >= 0.97
    assert accuracy["interval_95_wilson"][0] < accuracy["value"] < accuracy["interval_95_wilson"][1]
    baselines = card["metrics"]["baselines_test_accuracy"]
    assert all(baseline["value"] < 0.94 for baseline in baselines.values())
    assert card["training"]["command"].startswith("flask train mnist --out mnist-s4d")
    assert "/" not in card["training"]["command"]


def test_sample_and_checkpoint_belong_together(shipped, sample):
    about, images = sample
    assert images.images.shape == (200, 28, 28)
    assert len(set(images.indices.tolist())) == 200
    assert about["checkpoint_sha256"] == shipped[1]["weights_sha256"]
    wrong = predict(ImageClassifier.of(*shipped), images.images).argmax(-1) != images.labels
    assert int(wrong.sum()) == about["wrong"] == 40


def test_every_class_can_be_mismatched(shipped, sample):
    _, images = sample
    predicted = predict(ImageClassifier.of(*shipped), images.images).argmax(-1)
    assert np.bincount(predicted, minlength=10).min() >= 10
