"""Grad-CAM against its equations, and class activation maps, which it generalises."""

import numpy as np
import pytest
import torch
from conftest import SIDE, tiny_model
from test_gradient import IMAGE, PIXELS, Linear, image_subject, run, text_subject
from torch import nn

from explainer.methods import MethodError
from explainer.models.cnn import CNNConfig, ReLUCNN


@pytest.fixture
def cnn():
    torch.manual_seed(2)
    return image_subject(ReLUCNN(CNNConfig(SIDE, SIDE, 4, 3)))


def test_equations_1_and_2(cnn):
    """Maps weighed by their mean gradient, the positive part, brought to the image's size."""
    stimulus = cnn.stimulus(IMAGE)
    features, decoder = cnn.network.features, cnn.network.decoder
    x = cnn.embed(stimulus).reshape(1, 1, SIDE, SIDE)
    found = run(cnn, stimulus, "grad_cam")
    for column in range(3):
        maps = features[:7](x).requires_grad_()  # to the last convolution, before its ReLU
        (slopes,) = torch.autograd.grad(decoder(features[7:](maps).flatten(1))[0, column], maps)
        cam = (slopes.mean((2, 3), keepdim=True) * maps).sum(1, keepdim=True).relu().detach()
        large = nn.functional.interpolate(cam, (SIDE, SIDE), mode="bilinear")
        np.testing.assert_allclose(found.values[:, column], large.flatten(), atol=1e-12)
    assert found.values.max() > 0
    assert (found.values >= 0).all()
    assert "features.convolution3" in found.value_function


def test_a_layer_by_number(cnn):
    stimulus = cnn.stimulus(IMAGE)
    last, first, third = (run(cnn, stimulus, "grad_cam", layer=k) for k in ("last", 0, 2))
    np.testing.assert_array_equal(last.values, third.values)
    assert not np.allclose(first.values, last.values)
    assert "features.convolution1" in first.value_function
    with pytest.raises(MethodError, match=r"there are 3 .*from 0"):
        run(cnn, stimulus, "grad_cam", layer=3)


@pytest.mark.parametrize("permuted", [False, True])
def test_over_time_it_is_the_class_activation_map(permuted):
    """Zhou et al. 2016, arXiv:1512.04150, eq. 2: w_c h_t, where only a mean follows the layer.

    The positive part over the number of steps, at the pixels in true order.
    """
    model = tiny_model(permuted)
    network = model.network
    network.backbone.norm = nn.Identity()
    subject = image_subject(network, model.preprocessing.pixel_order)
    stimulus = subject.stimulus(IMAGE)
    h = []
    handle = network.backbone.register_forward_hook(lambda module, given, out: h.append(out))
    subject.score_embedded(subject.embed(stimulus)[None], stimulus)
    handle.remove()
    cam = (network.decoder.weight @ h[0][:, 0]).relu() / PIXELS  # (labels, L)
    order = list(model.preprocessing.pixel_order or range(PIXELS))
    expected = np.zeros((PIXELS, 3))
    expected[order] = cam.T.numpy()
    assert expected.max() > 0
    found = run(subject, stimulus, "grad_cam")
    np.testing.assert_allclose(found.values, expected, atol=1e-12)
    assert "backbone.blocks.1" in found.value_function


def test_a_text_has_no_share_for_its_end():
    subject = text_subject()
    stimulus = subject.stimulus("a good film")
    found = run(subject, stimulus, "grad_cam", [0, 1])
    assert found.values.shape == (3, 2)
    assert found.values.max() > 0


def test_other_networks_have_no_maps():
    subject = image_subject(Linear())
    with pytest.raises(MethodError, match="neither: use integrated_gradients"):
        run(subject, subject.stimulus(IMAGE), "grad_cam")
