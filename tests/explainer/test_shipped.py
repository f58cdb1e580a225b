"""The checkpoints and images that ship are what their cards say."""

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
ALL = sorted(path.parent for path in ASSETS.glob("checkpoints/*/card.json"))
# Images, sentences or windows of the whole test set at hand.
TESTED = {"mnist": 10_000, "cnn": 10_000, "senn": 10_000, "cifar": 1_000, "reviews": 1_066}


@pytest.fixture(scope="module")
def shipped():
    return checkpoint.load(FOLDER)


@pytest.fixture(scope="module")
def sample():
    about = json.loads((ASSETS / "data" / "mnist-200.json").read_text())
    return about, read_images(ASSETS / "data" / "mnist-200.npz", about["sha256"])


@pytest.mark.parametrize("folder", ALL, ids=lambda folder: folder.name)
def test_every_card(folder):
    """Which command, on how much, how good, and how good without a network."""
    network, card = checkpoint.load(folder)
    assert card["name"] == folder.name
    assert card["parameters"] == sum(weight.numel() for weight in network.parameters())
    assert card["data"]["terms"]
    assert card["data"]["files_sha256"]
    trainer, words = card["training"]["trainer"], card["training"]["command"].split()
    assert words[:3] == ["flask", "train", trainer]
    assert card["training"]["seed"] == int(words[words.index("--seed") + 1])
    metrics = card["metrics"]
    if card["labels"]:
        accuracy = metrics["test_accuracy"]
        assert accuracy["n"] == TESTED.get(trainer, 1_066)
        low, high = accuracy["interval_95_wilson"]
        assert low < accuracy["value"] < high
        naive = metrics["baselines_test_accuracy"]["majority class"]["value"]
        assert naive < low
    elif trainer == "wikitext":
        found = metrics["test"]["all"]["perplexity_per_token"]
        low, high = found["interval_95_bootstrap"]
        assert low < found["value"] < high
        bigram = next(each for name, each in metrics["baselines_test"].items() if "bigram" in name)
        assert found["value"] < bigram["all"]["perplexity_per_token"]["value"]
    else:
        assert metrics["test"]["model"]["mae"] < metrics["test"]["last_value"]["mae"]


def test_all_of_them_are_small():
    assert len(ALL) >= 8
    sizes = [path.stat().st_size for folder in ALL for path in folder.iterdir()]
    assert sum(sizes) < 20 * 10**6
    assert all({"card.json", "weights.safetensors"} <= {p.name for p in f.iterdir()} for f in ALL)


def test_language_models_of_one_size_read_one_text():
    cards = [json.loads((folder / "card.json").read_text()) for folder in ALL]
    models = [card for card in cards if card["training"]["trainer"] == "wikitext"]
    assert len(models) >= 2
    sizes = [card["parameters"] for card in models]
    assert max(sizes) < 1.03 * min(sizes)
    assert len({json.dumps(card["files"]) for card in models}) == 1
    assert len({json.dumps(card["data"]) for card in models}) == 1


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
