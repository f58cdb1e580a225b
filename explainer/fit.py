"""Fitting a classifier: AdamW under a cosine with warm-up, the best epoch by validation kept."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from explainer.data.mnist import Digits
from explainer.models.image import ImageClassifier, predict
from explainer.models.s4 import DiagonalKernel

BATCH = 64
LEARNING_RATE = 4e-3
KERNEL_LEARNING_RATE = 1e-3  # A, B and dt set the system's time scales: slowly, and undecayed
WEIGHT_DECAY = 0.01
WARM_UP = 0.05

Progress = Callable[[int, int, str], None]


class TrainingError(Exception):
    """Training cannot go on; the message says why and what to change."""


@dataclass(frozen=True)
class Best:
    """The state with the highest validation accuracy so far; epoch counts from 1."""

    accuracy: float
    epoch: int
    state: dict[str, Tensor]


class Fit:
    """A model with its optimiser and schedule, for a number of steps known beforehand."""

    def __init__(self, model: ImageClassifier, steps: int) -> None:
        """Start at step 0."""
        self.model = model
        self.steps = steps
        self.optimiser = torch.optim.AdamW(_groups(model))
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimiser, lambda step: cosine(step, steps)
        )
        self.done = 0

    def step(self, images: Tensor, labels: Tensor) -> float:
        """Take one step; return the loss. Raises TrainingError when it is no number."""
        loss = nn.functional.cross_entropy(self.model(images), labels)
        value = loss.item()
        self.done += 1
        if not math.isfinite(value):
            raise TrainingError(
                f"the loss is {value} at step {self.done} of {self.steps}: training diverged; "
                "try another --seed or a smaller model (the best epoch so far is kept)"
            )
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.schedule.step()
        return value


def fit(
    model: ImageClassifier,
    train: Digits,
    validation: Digits,
    *,
    epochs: int,
    seed: int,
    keep: Callable[[Best], None],
    progress: Progress | None,
) -> None:
    """Train in place; `keep` gets every state that is the best so far."""
    steps = len(train.labels) // BATCH
    fitting = Fit(model, epochs * steps)
    device = next(model.parameters()).device
    images, labels = torch.from_numpy(train.images), torch.from_numpy(train.labels).long()
    order = np.random.default_rng([seed, 1])
    best: Best | None = None
    for epoch in range(epochs):
        model.train()
        mixed = torch.from_numpy(order.permutation(len(labels)))[: steps * BATCH]
        for rows in mixed.view(steps, BATCH):
            loss = fitting.step(images[rows].to(device), labels[rows].to(device))
            if progress:
                shown = "" if best is None else f", best {best.accuracy:.2%}"
                progress(fitting.done, fitting.steps, f"loss {loss:.3f}{shown}")
        model.eval()
        right, n = count_right(model, validation)
        if best is None or right / n > best.accuracy:
            best = Best(right / n, epoch + 1, copy.deepcopy(model.state_dict()))
            keep(best)


def count_right(model: ImageClassifier, digits: Digits) -> tuple[int, int]:
    """How many digits the model reads right, and out of how many."""
    predicted = predict(model, digits.images).argmax(-1)
    return int((predicted == digits.labels).sum()), len(digits.labels)


def cosine(step: int, steps: int) -> float:
    """The learning rate's factor: a linear warm-up, then half a cosine down to 0."""
    warm = max(1, int(WARM_UP * steps))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def _groups(model: ImageClassifier) -> list[dict[str, Any]]:
    """The kernels' A, B and dt apart from the rest."""
    slow = [
        weight
        for module in model.modules()
        if isinstance(module, DiagonalKernel)
        for weight in (module.A_real, module.A_imag, module.B, module.inv_dt)
    ]
    chosen = {id(weight) for weight in slow}
    rest = [weight for weight in model.parameters() if id(weight) not in chosen]
    return [
        {"params": rest, "lr": LEARNING_RATE, "weight_decay": WEIGHT_DECAY},
        {"params": slow, "lr": KERNEL_LEARNING_RATE, "weight_decay": 0.0},
    ]
