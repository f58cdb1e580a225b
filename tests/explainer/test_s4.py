"""S4 layers: whole sequences, chunks and steps are one function, kept while nobody trains."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explainer.models.s4 import CHUNK, LayerConfig, S4Layer, convolve, scan

LOW_RANK = {"kernel": "low-rank", "init": "legs", "hold": "bilinear", "length": 80}
KINDS = [{}, LOW_RANK]


def made(seed=0, **fields):
    torch.manual_seed(seed)
    return S4Layer(LayerConfig(width=4, state=5, **fields)).double().eval()


@settings(max_examples=20, deadline=None)
@given(kind=st.sampled_from(KINDS), length=st.integers(1, 150))
def test_sequence_equals_steps(kind, length):
    layer = made(length, **kind).requires_grad_(False)
    u = torch.randn(4, 2, length, dtype=torch.float64)
    state = layer.start(2)
    steps = []
    for k in range(length):
        y, state = layer.step(u[..., k], state)
        steps.append(y)
    torch.testing.assert_close(torch.stack(steps, -1), layer(u), atol=1e-9, rtol=0)


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    pieces=st.lists(st.integers(1, 2 * CHUNK + 3), min_size=1, max_size=5),
)
def test_sequence_equals_chunks_that_carry_the_state(kind, pieces):
    layer = made(len(pieces), **kind).requires_grad_(False)
    u = torch.randn(4, 2, sum(pieces), dtype=torch.float64)
    state = layer.start(2)
    found = []
    for piece in u.split(pieces, -1):
        y, state = layer.advance(piece, state)
        found.append(y)
    torch.testing.assert_close(torch.cat(found, -1), layer(u), atol=1e-9, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_state_resumes_anywhere(kind, tmp_path):
    layer = made(**kind).requires_grad_(False)
    u = torch.randn(4, 2, 100, dtype=torch.float64)
    for at in (1, CHUNK, 77):
        _, state = layer.advance(u[..., :at], layer.start(2))
        before = state.clone()
        torch.save(state, tmp_path / "state.pt")
        again = made(**kind).requires_grad_(False)
        state = torch.load(tmp_path / "state.pt", weights_only=True)
        rest, _ = again.advance(u[..., at:], state)
        torch.testing.assert_close(rest, layer(u)[..., at:], atol=1e-9, rtol=0)
        assert (state == before).all()


@pytest.mark.parametrize("kind", KINDS)
def test_in_training_by_another_way_to_the_same_numbers(kind):
    """A low-rank layer trains by FFT and infers by chunks."""
    layer = made(**kind)
    u = torch.randn(4, 2, 130, dtype=torch.float64)
    with torch.no_grad():
        inferred = layer(u)
    torch.testing.assert_close(layer.train()(u), inferred, atol=1e-9, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_another_rate_and_back(kind):
    layer = made(dt="exp", **kind).requires_grad_(False)
    u = torch.randn(4, 2, 60, dtype=torch.float64)
    assert not torch.allclose(layer(u, 2.0), layer(u))
    torch.testing.assert_close(layer(u, 1.0), layer(u))
    if not kind:
        layer.kernel.inv_dt.add_(math.log(2))
        doubled = layer(u)
        layer.kernel.inv_dt.sub_(math.log(2))
        torch.testing.assert_close(layer(u, 2.0), doubled, atol=1e-9, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", [1, 2, 60])
def test_bidirectional_reads_each_other_step_once(kind, length):
    """y[i] = sum over j <= i of K[i-j] u[j] + sum over j > i of K'[j-i-1] u[j] + D u[i]."""
    layer = made(bidirectional=True, mix="linear", **kind).requires_grad_(False)
    layer.output.weight.copy_(torch.eye(4))
    layer.output.bias.zero_()
    u = torch.randn(4, 1, length, dtype=torch.float64)
    forth, back = layer.kernel(length)
    expected = torch.zeros(4, length, dtype=torch.float64)
    for i in range(length):
        for j in range(length):
            K = forth[:, i - j] if j <= i else back[:, j - i - 1]
            expected[:, i] += K * u[:, 0, j]
        expected[:, i] += layer.D * u[:, 0, i]
    found = layer(u)[:, 0]
    torch.testing.assert_close(found, torch.nn.functional.gelu(expected), atol=1e-9, rtol=0)
    layer.train()
    torch.testing.assert_close(layer(u)[:, 0], found, atol=1e-9, rtol=0)
    with pytest.raises(ValueError, match="bidirectional model reads the whole sequence"):
        layer.start(1)


