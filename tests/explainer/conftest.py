"""A tiny model with its checkpoint and data, so that most tests take milliseconds."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from explainer.artifact import Store
from explainer.models import checkpoint
from explainer.models.image import ImageClassifier, Preprocessing, bit_reversal, predict
from explainer.models.sequence import SequenceClassifier, SequenceClassifierConfig
from explainer.shapley.game import Inputs
from explainer.subjects.image import ImageScorer

GOLDEN = Path(__file__).parents[1] / "golden"
SIDE = 6


@dataclass(frozen=True)
class Tiny:
    """A folder with a checkpoint and data.npz: 20 images that the model gets right, 10 wrong."""

    folder: Path
    digest: str
    data: Path
    data_digest: str
    predicted: np.ndarray

    def plan(self, **explanations: dict[str, Any]) -> dict[str, Any]:
        """A plan that selects 3 right and 2 wrong."""
        return {
            "schema": "credence/plan/1",
            "stimuli": {
                "shapes": {
                    "checkpoint": {"path": str(self.folder), "sha256": self.digest},
                    "data": {"path": str(self.data), "sha256": self.data_digest},
                    "select": {"right": 3, "wrong": 2, "seed": 1},
                }
            },
            "explanations": explanations,
        }


def tiny_model(permuted: bool = False, seed: int = 0) -> ImageClassifier:
    torch.manual_seed(seed)
    config = SequenceClassifierConfig(inputs=1, width=6, layers=2, state=4, labels=3)
    network = SequenceClassifier(config)
    # A mean and a spread other than 0 and 1, as after training.
    for norm in (block.norm for block in network.backbone.blocks):
        norm.running_mean.normal_()
        norm.weight.data.normal_(1, 0.2)
    network.decoder.weight.data.mul_(8)
    order = bit_reversal(SIDE * SIDE) if permuted else None
    preprocessing = Preprocessing(SIDE, SIDE, (0.2,), (0.3,), order)
    return ImageClassifier(network, preprocessing, ("a", "b", "c")).eval()


ABOUT: dict[str, Any] = {
    "data": {},
    "training": {},
    "metrics": {},
    "versions": {},
    "date": "2026-01-01",
}


def save(folder: Path, model: ImageClassifier) -> str:
    return checkpoint.save(
        folder,
        model.network,
        preprocessing=model.preprocessing.to_json(),
        labels=model.labels,
        about=ABOUT,
    )


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    root = tmp_path_factory.mktemp("tiny")
    model = tiny_model()
    digest = save(root / "model", model)
    images = np.random.default_rng(0).integers(0, 256, (30, SIDE, SIDE)).astype(np.uint8)
    images[::2] //= 4
    predicted = predict(model, images).argmax(-1)
    labels = predicted.copy()
    labels[20:] = (labels[20:] + 1) % 3
    file = io.BytesIO()
    np.savez_compressed(
        file, images=images, labels=labels.astype(np.uint8), indices=np.arange(30) + 100
    )
    data = root / "data.npz"
    data.write_bytes(file.getvalue())
    return Tiny(
        root / "model", digest, data, hashlib.sha256(file.getvalue()).hexdigest(), predicted
    )


@pytest.fixture
def shap_and_controls() -> dict[str, dict[str, Any]]:
    return {
        "shuffled": {"method": "shuffled", "of": "shap", "seed": 7},
        "shap": {"method": "partition", "parameters": {"evaluations": 40}, "seed": 7},
        "mismatched": {"method": "mismatched", "of": "shap", "match": "predicted", "seed": 7},
    }


@pytest.fixture
def golden() -> Callable[[str], Any]:
    return lambda name: np.load(GOLDEN / name)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "store")


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows of every batch that the model reads of masked images."""
    found = []
    score = ImageScorer.__call__

    def counted(self: ImageScorer, inputs: Inputs) -> torch.Tensor:
        found.append(len(inputs[0]))
        return score(self, inputs)

    monkeypatch.setattr(ImageScorer, "__call__", counted)
    return found
