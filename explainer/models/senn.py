"""A self-explaining network: concepts of the input, each weighed by a relevance of its own.

Source: Alvarez-Melis & Jaakkola 2018, arXiv:1806.07538.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from explainer.models.config import Config, whole


@dataclass(frozen=True)
class SENNConfig(Config):
    """Pixels of an image, concepts, hidden units of each part, channels of theta, and classes."""

    height: int = whole(1024, 4)
    width: int = whole(1024, 4)
    concepts: int = whole(4096)
    hidden: int = whole(16384)
    channels: int = whole(1024)
    labels: int = whole(65536)


class Explained(NamedTuple):
    """logits (batch, labels) = relevances (batch, labels, K) times concepts (batch, K)."""

    logits: Tensor
    concepts: Tensor
    relevances: Tensor


class SENN(nn.Module):
    """f(x) = theta(x) h(x): the sum over K concepts of relevance times concept, for each class.

    x (batch, height * width, 1), pixels row by row -> logits (batch, labels). The concepts h, in
    0 ... 1, are the code of an autoencoder; theta is a convolutional network.
    """

    architecture: ClassVar[str] = "senn"
    config_type: ClassVar[type[Config]] = SENNConfig

    def __init__(self, config: SENNConfig) -> None:
        """Draw initial weights from torch's generator."""
        super().__init__()
        self.config = config
        pixels, C = config.height * config.width, config.channels
        self.encoder = nn.Sequential(
            nn.Flatten(),
            nn.Linear(pixels, config.hidden),
            nn.ReLU(),
            nn.Linear(config.hidden, config.concepts),
            nn.Sigmoid(),
        )
        self.decoder = nn.Sequential(
            nn.Linear(config.concepts, config.hidden),
            nn.ReLU(),
            nn.Linear(config.hidden, pixels),
            nn.Unflatten(1, (pixels, 1)),
        )
        quarter = -(-config.height // 4) * -(-config.width // 4)
        self.theta = nn.Sequential(
            nn.Unflatten(1, (1, config.height, config.width)),
            nn.Flatten(3),  # (batch, 1, height, width)
            nn.Conv2d(1, C, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(C, 2 * C, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(2 * C * quarter, config.hidden),
            nn.ReLU(),
            nn.Linear(config.hidden, config.labels * config.concepts),
            nn.Unflatten(1, (config.labels, config.concepts)),
        )

    def concepts(self, x: Tensor) -> Tensor:
        """Return h(x), (batch, K): how far each concept is present, from 0 to 1."""
        found: Tensor = self.encoder(x)
        return found

    def relevances(self, x: Tensor) -> Tensor:
        """Return theta(x), (batch, labels, K): what each concept counts for each class."""
        found: Tensor = self.theta(x)
        return found

    def reconstruct(self, x: Tensor) -> Tensor:
        """Return the image (batch, height * width, 1) that the concepts alone give back."""
        found: Tensor = self.decoder(self.concepts(x))
        return found

    def explain(self, x: Tensor) -> Explained:
        """Return the logits with the concepts and relevances that they are the product of."""
        h, theta = self.concepts(x), self.relevances(x)
        return Explained((theta @ h.unsqueeze(-1)).squeeze(-1), h, theta)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of a batch of images."""
        return self.explain(x).logits


def linearity_loss(model: SENN, x: Tensor, h: Tensor) -> Tensor:
    """How far f is from linear in its concepts around x: ||grad_x f - theta(x)' J_h(x)||.

    h: concepts of x, (batch, K) -> Frobenius norms (batch,) over classes and pixels, with a graph
    for training. By the product rule the difference is the sum of h_k grad_x theta_k, so it needs
    theta's gradients alone: one for each class. Source: arXiv:1806.07538, eq. 3.
    """
    training = torch.is_grad_enabled()
    with torch.enable_grad():
        around = x.detach().requires_grad_()
        logits = (model.relevances(around) @ h.unsqueeze(-1)).squeeze(-1).sum(0)
        rows = torch.eye(len(logits), dtype=x.dtype, device=x.device)
        (J,) = torch.autograd.grad(
            logits, around, rows, create_graph=training, is_grads_batched=True
        )  # (labels, batch, pixels, 1)
    norms: Tensor = torch.linalg.vector_norm(J, dim=(0, 2, 3))
    return norms
