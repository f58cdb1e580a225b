"""An S4 classifier of CIFAR-10's photographs, pixel by pixel."""

from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from explainer.data import cifar
from explainer.machine import keep_memory, pick
from explainer.models.image import ImageClassifier
from explainer.train import images
from explainer.train.card import command
from explainer.train.fit import Progress, Settings

VALIDATION = 10  # one training image in ten: how many there are depends on what is at hand
HELP = {
    "width": "Channels.",
    "layers": "S4 layers.",
    "state": "Modes a channel.",
    "kernel": "The state matrix: diagonal (S4D), or diagonal plus low rank (S4).",
    "dropout": "Share of activations left out in training.",
    "weight_decay": "Of all weights but the kernels' A, B and dt.",
    "learning_rate": "At its peak, after the warm-up.",
    "flip": "Mirror half of the training images, drawn anew every time.",
    "precision": "Of matrix products; bfloat16 on a GPU only.",
    "gradient_checkpointing": "Save memory: compute each layer twice.",
}


def train(
    *,
    out: Path,
    data: Path | None = None,
    epochs: int = 20,
    seed: int = 0,
    width: int = 64,
    layers: int = 4,
    state: int = 16,
    kernel: Literal["diagonal", "low-rank"] = "diagonal",
    dropout: float = 0.1,
    weight_decay: float = 0.05,
    learning_rate: float = 4e-3,
    flip: bool = False,
    precision: Literal["float32", "bfloat16"] = "float32",
    gradient_checkpointing: bool = False,
    device: str = "auto",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train a classifier of photographs that reads them pixel by pixel, and write its checkpoint.

    The best epoch on one training image in ten is kept; the accuracy in the card is that on all
    test images at hand, beside the commonest class's and that of a linear model of the pixels.
    """
    options = {name: value for name, value in locals().items() if name != "progress"}
    keep_memory()
    photographs = cifar.load(data)
    torch.manual_seed(seed)
    parts = split(photographs, seed)
    preprocessing = images.preprocessing(parts.train)
    network = images.s4(
        preprocessing,
        labels=10,
        kernel=kernel,
        width=width,
        layers=layers,
        state=state,
        dropout=dropout,
    )
    network.backbone.recomputing = gradient_checkpointing
    model = ImageClassifier(network, preprocessing, cifar.LABELS).to(pick(device))
    return images.teach(
        model,
        photographs,
        parts,
        Settings(epochs, 50, learning_rate, weight_decay, precision=precision),
        trainer="cifar",
        command=command("cifar", options),
        out=out,
        flip=flip,
        progress=progress,
    )


def split(photographs: cifar.Cifar, seed: int) -> images.Split:
    """Set a tenth of the training images aside."""
    return images.split(photographs, len(photographs.train.labels) // VALIDATION, seed)


def evaluate(
    model: nn.Module, card: dict[str, Any], data: Path | None, device: str
) -> dict[str, Any]:
    """Judge a checkpoint again: accuracy on the test images, beside the baselines'."""
    keep_memory()
    parts = split(cifar.load(data), card["training"]["seed"])
    return images.judge(ImageClassifier.of(model, card).to(pick(device)), parts)
