"""An S4 classifier of MNIST's digits, pixel by pixel."""

from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from explainer.data import mnist
from explainer.data.mnist import Mnist
from explainer.data.noise import noisy_digits
from explainer.machine import keep_memory, pick
from explainer.models.image import ImageClassifier, bit_reversal
from explainer.train import images
from explainer.train.card import command
from explainer.train.fit import Progress, Settings

VALIDATION = 5_000
HELP = {
    "permute": "Read the pixels in bit-reversed order.",
    "noise": "Standard deviation of noise on every pixel, as a share of the range.",
    "width": "Channels.",
    "layers": "S4 layers.",
    "state": "Modes a channel.",
    "kernel": "The state matrix: diagonal (S4D), or diagonal plus low rank (S4).",
    "learning_rate": "At its peak, after the warm-up.",
    "precision": "Of matrix products; bfloat16 on a GPU only.",
}


def train(
    *,
    out: Path,
    data: Path | None = None,
    permute: bool = False,
    noise: float | None = None,
    epochs: int = 3,
    seed: int = 0,
    width: int = 48,
    layers: int = 3,
    state: int = 16,
    kernel: Literal["diagonal", "low-rank"] = "diagonal",
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
    digits = _digits(data, noise, seed)
    torch.manual_seed(seed)
    parts = images.split(digits, VALIDATION, seed)
    preprocessing = images.preprocessing(parts.train, bit_reversal(784) if permute else None)
    network = images.s4(
        preprocessing, labels=10, kernel=kernel, width=width, layers=layers, state=state
    )
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
        noise=noise or 0,
        progress=progress,
    )


def evaluate(
    model: nn.Module, card: dict[str, Any], data: Path | None, device: str
) -> dict[str, Any]:
    """Judge a checkpoint again: accuracy on the test images, beside the baselines'."""
    keep_memory()
    seed = card["training"]["seed"]
    digits = _digits(data, card["data"].get("noise"), seed)
    parts = images.split(digits, VALIDATION, seed)
    return images.judge(ImageClassifier.of(model, card).to(pick(device)), parts)


def _digits(data: Path | None, noise: float | None, seed: int) -> Mnist:
    digits = mnist.load(data)
    return noisy_digits(digits, noise, seed) if noise else digits
