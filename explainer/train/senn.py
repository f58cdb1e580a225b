"""A self-explaining network on MNIST's digits."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from explainer.data import mnist
from explainer.machine import keep_memory, pick
from explainer.models import checkpoint
from explainer.models.image import ImageClassifier
from explainer.models.senn import SENN, SENNConfig, linearity_loss
from explainer.train import images
from explainer.train.card import about, command
from explainer.train.fit import Best, Progress, Settings, TrainingError, fit
from explainer.train.mnist import VALIDATION

RECONSTRUCTION = 3.0
PROTOTYPES = 9
ACTIVE = 0.5
BATCH = 250
HELP = {
    "concepts": "How many concepts explain a digit.",
    "hidden": "Hidden units of the autoencoder and of the relevance network.",
    "channels": "Of the relevance network's first convolution; its second has twice as many.",
    "linearity": "Weight of the local-linearity regulariser; 0 leaves it out.",
    "sparsity": "Weight of the penalty on concepts that are present too often.",
    "presence": "How present a concept should be on average, from 0 to 1.",
}


@dataclass(frozen=True)
class Penalties:
    """What is added to the cross-entropy: weights of linearity and sparsity, and its target."""

    linearity: float
    sparsity: float
    presence: float


class SENNExamples(images.ImageExamples):
    """Pictures to classify, to reconstruct from few concepts, and to be locally linear at."""

    def __init__(self, pictures: images.Pictures, penalties: Penalties) -> None:
        """Keep the pictures in memory."""
        super().__init__(pictures)
        self.penalties = penalties

    def loss(self, model: ImageClassifier, rows: Tensor) -> Tensor:
        """Cross-entropy in nats, mean squared error in standard deviations, and the penalties."""
        network, x = inside(model, self.images[rows])
        logits, h, _ = network.explain(x)
        loss = nn.functional.cross_entropy(logits, self.labels[rows].to(logits.device))
        loss = loss + RECONSTRUCTION * nn.functional.mse_loss(network.decoder(h), x)
        loss = loss + self.penalties.sparsity * divergence(h.mean(0), self.penalties.presence)
        if self.penalties.linearity:
            loss = loss + self.penalties.linearity * linearity_loss(network, x, h).mean()
        return loss


def inside(model: ImageClassifier, pictures: Tensor | NDArray[np.uint8]) -> tuple[SENN, Tensor]:
    """The network of a classifier, and what it sees of some pictures."""
    network = model.network
    if not isinstance(network, SENN):
        raise TypeError(f"the network is a {type(network).__name__}, expected a SENN")
    weight = next(network.parameters())
    return network, model.preprocessing(torch.as_tensor(pictures).to(weight.device), weight)


def divergence(means: Tensor, presence: float) -> Tensor:
    """Kullback-Leibler divergence, in nats, from each concept's mean to the wanted one; summed.

    Source: Ng 2011, CS294A lecture notes, Sparse autoencoder, section 3.
    """
    means = means.clamp(1e-6, 1 - 1e-6)
    on = presence * torch.log(presence / means)
    off = (1 - presence) * torch.log((1 - presence) / (1 - means))
    return (on + off).sum()


def train(
    *,
    out: Path,
    data: Path | None = None,
    epochs: int = 6,
    seed: int = 0,
    concepts: int = 20,
    hidden: int = 56,
    channels: int = 6,
    linearity: float = 0.1,
    sparsity: float = 0.05,
    presence: float = 0.1,
    device: str = "auto",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train a self-explaining network on digits, and write its checkpoint.

    The best epoch on 5,000 validation images is kept. The card has the accuracy on all test images
    beside baselines, and how linear, sparse and complete the concepts are there; prototypes.npz has
    the training images in which each concept is most present.
    """
    options = {name: value for name, value in locals().items() if name != "progress"}
    if not 0 < presence < 1:
        raise TrainingError(f"presence is {presence}, expected a share between 0 and 1, like 0.1")
    keep_memory()
    digits = mnist.load(data)
    torch.manual_seed(seed)
    parts = images.split(digits, VALIDATION, seed)
    network = SENN(SENNConfig(28, 28, concepts, hidden, channels, labels=10))
    preprocessing = images.preprocessing(parts.train)
    model = ImageClassifier(network, preprocessing, tuple("0123456789")).to(pick(device))
    settings = Settings(epochs, 64, learning_rate=2e-3, weight_decay=1e-4)
    baselines = images.baseline_accuracies(parts.train, parts.test)
    said = command("senn", options)

    def keep(best: Best) -> None:
        what = about(
            trainer="senn",
            command=said,
            seed=seed,
            settings=settings,
            best=best,
            data={
                "name": digits.name,
                "terms": digits.terms,
                "files_sha256": digits.files,
                "split": parts.to_json(),
                "prototypes": f"prototypes.npz: images of {digits.name}, {digits.terms}",
            },
            metrics={
                "test_accuracy": images.accuracy(model, parts.test),
                "validation_accuracy": images.accuracy(model, parts.validation),
                "baselines_test_accuracy": baselines,
                **explanation_metrics(model, parts.test),
            },
            penalties={
                "linearity": linearity,
                "sparsity": sparsity,
                "presence": presence,
                "reconstruction": RECONSTRUCTION,
            },
        )
        checkpoint.save(
            out,
            network,
            preprocessing=preprocessing.to_json(),
            labels=model.labels,
            about=what,
            files={"prototypes.npz": prototypes(model, parts.train)},
        )

    fit(
        model,
        SENNExamples(parts.train, Penalties(linearity, sparsity, presence)),
        lambda: float(images.accuracy(model, parts.validation)["value"]),
        settings,
        seed=seed,
        out=out,
        keep=keep,
        progress=progress,
        run={"command": said, "data": digits.files},
    )
    return checkpoint.load(out)[1]


