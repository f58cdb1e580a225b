"""The convolutional network: what hooks need of it, and in which order it reads pixels."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

import explainer
from explainer.data.images import read_images
from explainer.models import checkpoint
from explainer.models.cnn import CNNConfig, ReLUCNN
from explainer.models.config import ConfigError
from explainer.models.image import ImageClassifier, predict

ASSETS = Path(explainer.__file__).parent / "assets"
CONFIG = CNNConfig(height=9, width=13, channels=3, labels=4)


def make(seed=0):
    torch.manual_seed(seed)
    return ReLUCNN(CONFIG).double().eval()


def test_pixels_are_read_row_by_row():
    """A network whose only weight looks one pixel to the left answers to that pixel alone."""
    model = make()
    for weight in model.parameters():
        nn.init.zeros_(weight)
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    convolutions[0].weight.data[0, 0, 2, 1] = 1
    for convolution in convolutions[1:]:
        convolution.weight.data[0, 0, 1, 1] = 1
    model.decoder.weight.data[0] = 1
    image = torch.zeros(9, 13, dtype=torch.float64)
    image[5, 4] = 7.0
    assert model(image.reshape(1, -1, 1))[0, 0] == 7
    image = torch.zeros(9, 13, dtype=torch.float64)
    image[:, -1] = 7.0  # a row-major neighbour to the left of the next row is no neighbour
    assert model(image.reshape(1, -1, 1))[0, 0] == 0


def test_every_relu_is_a_module_used_once_and_not_in_place():
    model = make()
    calls = []
    relus = [module for module in model.modules() if isinstance(module, nn.ReLU)]
    for relu in relus:
        assert not relu.inplace
        relu.register_forward_hook(lambda module, given, out: calls.append(module))
    model(torch.randn(2, 117, 1, dtype=torch.float64))
    assert calls == relus
    assert not any(isinstance(m, (nn.GELU, nn.SiLU, nn.Tanh)) for m in model.modules())


def test_the_last_convolution_is_named():
    model = make()
    named = model.get_submodule(model.last_convolution)
    assert [m for m in model.modules() if isinstance(m, nn.Conv2d)][-1] is named
    shapes = []
    named.register_forward_hook(lambda module, given, out: shapes.append(tuple(out.shape)))
    model(torch.randn(2, 117, 1, dtype=torch.float64))
    assert shapes == [(2, 6, 2, 3)]  # a quarter of the image's sides: where Grad-CAM draws


def test_fills_a_network_without_weights():
    model = make()
    with torch.device("meta"):
        empty = ReLUCNN(CNNConfig.from_json(CONFIG.to_json()))
    empty.load_state_dict(model.state_dict(), assign=True)
    x = torch.randn(2, 117, 1, dtype=torch.float64)
    torch.testing.assert_close(empty.eval()(x), model(x), atol=0, rtol=0)


def test_an_image_too_small_to_pool_is_refused():
    with pytest.raises(ConfigError, match="height is 3, expected a whole number from 4"):
        CNNConfig(height=3, width=13, channels=3, labels=4)


def test_the_shipped_network_reads_99_percent_right():
    """So says its card; of the digits that ship, it reads more right than the S4D does."""
    network, card = checkpoint.load(ASSETS / "checkpoints" / "mnist-cnn")
    assert isinstance(network, ReLUCNN)
    assert card["metrics"]["test_accuracy"]["value"] >= 0.99
    assert card["metrics"]["test_accuracy"]["n"] == 10_000
    assert card["parameters"] < 60_000
    about = json.loads((ASSETS / "data" / "mnist-200.json").read_text())
    sample = read_images(ASSETS / "data" / "mnist-200.npz", about["sha256"])
    predicted = predict(ImageClassifier.of(network, card), sample.images).argmax(-1)
    assert (predicted == sample.labels).mean() > 1 - about["wrong"] / about["images"]
