"""A small convolutional network on MNIST's digits."""

from pathlib import Path
from typing import Any

import torch

from explainer.data import mnist
from explainer.machine import keep_memory, pick
from explainer.models.cnn import CNNConfig, ReLUCNN
from explainer.models.image import ImageClassifier
from explainer.train import images
from explainer.train.card import command
from explainer.train.fit import Progress, Settings
from explainer.train.mnist import VALIDATION, evaluate

__all__ = ["HELP", "evaluate", "train"]

HELP = {"channels": "Of the first convolution; the others have twice as many."}


def train(
    *,
    out: Path,
    data: Path | None = None,
    epochs: int = 6,
    seed: int = 0,
    channels: int = 16,
    device: str = "auto",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train a ReLU network on digits, and write its checkpoint.

    The best epoch on 5,000 validation images is kept; the accuracy in the card is that on all test
    images, beside the commonest class's and that of a linear model of the pixels.
    """
    options = {name: value for name, value in locals().items() if name != "progress"}
    keep_memory()
    digits = mnist.load(data)
    torch.manual_seed(seed)
    parts = images.split(digits, VALIDATION, seed)
    network = ReLUCNN(CNNConfig(28, 28, channels, labels=10))
    preprocessing = images.preprocessing(parts.train)
    model = ImageClassifier(network, preprocessing, tuple("0123456789")).to(pick(device))
    return images.teach(
        model,
        digits,
        parts,
        Settings(epochs, 64, learning_rate=2e-3, weight_decay=0.01),
        trainer="cnn",
        command=command("cnn", options),
        out=out,
        progress=progress,
    )