def evaluate(
    model: nn.Module, card: dict[str, Any], data: Path | None, device: str
) -> dict[str, Any]:
    """Judge a checkpoint again: accuracy beside the baselines', and its explanations."""
    keep_memory()
    parts = images.split(mnist.load(data), VALIDATION, card["training"]["seed"])
    classifier = ImageClassifier.of(model, card).to(pick(device))
    return {**images.judge(classifier, parts), **explanation_metrics(classifier, parts.test)}


def explanation_metrics(model: ImageClassifier, pictures: images.Pictures) -> dict[str, Any]:
    """How linear the network is in its concepts, how few there are, and what they keep.

    linearity_loss: mean norm of grad f - theta' J_h, in logits for a standard deviation of pixels;
    of_gradient: that over the mean norm of grad f, so that 0 is linear. reconstruction: the share
    of the pixels' variance that the concepts give back.
    """
    losses, gradients, errors, variances, present = [], [], [], [], []
    for start in range(0, len(pictures.labels), BATCH):
        network, x = inside(model, pictures.images[start : start + BATCH])
        with torch.no_grad():
            h = network.concepts(x)
            losses.append(linearity_loss(network, x, h))
            errors.append((network.decoder(h) - x).square().flatten(1).mean(1))
        gradients.append(gradient_norms(network, x))
        variances.append(x.flatten(1).square().mean(1))
        present.append(h > ACTIVE)
    loss, gradient, error, variance = (
        float(torch.cat(each).double().mean()) for each in (losses, gradients, errors, variances)
    )
    there = torch.cat(present)
    n = len(there)
    return {
        "linearity_loss": {
            "value": round(loss, 4),
            "of_gradient": round(loss / gradient, 4),
            "n": n,
        },
        "concepts_present": {
            "value": round(float(there.double().sum(1).mean()), 3),
            "of": there.shape[1],
            "above": ACTIVE,
            "never": int((~there.any(0)).sum()),
            "n": n,
        },
        "reconstruction": {"value": round(1 - error / variance, 4), "n": n},
    }


def gradient_norms(network: SENN, x: Tensor) -> Tensor:
    """Frobenius norm (batch,) of the logits' gradients by the pixels."""
    x = x.detach().requires_grad_()
    each = network(x).sum(0)
    rows = torch.eye(len(each), dtype=x.dtype, device=x.device)
    (J,) = torch.autograd.grad(each, x, rows, is_grads_batched=True)
    norms: Tensor = torch.linalg.vector_norm(J, dim=(0, 2, 3))
    return norms


def prototypes(model: ImageClassifier, pictures: images.Pictures) -> bytes:
    """The training images in which each concept is most present, as an .npz file.

    images uint8 (concepts, 9, height, width), labels uint8 and presence float32 (concepts, 9),
    the most present first.
    """
    parts = []
    for start in range(0, len(pictures.labels), BATCH):
        network, x = inside(model, pictures.images[start : start + BATCH])
        with torch.no_grad():
            parts.append(network.concepts(x))
    h = torch.cat(parts).T.cpu().numpy()  # (concepts, n)
    rows = np.argsort(-h, axis=1, kind="stable")[:, :PROTOTYPES]
    file = io.BytesIO()
    np.savez_compressed(
        file,
        images=pictures.images[rows],
        labels=pictures.labels[rows],
        presence=np.take_along_axis(h, rows, 1),
    )
    return file.getvalue()
