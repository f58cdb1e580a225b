"""A small convolutional network of rectified linear units.

It is the counterpart of the sequence models on which guided backpropagation and Grad-CAM mean
something: every ReLU is a module of its own, used once and not in place, so that it can be hooked,
and its last convolution, which Grad-CAM weighs, has a name.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from explainer.models.config import Config, whole


@dataclass(frozen=True)
class CNNConfig(Config):
    """Height and width of an image in pixels, channels of the first layer, and classes."""

    height: int = whole(1024, 4)
    width: int = whole(1024, 4)
    channels: int = whole(1024)
    labels: int = whole(65536)


class ReLUCNN(nn.Module):
    """Three convolutions, two poolings by maximum, and a linear decoder.

    x (batch, height * width, 1), pixels row by row -> logits (batch, labels).
    """

    architecture: ClassVar[str] = "relu-cnn"
    config_type: ClassVar[type[Config]] = CNNConfig
    last_convolution: ClassVar[str] = "features.convolution3"

    def __init__(self, config: CNNConfig) -> None:
        """Draw initial weights from torch's generator."""
        super().__init__()
        self.config = config
        C = config.channels
        self.features = nn.Sequential(
            OrderedDict(
                convolution1=nn.Conv2d(1, C, 5, padding=2),
                relu1=nn.ReLU(),
                pool1=nn.MaxPool2d(2),
                convolution2=nn.Conv2d(C, 2 * C, 3, padding=1),
                relu2=nn.ReLU(),
                pool2=nn.MaxPool2d(2),
                convolution3=nn.Conv2d(2 * C, 2 * C, 3, padding=1),
                relu3=nn.ReLU(),
            )
        )
        self.decoder = nn.Linear(2 * C * (config.height // 4) * (config.width // 4), config.labels)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of a batch of images."""
        images = x.reshape(-1, 1, self.config.height, self.config.width)
        logits: Tensor = self.decoder(self.features(images).flatten(1))
        return logits
