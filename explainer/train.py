"""Data and a model -> a checkpoint with its card: `python -m explainer.train mnist --out DIR`."""

import argparse
import math
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from explainer import fit
from explainer.artifact import ArtifactError
from explainer.data import mnist
from explainer.fit import TrainingError
from explainer.machine import DeviceError, keep_memory, pick, versions
from explainer.models import checkpoint
from explainer.models.image import ImageClassifier, Preprocessing, bit_reversal
from explainer.models.sequence import SequenceClassifier, Sizes

__all__ = ["TrainingError", "main", "proportion", "train_mnist"]

VALIDATION = 5_000
TERMS = "usually given as CC BY-SA 3.0"


def train_mnist(
    *,
    out: Path,
    data: Path | None = None,
    permute: bool = False,
    epochs: int = 3,
    seed: int = 0,
    width: int = 48,
    layers: int = 3,
    state: int = 16,
    device: str = "auto",
    progress: fit.Progress | None = None,
) -> dict[str, Any]:
    """Train a digit reader, pixel by pixel; write its checkpoint into `out` and return its card.

    width: channels; state: modes a channel; permute: read the pixels in bit-reversed order.
    The checkpoint is written anew whenever an epoch is the best on 5,000 validation images; the
    accuracy in its card is over all test images. progress(steps done, steps in all, what). Raises
    TrainingError when the loss is no number, DataError without data, ArtifactError when the disk
    is full.
    """
    keep_memory()
    digits = mnist.load(data)
    torch.manual_seed(seed)
    shuffled = np.random.default_rng(seed).permutation(len(digits.train.labels))
    train = _rows(digits.train, shuffled[VALIDATION:])
    validation = _rows(digits.train, shuffled[:VALIDATION])
    preprocessing = Preprocessing(
        height=28,
        width=28,
        mean=round(float(train.images.mean()) / 255, 4),
        std=round(float(train.images.std()) / 255, 4),
        pixel_order=bit_reversal(784) if permute else None,
    )
    network = SequenceClassifier(Sizes(1, width, layers, state, labels=10))
    model = ImageClassifier(network, preprocessing, tuple("0123456789")).to(pick(device))
    command = (
        f"flask train mnist --out {out.name}{' --permute' if permute else ''} --epochs {epochs} "
        f"--seed {seed} --width {width} --layers {layers} --state {state}"
    )
    baselines = _baselines(train, digits.test)
    started = time.monotonic()

    def keep(best: fit.Best) -> None:
        about = {
            "data": {
                "name": "MNIST",
                "terms": TERMS,
                "files_sha256": digits.files,
                "split": {
                    "train": len(train.labels),
                    "validation": len(validation.labels),
                    "test": len(digits.test.labels),
                    "seed": seed,
                },
            },
            "training": {
                "command": command,
                "seed": seed,
                "epochs": epochs,
                "best_epoch": best.epoch,
                "seconds": round(time.monotonic() - started),
                "batch": fit.BATCH,
                "learning_rate": fit.LEARNING_RATE,
                "kernel_learning_rate": fit.KERNEL_LEARNING_RATE,
                "weight_decay": fit.WEIGHT_DECAY,
            },
            "metrics": {
                "test_accuracy": proportion(*fit.count_right(model, digits.test)),
                "validation_accuracy": proportion(*fit.count_right(model, validation)),
                "baselines_test_accuracy": baselines,
            },
            "versions": versions("numpy", "torch"),
            "date": datetime.now(UTC).date().isoformat(),
        }
        checkpoint.save(out, model, about)

    fit.fit(model, train, validation, epochs=epochs, seed=seed, keep=keep, progress=progress)
    return checkpoint.load(out).card


def proportion(right: int, n: int) -> dict[str, Any]:
    """A share with its 95 % Wilson interval. Source: Wilson (1927), JASA 22(158), 209-212."""
    z = 1.959964
    p, spread = right / n, z * z / n
    centre = (p + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(p * (1 - p) / n + spread / (4 * n))
    interval = [round(max(centre - half, 0.0), 5), round(min(centre + half, 1.0), 5)]
    return {"value": round(p, 5), "n": n, "interval_95_wilson": interval}


def _rows(digits: mnist.Digits, rows: Any) -> mnist.Digits:
    return mnist.Digits(digits.images[rows], digits.labels[rows])


def _baselines(train: mnist.Digits, test: mnist.Digits) -> dict[str, Any]:
    """Accuracy on the test images of the commonest class, and of a linear model of the pixels."""
    commonest = np.bincount(train.labels, minlength=10).argmax()
    x = torch.from_numpy(train.images).flatten(1).float() / 255
    y = torch.from_numpy(train.labels).long()
    linear = nn.Linear(x.shape[1], 10)
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    optimiser = torch.optim.LBFGS(linear.parameters(), max_iter=100)

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = nn.functional.cross_entropy(linear(x), y)
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        predicted = linear(torch.from_numpy(test.images).flatten(1).float() / 255).argmax(-1)
    n = len(test.labels)
    return {
        "majority class": proportion(int((test.labels == commonest).sum()), n),
        "multinomial logistic regression on raw pixels": proportion(
            int((predicted.numpy() == test.labels).sum()), n
        ),
    }


def main(arguments: list[str] | None = None) -> int:
    """Train from a command line that needs no Flask."""
    parser = argparse.ArgumentParser(prog="python -m explainer.train")
    parser.add_argument("what", choices=["mnist"])
    parser.add_argument("--out", type=Path, required=True, help="the checkpoint's folder")
    parser.add_argument("--data", type=Path, help="a folder with the four idx files")
    parser.add_argument("--permute", action="store_true", help="read the pixels bit-reversed")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--width", type=int, default=48, help="channels")
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--state", type=int, default=16, help="modes a channel")
    parser.add_argument("--device", default="auto")
    options = vars(parser.parse_args(arguments))
    del options["what"]
    from tqdm import tqdm

    with tqdm(unit="step") as bar:

        def progress(done: int, total: int, what: str) -> None:
            bar.total = total
            bar.set_postfix_str(what, refresh=False)
            bar.update(done - bar.n)

        try:
            card = train_mnist(**options, progress=progress)
        except (ArtifactError, DeviceError, TrainingError, mnist.DataError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    print(f"test accuracy: {card['metrics']['test_accuracy']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
