"""A small sample of MNIST's test images that ships: `python -m explainer.data.sample --help`."""

import argparse
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from explainer.artifact import sha256, write_atomically
from explainer.data import mnist
from explainer.data.noise import noisy_digits
from explainer.models import checkpoint
from explainer.models.image import ImageClassifier, predict
from explainer.selection import select


def sample(
    *,
    out: Path,
    data: Path | None,
    checkpoint_folder: Path,
    wrong: int,
    total: int,
    noise: float,
    seed: int,
) -> dict[str, Any]:
    """Write `out`.npz and `out`.json; return the latter.

    `wrong` images that the checkpoint gets wrong and as many right ones as make `total`, both
    spread over the predicted classes, in the test file's order. noise: standard deviation of what
    is added to every pixel, as a share of the range.
    """
    digits = mnist.load(data)
    if noise:
        digits = noisy_digits(digits, noise, seed)
    network, card = checkpoint.load(checkpoint_folder)
    predicted = predict(ImageClassifier.of(network, card), digits.test.images).argmax(-1)
    rows = np.sort(select(digits.test.labels == predicted, predicted, total - wrong, wrong, seed))
    file = io.BytesIO()
    np.savez_compressed(
        file,
        images=digits.test.images[rows],
        labels=digits.test.labels[rows],
        indices=rows.astype(np.int32),
    )
    about = {
        "schema": "credence/images/1",
        "name": out.name,
        "sha256": sha256(file.getvalue()),
        "source": "MNIST test images; Y. LeCun, C. Cortes, C. Burges",
        "terms": "usually given as CC BY-SA 3.0",
        "source_sha256": {name: digits.files[name] for name in digits.files if "t10k" in name},
        "chosen": f"{wrong} that the checkpoint gets wrong and {total - wrong} that it gets right, "
        f"each spread over the predicted classes, drawn with seed {seed}",
        "command": f"python -m explainer.data.sample --checkpoint {card['name']} "
        f"--wrong {wrong} --total {total} --seed {seed} --out {out.name}"
        + (f" --noise {noise:g}" if noise else ""),
        "checkpoint_sha256": card["weights_sha256"],
        "images": total,
        "wrong": wrong,
        **({"noise": noise} if noise else {}),
        "note": "wrong answers are more frequent here than in the test set; an accuracy over these "
        "images says nothing about the model",
    }
    write_atomically(out.with_suffix(".npz"), file.getvalue())
    write_atomically(out.with_suffix(".json"), (json.dumps(about, indent=2) + "\n").encode())
    return about


def main() -> int:
    """Draw the sample from a command line."""
    parser = argparse.ArgumentParser(prog="python -m explainer.data.sample")
    parser.add_argument("--data", type=Path, help="a folder with the four idx files")
    parser.add_argument("--checkpoint", type=Path, required=True, dest="checkpoint_folder")
    parser.add_argument("--out", type=Path, required=True, help="the files' path without ending")
    parser.add_argument("--wrong", type=int, default=40)
    parser.add_argument("--total", type=int, default=200)
    parser.add_argument("--noise", type=float, default=0.0, help="as the checkpoint learnt it")
    parser.add_argument("--seed", type=int, default=0)
    print(json.dumps(sample(**vars(parser.parse_args())), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
