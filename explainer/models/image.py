"""An image classifier: preprocessing, a sequence model, and the names of its classes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from explainer.models.sequence import SequenceClassifier


@dataclass(frozen=True)
class Preprocessing:
    """How an image becomes a sequence: pixels in [0, 1], normalised, read in some order.

    pixel_order[k] is the row-major index of the pixel that is read at step k; None reads row by
    row. mean and std: of a pixel over the training images.
    """

    height: int
    width: int
    mean: float
    std: float
    pixel_order: tuple[int, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the preprocessing as JSON."""
        order = "row-major" if self.pixel_order is None else list(self.pixel_order)
        return {
            "height": self.height,
            "width": self.width,
            "mean": self.mean,
            "std": self.std,
            "pixel_order": order,
        }

    def __call__(self, images: NDArray[Any] | Tensor, like: Tensor) -> Tensor:
        """Images (batch, height, width), uint8 or float in [0, 1] -> (batch, L, 1) as `like`."""
        pixels = torch.as_tensor(images)
        if pixels.ndim != 3 or tuple(pixels.shape[1:]) != (self.height, self.width):
            raise ValueError(
                f"images have shape {tuple(pixels.shape)}, expected (batch, {self.height}, "
                f"{self.width})"
            )
        if pixels.dtype == torch.uint8:
            pixels = pixels.to(like) / 255
        elif not pixels.is_floating_point():
            raise ValueError(f"images are {pixels.dtype}, expected uint8 or float in [0, 1]")
        elif not ((pixels >= 0) & (pixels <= 1)).all():
            raise ValueError("images as float must lie in [0, 1]")
        x = ((pixels.to(like) - self.mean) / self.std).flatten(1)
        if self.pixel_order is not None:
            x = x[:, torch.tensor(self.pixel_order, device=x.device)]
        return x.unsqueeze(-1)


class ImageClassifier(nn.Module):
    """Callers give images in true row-major order, whatever order the network reads."""

    def __init__(
        self, network: SequenceClassifier, preprocessing: Preprocessing, labels: tuple[str, ...]
    ) -> None:
        """Join the three; labels in the order of the network's outputs."""
        super().__init__()
        self.network = network
        self.preprocessing = preprocessing
        self.labels = labels

    def forward(self, images: NDArray[Any] | Tensor) -> Tensor:
        """Images (batch, height, width) -> logits (batch, labels)."""
        logits: Tensor = self.network(self.preprocessing(images, self.network.encoder.weight))
        return logits

    def log_probabilities(self, images: NDArray[Any] | Tensor) -> Tensor:
        """Natural log-probabilities (batch, labels), in class order."""
        return torch.log_softmax(self(images), -1)


def predict(
    model: ImageClassifier, images: NDArray[Any] | Tensor, batch: int = 64
) -> NDArray[np.float64]:
    """Log-probabilities (n, labels) of any number of images, `batch` at a time."""
    with torch.inference_mode():
        parts = [
            model.log_probabilities(images[start : start + batch]).double().cpu().numpy()
            for start in range(0, len(images), batch)
        ]
    return np.concatenate(parts) if parts else np.zeros((0, len(model.labels)))


def bit_reversal(length: int) -> tuple[int, ...]:
    """The order that counts with reversed bits: neighbours in the image are read far apart."""
    bits = max(length - 1, 1).bit_length()
    reversed_ = (int(f"{k:0{bits}b}"[::-1], 2) for k in range(2**bits))
    return tuple(k for k in reversed_ if k < length)
