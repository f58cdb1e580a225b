"""Relevance with held gates: exact where it must be, and what it holds written out elsewhere."""

import numpy as np
import pytest
import torch
from conftest import SIDE
from test_gradient import IMAGE, Linear, image_subject, run, text_subject
from torch import nn

from explainer.methods import MethodError
from explainer.methods.lrp import HeldGates
from explainer.models.sequence import SequenceClassifier, SequenceClassifierConfig, StepNorm


def s4(**options):
    torch.manual_seed(4)
    config = SequenceClassifierConfig(inputs=1, width=6, layers=2, state=4, labels=3, **options)
    network = SequenceClassifier(config)
    for module in network.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.LayerNorm)):
            nn.init.normal_(module.weight, 1, 0.2)
            nn.init.normal_(module.bias)
    network.decoder.weight.data.mul_(8)
    return image_subject(network)


def logits(subject, x):
    return subject.network(x[None])[0]


@pytest.mark.parametrize(
    "kernel", [{"kernel": "diagonal"}, {"kernel": "low-rank", "init": "legs", "hold": "bilinear"}]
)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_linear_layers_are_explained_exactly(monkeypatch, kernel, bidirectional):
    """Without GELU: relevances and the logits of a zero input add up, and nothing is held."""
    monkeypatch.setattr(nn.functional, "gelu", lambda y: y)
    subject = s4(mix="linear", bidirectional=bidirectional, **kernel)
    stimulus = subject.stimulus(IMAGE)
    found = run(subject, stimulus, "lrp")
    x = subject.embed(stimulus)
    with torch.no_grad():
        np.testing.assert_allclose(found.base_values, logits(subject, x * 0), atol=1e-9)
        np.testing.assert_allclose(found.full_values, logits(subject, x), atol=1e-9)
    total = found.base_values + found.values.sum(0)
    np.testing.assert_allclose(total, found.full_values, atol=1e-9)
    times = run(subject, stimulus, "gradient_input").values
    np.testing.assert_allclose(found.values, times, atol=1e-12)
    assert np.abs(found.values).max() > 1e-3


@pytest.mark.parametrize("norm", ["batch", "layer"])
@pytest.mark.parametrize("pattern", ["s4", "s4-ff"])
@pytest.mark.parametrize("prenorm", [True, False])
def test_gated_layers_add_up_with_their_biases(norm, pattern, prenorm):
    subject = s4(norm=norm, pattern=pattern, prenorm=prenorm)
    stimulus = subject.stimulus(IMAGE)
    found = run(subject, stimulus, "lrp")
    total = found.base_values + found.values.sum(0)
    np.testing.assert_allclose(total, found.full_values, atol=1e-9)
    assert found.complete
    assert not np.allclose(found.values, run(subject, stimulus, "gradient_input").values, atol=1e-4)


def test_what_is_held_is_what_the_source_holds(monkeypatch):
    """The same network with detached gates written into it, differentiated as usual."""
    subject = s4(norm="layer", pattern="s4-ff")
    stimulus = subject.stimulus(IMAGE)
    found = run(subject, stimulus, "lrp")

    def gelu(y):
        return y * ((1 + torch.erf(y / 2**0.5)) / 2).detach()

    def glu(z, dim):
        a, b = z.chunk(2, dim)
        return a * torch.sigmoid(b).detach()

    def norm(self, h):
        spread = torch.sqrt(h.var(0, unbiased=False) + self.eps).detach()
        scaled = (h - h.mean(0)) / spread
        return scaled * self.weight[:, None, None] + self.bias[:, None, None]

    monkeypatch.setattr(nn.functional, "gelu", gelu)
    monkeypatch.setattr(nn.functional, "glu", glu)
    monkeypatch.setattr(StepNorm, "forward", norm)
    x = subject.embed(stimulus).requires_grad_()
    for column in range(3):
        (slope,) = torch.autograd.grad(logits(subject, x)[column], x)
        expected = (slope * x).detach().sum(-1)
        np.testing.assert_allclose(found.values[:, column], expected, atol=1e-10)


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_holding_changes_no_value(approximate):
    x = torch.randn(4, 6, dtype=torch.float64, requires_grad=True)
    norm = nn.LayerNorm(6).double()
    nn.init.normal_(norm.bias)
    plain = nn.functional.layer_norm(x, (6,))
    expected = [nn.functional.gelu(x, approximate=approximate), nn.functional.glu(x, -1), norm(x)]
    with HeldGates():
        found = [nn.functional.gelu(x, approximate=approximate), nn.functional.glu(x, -1), norm(x)]
        found.append(nn.functional.layer_norm(x, (6,)))
    for a, b in zip(found, [*expected, plain], strict=True):
        torch.testing.assert_close(a, b, atol=1e-12, rtol=0)
    for one, other in zip(found[:2], expected[:2], strict=True):
        slopes = [torch.autograd.grad(y.sum(), x, retain_graph=True)[0] for y in (one, other)]
        assert not torch.allclose(*slopes)


def test_of_a_text_with_the_end_in_the_base():
    subject = text_subject()
    stimulus = subject.stimulus("a good film")
    found = run(subject, stimulus, "lrp", [0, 1])
    total = found.base_values + found.values.sum(0)
    np.testing.assert_allclose(total, found.full_values, atol=1e-9)
    assert found.values.shape == (3, 2)
    assert found.value_function.startswith("logit;")


def test_a_network_without_s4_layers_is_refused():
    subject = image_subject(Linear())
    with pytest.raises(MethodError, match="has none: use gradient_input"):
        run(subject, subject.stimulus(IMAGE), "lrp")


def test_patches_have_the_sum_of_their_pixels():
    subject = s4()
    stimulus = subject.stimulus(IMAGE)
    each = run(subject, stimulus, "lrp").values
    patches = run(subject, stimulus, "lrp", players="patches", size=SIDE)
    np.testing.assert_allclose(patches.values[0], each.sum(0), atol=1e-12)
