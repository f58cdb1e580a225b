"""An S4 classifier of MNIST's digits, pixel by pixel."""

from pathlib import Path
from typing import Any, Literal

import torch

from explainer.data import mnist
from explainer.machine import keep_memory, pick
from explainer.models.image import ImageClassifier, Preprocessing, bit_reversal
from explainer.models.sequence import SequenceClassifier, Sizes
from explainer.train import images
from explainer.train.card import command
from explainer.train.fit import Progress, Settings

VALIDATION = 5_000
HELP = {
    "permute": "Read the pixels in bit-reversed order.",
    "width": "Channels.",
    "layers": "S4 layers.",
    "state": "Modes a channel.",
    "learning_rate": "At its peak, after the warm-up.",
    "precision": "Of matrix products; bfloat16 on a GPU only.",
}


def train(
    *,
    out: Path,
    data: Path | None = None,
    permute: bool = False,
    epochs: int = 3,
    seed: int = 0,
    width: int = 48,
    layers: int = 3,
    state: int = 16,
    learning_rate: float = 4e-3,
    precision: Literal["float32", "bfloat16"] = "float32",
    device: str = "auto",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train a classifier of digits that reads them pixel by pixel, and write its checkpoint.

    The best epoch on 5,000 validation images is kept; the accuracy in the card is that on all test
    images, beside the commonest class's and that of a linear model of the pixels.
    """
    options = {name: value for name, value in locals().items() if name != "progress"}
    keep_memory()
    digits = mnist.load(data)
    torch.manual_seed(seed)
    parts = images.split(digits, VALIDATION, seed)
    preprocessing = Preprocessing(
        height=28,
        width=28,
        mean=round(float(parts.train.images.mean()) / 255, 4),
        std=round(float(parts.train.images.std()) / 255, 4),
        pixel_order=bit_reversal(784) if permute else None,
    )
    network = SequenceClassifier(Sizes(1, width, layers, state, labels=10))
    model = ImageClassifier(network, preprocessing, tuple("0123456789")).to(pick(device))
    settings = Settings(epochs, 64, learning_rate, weight_decay=0.01, precision=precision)
    return images.teach(
        model,
        digits,
        parts,
        settings,
        trainer="mnist",
        command=command("mnist", options),
        out=out,
        progress=progress,
    )


def evaluate(
    model: ImageClassifier, card: dict[str, Any], data: Path | None, device: str
) -> dict[str, Any]:
    """Judge a checkpoint again: accuracy on the test images, beside the baselines'."""
    keep_memory()
    parts = images.split(mnist.load(data), VALIDATION, card["training"]["seed"])
    baselines = images.baseline_accuracies(parts.train, parts.test)
    return images.judge(model.to(pick(device)), parts, baselines)
