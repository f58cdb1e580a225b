"""S4D against the original's numbers, and its three ways of computing against one another."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from explainer.models.s4 import DiagonalKernel, S4Layer, convolve, scan
from explainer.models.sequence import SequenceClassifier, Sizes
from tests.explainer.conftest import GOLDEN


def renamed(name):
    for old, new in (
        ("decoder.0.output_transform", "decoder"),
        ("encoder.0", "encoder"),
        ("model.layers", "blocks"),
        ("layer.layer", "layer"),
        ("layer.output_linear.0", "layer.output"),
        ("norm.norm", "norm"),
        ("model.norm", "norm"),
    ):
        name = name.replace(old, new)
    return name


@pytest.fixture(scope="module")
def original():
    """The original's layout: 3 layers, 128 channels, 64 states; random weights."""
    model = SequenceClassifier(Sizes(inputs=1, width=128, layers=3, state=32, labels=10))
    state = {}
    for name, tensor in load_file(GOLDEN / "s4d_state_dict.safetensors").items():
        extra_axis = name.endswith((".D", ".kernel.B", ".kernel.C"))
        state[renamed(name)] = tensor[0] if extra_axis else tensor
    model.load_state_dict(state)
    return model.eval().requires_grad_(False)


@pytest.mark.parametrize("edge", ["", "_edge"])
def test_logits_agree_with_the_original(original, golden, edge):
    """REFERENCES: logits 2e-5 in float32, 1e-9 in float64."""
    io = golden("s4d_io.npz")
    x = torch.from_numpy(io[f"x{edge}"])
    np.testing.assert_allclose(original(x), io[f"logits{edge}"], atol=2e-5, rtol=0)
    double = SequenceClassifier(original.sizes).double().eval()
    double.load_state_dict(original.state_dict())
    with torch.no_grad():
        logits = double(x.double())
    np.testing.assert_allclose(logits, io[f"logits{edge}_fp64"], atol=1e-9, rtol=0)


def test_activations_agree_with_the_original(original, golden):
    """REFERENCES: activations 2e-4."""
    io = golden("s4d_io.npz")
    seen = {}
    parts = {f"act_block{k}": block for k, block in enumerate(original.blocks)}
    parts["act_final_norm"] = original.norm
    hooks = [
        part.register_forward_hook(lambda _m, _i, out, name=name: seen.update({name: out}))
        for name, part in parts.items()
    ]
    original(torch.from_numpy(io["x"][:1]))
    for hook in hooks:
        hook.remove()
    for name, out in seen.items():  # (H, batch, L)
        np.testing.assert_allclose(out[:, 0, ::56].T, io[name], atol=2e-4, rtol=0)


def test_kernel_agrees_with_the_original(original, golden):
    """REFERENCES: K 1e-5; the recurrence is exact."""
    expected = golden("s4d_kernel.npz")
    kernel = original.blocks[0].layer.kernel
    for length in (784, 1000):
        K = kernel(length)
        np.testing.assert_allclose(K[:16], expected[f"K_{length}"], atol=1e-5, rtol=0)
    double = DiagonalKernel(128, 32).double()
    double.load_state_dict(kernel.state_dict())
    with torch.no_grad():
        for length in (784, 1000):
            np.testing.assert_allclose(
                double(length)[:8], expected[f"K_{length}_fp64"], atol=1e-11, rtol=0
            )
        for found, name in zip(double.recurrence(), ("dA", "dB", "dC"), strict=True):
            np.testing.assert_allclose(found[0], expected[name], atol=1e-14, rtol=0)


def test_streaming_agrees_with_the_original(original, golden):
    io = golden("s4d_io.npz")
    model = SequenceClassifier(original.sizes).double().eval()
    model.load_state_dict(original.state_dict())
    x = torch.from_numpy(io["x"][:1]).double()
    stream = model.start(1)
    with torch.no_grad():
        for k in range(x.shape[1]):
            logits, stream = model.step(x[:, k], stream)
    np.testing.assert_allclose(logits, io["logits_fp64"][:1], atol=1e-9, rtol=0)


def test_initialisation_is_s4d_lin():
    kernel = DiagonalKernel(3, 4)
    A = torch.complex(-kernel.A_real.exp(), -kernel.A_imag)
    expected = torch.complex(torch.full((1, 4), -0.5), -torch.pi * torch.arange(4.0))
    torch.testing.assert_close(A, expected, atol=1e-4, rtol=0)
    dt = torch.nn.functional.softplus(kernel.inv_dt)
    assert 1e-3 * 0.999 < dt.min() < dt.max() < 1e-1 * 1.001


