"""What a trainer writes into a checkpoint's card."""

import math
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from explainer.machine import versions
from explainer.train.fit import Best, Settings


def about(
    *,
    trainer: str,
    command: str,
    seed: int,
    settings: Settings,
    best: Best,
    data: dict[str, Any],
    metrics: dict[str, Any],
    packages: tuple[str, ...] = ("numpy", "torch"),
    **training: Any,
) -> dict[str, Any]:
    """Return the card's data, training, metrics, versions and date.

    trainer: the module's name in explainer.train, which evaluates the checkpoint again; data: name,
    terms, files_sha256, split with the number of examples in each part; metrics: values with n, the
    baselines' beside them; training: what else there is to say about how it was trained.
    """
    return {
        "data": data,
        "training": {
            "trainer": trainer,
            "command": command,
            "seed": seed,
            "epochs": settings.epochs,
            "best_epoch": best.epoch,
            "seconds": round(best.seconds),
            "batch": settings.batch,
            "learning_rate": settings.learning_rate,
            "kernel_learning_rate": settings.kernel_learning_rate,
            "weight_decay": settings.weight_decay,
            "warm_up": settings.warm_up,
            "clip": settings.clip,
            "precision": settings.precision,
            **training,
        },
        "metrics": metrics,
        "versions": versions(*packages),
        "date": datetime.now(UTC).date().isoformat(),
    }


def command(trainer: str, options: Mapping[str, Any]) -> str:
    """The command line that repeats a training; of a path it says the last part only.

    options: the trainer's arguments by name; None and False are left out, as on a command line.
    """
    words = ["flask", "train", trainer]
    for name, value in options.items():
        if value is None or value is False:
            continue
        words.append(f"--{name.replace('_', '-')}")
        if value is not True:
            words.append(value.name if isinstance(value, Path) else str(value))
    return shlex.join(words)


def proportion(right: int, n: int) -> dict[str, Any]:
    """A share with its 95 % Wilson interval. Source: Wilson (1927), JASA 22(158), 209-212."""
    z = 1.959964
    p, spread = right / n, z * z / n
    centre = (p + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(p * (1 - p) / n + spread / (4 * n))
    interval = [round(max(centre - half, 0.0), 5), round(min(centre + half, 1.0), 5)]
    return {"value": round(p, 5), "n": n, "interval_95_wilson": interval}
