"""Training a classifier of images: examples, split, baselines, what its card says."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from explainer.data.cifar import Cifar
from explainer.data.mnist import Mnist
from explainer.models import checkpoint
from explainer.models.image import ImageClassifier, Preprocessing, predict
from explainer.models.sequence import SequenceClassifier, SequenceClassifierConfig
from explainer.train import card as cards
from explainer.train.fit import Best, Progress, Settings, fit

DataSet = Mnist | Cifar


@dataclass(frozen=True)
class Pictures:
    """Images uint8 (n, height, width) or (n, height, width, 3), and labels uint8 (n,)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def rows(self, chosen: NDArray[np.integer]) -> "Pictures":
        """Some of them."""
        return Pictures(self.images[chosen], self.labels[chosen])


@dataclass(frozen=True)
class Split:
    """What is learnt from, what the best epoch is chosen on, and what is only reported on."""

    train: Pictures
    validation: Pictures
    test: Pictures
    seed: int

    def to_json(self) -> dict[str, int]:
        """Return the number of images in each part."""
        return {
            "train": len(self.train.labels),
            "validation": len(self.validation.labels),
            "test": len(self.test.labels),
            "seed": self.seed,
        }


def split(data: DataSet, validation: int, seed: int) -> Split:
    """Set `validation` training images aside, at random."""
    train = Pictures(data.train.images, data.train.labels)
    shuffled = np.random.default_rng(seed).permutation(len(train.labels))
    return Split(
        train.rows(shuffled[validation:]),
        train.rows(shuffled[:validation]),
        Pictures(data.test.images, data.test.labels),
        seed,
    )


def preprocessing(train: Pictures, order: tuple[int, ...] | None = None) -> Preprocessing:
    """Pixels normalised by the mean and spread of each channel over the training images."""
    height, width = train.images.shape[1:3]
    pixels = train.images.reshape(len(train.images) * height * width, -1)
    return Preprocessing(
        height,
        width,
        tuple(round(float(each.mean()) / 255, 4) for each in pixels.T),
        tuple(round(float(each.std()) / 255, 4) for each in pixels.T),
        order,
    )


def s4(
    preprocessing: Preprocessing, labels: int, *, kernel: str, **sizes: Any
) -> SequenceClassifier:
    """An S4 classifier that reads images pixel by pixel, with new weights.

    kernel: "diagonal", S4D-Lin held by zero order, or "low-rank", S4-LegS by the bilinear rule.
    """
    start = {"diagonal": ("lin", "zoh"), "low-rank": ("legs", "bilinear")}
    init, hold = start[kernel]
    return SequenceClassifier(
        SequenceClassifierConfig(
            inputs=len(preprocessing.mean),
            labels=labels,
            length=preprocessing.height * preprocessing.width,
            kernel=kernel,
            init=init,
            hold=hold,
            **sizes,
        )
    )


class ImageExamples:
    """Pictures to learn from; `flip` mirrors half of them, drawn anew every time."""

    def __init__(self, pictures: Pictures, flip: bool = False) -> None:
        """Keep the pictures in memory."""
        self.images = torch.from_numpy(pictures.images)
        self.labels = torch.from_numpy(pictures.labels).long()
        self.flip = flip

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self.labels)

    def loss(self, model: ImageClassifier, rows: Tensor) -> Tensor:
        """Mean cross-entropy in nats."""
        device = next(model.parameters()).device
        images = self.images[rows]
        if self.flip:
            mirrored = torch.rand(len(rows)) < 0.5
            images[mirrored] = images[mirrored].flip(2)
        logits = model(images.to(device))
        return nn.functional.cross_entropy(logits, self.labels[rows].to(device))


def teach(
    model: ImageClassifier,
    data: DataSet,
    parts: Split,
    settings: Settings,
    *,
    trainer: str,
    command: str,
    out: Path,
    flip: bool = False,
    noise: float = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train `model` in place, write its best epoch into `out`, and return the card.

    trainer: the module's name; command: what repeats the training; noise: what the data have, for
    the card.
    """
    baselines = baseline_accuracies(parts.train, parts.test)

    def keep(best: Best) -> None:
        about = cards.about(
            trainer=trainer,
            command=command,
            seed=parts.seed,
            settings=settings,
            best=best,
            data={
                "name": data.name,
                "terms": data.terms,
                "files_sha256": data.files,
                "split": parts.to_json(),
                **({"noise": noise} if noise else {}),
            },
            metrics=judge(model, parts, baselines),
        )
        checkpoint.save(
            out,
            model.network,
            preprocessing=model.preprocessing.to_json(),
            labels=model.labels,
            about=about,
        )

    fit(
        model,
        ImageExamples(parts.train, flip),
        lambda: float(accuracy(model, parts.validation)["value"]),
        settings,
        seed=parts.seed,
        out=out,
        keep=keep,
        progress=progress,
        run={"command": command, "data": data.files},
    )
    return checkpoint.load(out)[1]


def judge(
    model: ImageClassifier, parts: Split, baselines: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the metrics of a card: accuracies, with the baselines' on the same test images."""
    return {
        "test_accuracy": accuracy(model, parts.test),
        "validation_accuracy": accuracy(model, parts.validation),
        "baselines_test_accuracy": baselines or baseline_accuracies(parts.train, parts.test),
    }


def accuracy(model: ImageClassifier, pictures: Pictures) -> dict[str, Any]:
    """The share of pictures that the model gets right."""
    right = predict(model, pictures.images).argmax(-1) == pictures.labels
    return cards.proportion(int(right.sum()), len(right))


def baseline_accuracies(train: Pictures, test: Pictures) -> dict[str, Any]:
    """Accuracy on the test images of the commonest class, and of a linear model of the pixels."""
    commonest = np.bincount(train.labels).argmax()
    x = torch.from_numpy(train.images).flatten(1).float() / 255
    y = torch.from_numpy(train.labels).long()
    linear = nn.Linear(x.shape[1], int(y.max()) + 1)
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
        "majority class": cards.proportion(int((test.labels == commonest).sum()), n),
        "multinomial logistic regression on raw pixels": cards.proportion(
            int((predicted.numpy() == test.labels).sum()), n
        ),
    }
