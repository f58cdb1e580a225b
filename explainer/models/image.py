"""An image classifier: preprocessing, a network, and the names of its classes."""

from dataclasses import dataclass
from math import isfinite
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from explainer.models.config import ConfigError

LARGEST_SIDE = 4096


@dataclass(frozen=True)
class Preprocessing:
    """How an image becomes a sequence: pixels in [0, 1], normalised, read in some order.

    mean and std: of a pixel over the training images, one number a channel. pixel_order[k] is the
    row-major index of the pixel that is read at step k; None reads row by row.
    """

    height: int
    width: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    pixel_order: tuple[int, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the preprocessing as JSON."""
        order = "row-major" if self.pixel_order is None else list(self.pixel_order)
        return {
            "kind": "image",
            "height": self.height,
            "width": self.width,
            "mean": list(self.mean),
            "std": list(self.std),
            "pixel_order": order,
        }

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Read and check. Raises ConfigError naming the first wrong field."""
        names = {"kind", "height", "width", "mean", "std", "pixel_order"}
        if not isinstance(data, dict) or set(data) != names or data["kind"] != "image":
            raise ConfigError(f"preprocessing is not of an image: {', '.join(sorted(names))}")
        for name in ("height", "width"):
            if type(data[name]) is not int or not 1 <= data[name] <= LARGEST_SIDE:
                raise ConfigError(f"preprocessing.{name} is no whole number to {LARGEST_SIDE}")
        for name in ("mean", "std"):
            if not _channels(data[name]) or (name == "std" and 0 in data[name]):
                raise ConfigError(f"preprocessing.{name} is not 1 or 3 numbers in [0, 1]")
        if len(data["mean"]) != len(data["std"]):
            raise ConfigError("preprocessing.mean and std are of different numbers of channels")
        order, pixels = data["pixel_order"], data["height"] * data["width"]
        if order != "row-major" and not (
            isinstance(order, list)
            and all(type(k) is int for k in order)
            and sorted(order) == list(range(pixels))
        ):
            raise ConfigError(
                'preprocessing.pixel_order is neither "row-major" nor a permutation of all pixels'
            )
        return cls(
            data["height"],
            data["width"],
            tuple(data["mean"]),
            tuple(data["std"]),
            None if order == "row-major" else tuple(order),
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one image: (height, width), or (height, width, 3) in colour."""
        channels = (len(self.mean),) if len(self.mean) > 1 else ()
        return (self.height, self.width, *channels)

    def __call__(self, images: NDArray[Any] | Tensor, like: Tensor) -> Tensor:
        """Images (batch, *shape), uint8 or float in [0, 1] -> (batch, L, channels) as `like`."""
        pixels = torch.as_tensor(images)
        if tuple(pixels.shape[1:]) != self.shape:
            raise ValueError(
                f"images have shape {tuple(pixels.shape)}, expected (batch, "
                f"{', '.join(map(str, self.shape))})"
            )
        if pixels.dtype == torch.uint8:
            pixels = pixels.to(like) / 255
        elif not pixels.is_floating_point():
            raise ValueError(f"images are {pixels.dtype}, expected uint8 or float in [0, 1]")
        elif not ((pixels >= 0) & (pixels <= 1)).all():
            raise ValueError("images as float must lie in [0, 1]")
        x = pixels.to(like).reshape(len(pixels), -1, len(self.mean))
        x = (x - like.new_tensor(self.mean)) / like.new_tensor(self.std)
        return x if self.pixel_order is None else x[:, torch.tensor(self.pixel_order)]


class ImageClassifier(nn.Module):
    """Callers give images in true row-major order, whatever order the network reads."""

    def __init__(
        self, network: nn.Module, preprocessing: Preprocessing, labels: tuple[str, ...]
    ) -> None:
        """Join the three; labels in the order of the network's outputs."""
        super().__init__()
        self.network = network
        self.preprocessing = preprocessing
        self.labels = labels

    @classmethod
    def of(cls, network: nn.Module, card: dict[str, Any]) -> Self:
        """Join a loaded network and what its card says. Raises ConfigError on a wrong one."""
        return cls(network, Preprocessing.from_json(card["preprocessing"]), tuple(card["labels"]))

    def forward(self, images: NDArray[Any] | Tensor) -> Tensor:
        """Images (batch, height, width) or (batch, height, width, 3) -> logits (batch, labels)."""
        like = next(self.network.parameters())
        logits: Tensor = self.network(self.preprocessing(images, like))
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


def _channels(values: Any) -> bool:
    """One number in [0, 1] for each of one or three channels."""
    return (
        isinstance(values, list)
        and len(values) in (1, 3)
        and all(type(v) in (int, float) and isfinite(v) and 0 <= v <= 1 for v in values)
    )