@settings(max_examples=25, deadline=None)
@given(length=st.integers(1, 200), batch=st.integers(1, 3), chunk=st.integers(1, 60))
def test_scan_equals_convolution(length, batch, chunk):
    torch.manual_seed(length)
    kernel = DiagonalKernel(3, 4).double()
    u = torch.randn(3, batch, length, dtype=torch.float64)
    with torch.no_grad():
        found = scan(u, kernel.chunks(chunk))
        torch.testing.assert_close(found, convolve(u, kernel(length)), atol=1e-11, rtol=0)


@settings(max_examples=10, deadline=None)
@given(length=st.integers(1, 130))
def test_sequence_equals_steps(length):
    torch.manual_seed(length)
    layer = S4Layer(DiagonalKernel(4, 5), 4).double().eval()
    u = torch.randn(4, 2, length, dtype=torch.float64)
    state = layer.start(2)
    steps = []
    with torch.no_grad():
        for k in range(length):
            y, state = layer.step(u[..., k], state)
            steps.append(y)
        torch.testing.assert_close(torch.stack(steps, -1), layer(u), atol=1e-12, rtol=0)


def test_gradients_of_scan_equal_those_of_convolution():
    torch.manual_seed(0)
    kernel = DiagonalKernel(3, 4).double()
    u = torch.randn(3, 2, 130, dtype=torch.float64, requires_grad=True)
    wanted = [u, *kernel.parameters()]
    weight = torch.randn(3, 2, 130, dtype=torch.float64)
    by_scan = torch.autograd.grad((scan(u, kernel.chunks(56)) * weight).sum(), wanted)
    by_fft = torch.autograd.grad((convolve(u, kernel(130)) * weight).sum(), wanted)
    for a, b in zip(by_scan, by_fft, strict=True):
        torch.testing.assert_close(a, b, atol=1e-9, rtol=1e-9)


def count_kernels(layer):
    """Count how often the layer's kernel is computed."""
    counted = []
    compute = layer.kernel.chunks
    layer.kernel.chunks = lambda length: counted.append(length) or compute(length)
    return counted


def fresh(layer, u):
    """What a layer with the same weights and nothing kept gives."""
    other = S4Layer(DiagonalKernel(4, 5), 4).to(u).eval()
    other.load_state_dict(layer.state_dict())
    with torch.no_grad():
        return other(u)


def test_kernel_is_kept_while_weights_are_frozen_and_rebuilt_in_training():
    layer = S4Layer(DiagonalKernel(4, 5), 4).eval()
    counted = count_kernels(layer)
    u = torch.randn(4, 2, 60)
    with torch.no_grad():
        layer(u)
        layer(u)
    assert len(counted) == 1
    layer(u)  # gradients are on: somebody may want those of the kernel
    assert len(counted) == 2
    layer.requires_grad_(False)
    layer(u)
    assert len(counted) == 2
    layer.train()
    with torch.no_grad():
        layer(u)
        layer(u)
    assert len(counted) == 4


@pytest.mark.parametrize("change", ["optimiser", "load", "in place", "skip", "dtype"])
def test_kept_kernel_is_dropped_when_weights_change(change):
    torch.manual_seed(0)
    layer = S4Layer(DiagonalKernel(4, 5), 4).eval()
    u = torch.randn(4, 2, 60)
    with torch.no_grad():
        before = layer(u)
    if change == "optimiser":
        layer(u).sum().backward()
        torch.optim.SGD(layer.parameters(), lr=0.1).step()
    elif change == "load":
        layer.load_state_dict(S4Layer(DiagonalKernel(4, 5), 4).state_dict())
    elif change == "in place":
        with torch.no_grad():
            layer.kernel.C.mul_(2)
    elif change == "skip":
        with torch.no_grad():
            layer.D.add_(1)
    else:
        layer.double()
        u = u.double()
    with torch.no_grad():
        after = layer(u)
    torch.testing.assert_close(after, fresh(layer, u), atol=0, rtol=0)
    assert change == "dtype" or not torch.allclose(before, after)


def test_a_kernel_kept_in_inference_mode_can_be_used_with_gradients():
    layer = S4Layer(DiagonalKernel(4, 5), 4).eval().requires_grad_(False)
    u = torch.randn(4, 2, 60)
    with torch.inference_mode():
        layer(u)
    v = u.clone().requires_grad_()
    layer(v).sum().backward()
    assert v.grad is not None