def test_dropout_tied_over_steps_and_not():
    for tied in (True, False):
        layer = made(dropout=0.5, tied=tied, mix="linear").train().requires_grad_(False)
        layer.output.weight.copy_(torch.eye(4))
        layer.output.bias.zero_()
        gone = layer(torch.randn(4, 30, 20, dtype=torch.float64)) == 0
        assert 0.35 < gone.double().mean() < 0.65
        whole = (gone.all(-1) | ~gone.any(-1)).all()
        assert whole == tied
        assert not (layer.eval()(torch.randn(4, 3, 20, dtype=torch.float64)) == 0).any()


def test_gradients_of_scan_equal_those_of_convolution():
    kernel = made().kernel
    u = torch.randn(4, 2, 130, dtype=torch.float64, requires_grad=True)
    wanted = [u, *kernel.parameters()]
    weight = torch.randn(4, 2, 130, dtype=torch.float64)
    by_scan = torch.autograd.grad((scan(u, kernel.chunks(56))[0] * weight).sum(), wanted)
    by_fft = torch.autograd.grad((convolve(u, kernel(130)[0]) * weight).sum(), wanted)
    for a, b in zip(by_scan, by_fft, strict=True):
        torch.testing.assert_close(a, b, atol=1e-9, rtol=1e-9)


def count(layer, name):
    """Count how often the layer's kernel computes something."""
    counted = []
    compute = getattr(layer.kernel, name)
    setattr(layer.kernel, name, lambda *given: counted.append(given) or compute(*given))
    return counted


def fresh(layer, u, kind):
    """What a layer with the same weights and nothing kept gives."""
    other = S4Layer(LayerConfig(width=4, state=5, **kind)).to(u).eval()
    other.load_state_dict(layer.state_dict())
    with torch.no_grad():
        return other(u)


@pytest.mark.parametrize("kind", KINDS)
def test_kernel_is_kept_while_weights_are_frozen_and_rebuilt_in_training(kind):
    layer = made(**kind)
    chunks, kernels = count(layer, "chunks"), count(layer, "forward")
    u = torch.randn(4, 2, 60, dtype=torch.float64)
    with torch.no_grad():
        layer(u)
        layer(u)
    assert (len(chunks), len(kernels)) == (1, 0)
    layer(u)  # gradients are on: somebody may want those of the kernel
    assert len(chunks) + len(kernels) == 2
    layer.requires_grad_(False)
    layer(u)
    assert len(chunks) + len(kernels) == 2
    layer(u, 2.0)
    layer(u, 2.0)
    assert len(chunks) + len(kernels) == 3
    layer.train()
    layer(u)
    layer(u)
    assert len(chunks) + len(kernels) == 5


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", ["optimiser", "load", "in place", "skip", "dtype"])
def test_kept_kernel_is_dropped_when_weights_change(change, kind):
    layer = made(**kind)
    u = torch.randn(4, 2, 60, dtype=torch.float64)
    with torch.no_grad():
        before = layer(u)
    if change == "optimiser":
        layer(u).sum().backward()
        torch.optim.SGD(layer.parameters(), lr=0.1).step()
    elif change == "load":
        layer.load_state_dict(made(seed=1, **kind).state_dict())
    elif change == "in place":
        with torch.no_grad():
            layer.kernel.C.mul_(2)
    elif change == "skip":
        with torch.no_grad():
            layer.D.add_(1)
    else:
        layer.float()
        u = u.float()
    with torch.no_grad():
        after = layer(u)
    torch.testing.assert_close(after, fresh(layer, u, kind), atol=0, rtol=0)
    assert change == "dtype" or not torch.allclose(before, after)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kernel_kept_in_inference_mode_can_be_used_with_gradients(kind):
    layer = made(**kind).requires_grad_(False)
    u = torch.randn(4, 2, 60, dtype=torch.float64)
    with torch.inference_mode():
        layer(u)
    v = u.clone().requires_grad_()
    layer(v).sum().backward()
    assert v.grad is not None
