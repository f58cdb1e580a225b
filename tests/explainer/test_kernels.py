"""Kernels: their recurrence, chunks and impulse answers are one system, and the original's."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explainer.models import kernels
from explainer.models.config import ConfigError
from explainer.models.kernels import KernelConfig
from explainer.models.s4 import convolve, scan

LOW_RANK = {"kernel": "low-rank", "hold": "bilinear"}
KINDS = [
    {"init": "lin"},
    {"init": "inv", "hold": "bilinear", "systems": 3},
    {"init": "legs", "dt": "exp"},
    {"init": "legs", **LOW_RANK},
    {"init": "legt", "systems": 2, **LOW_RANK},
    {"init": "fourier", "dt": "exp", **LOW_RANK},
]


def made(kind, directions=1, seed=0):
    torch.manual_seed(seed)
    config = KernelConfig(width=6, state=8, length=64, **kind)
    return kernels.make(config, directions).double().requires_grad_(False)


def impulse(kernel, length, rate, direction=0):
    """The answer to 1, 0, 0, ... step by step."""
    recurrence = kernel.recurrence(rate)
    x = torch.zeros(6, 1, 8, dtype=torch.cdouble)
    steps = []
    for k in range(length):
        u = torch.full((6, 1), float(k == 0), dtype=torch.double)
        y, x = recurrence.step(u, x, direction)
        steps.append(y[:, 0])
    return torch.stack(steps, -1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rate", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("length", [1, 63, 64, 100])
def test_kernel_is_the_recurrences_impulse_answer(kind, rate, length):
    """Also past the length that a low-rank kernel is stated for (64), where the original cut it."""
    kernel = made(kind, directions=2)
    K = kernel(length, rate)
    assert K.shape == (2, 6, length)
    for direction in (0, 1):
        expected = impulse(kernel, length, rate, direction)
        torch.testing.assert_close(K[direction], expected, atol=1e-9, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_half_the_rate_is_half_the_step(kind):
    """Step sizes halved by hand give what rate 1/2 gives."""
    kernel = made({**kind, "dt": "exp"})
    other = made({**kind, "dt": "exp"})
    if kind.get("kernel"):  # C is stated for another step size: restate it
        plain = kernel.recurrence().C
        other.C.copy_(torch.view_as_real(plain.resolve_conj()))
    other.inv_dt.sub_(np.log(2))
    if kind.get("kernel"):
        other.state_length()
    torch.testing.assert_close(kernel(50, 0.5), other(50), atol=1e-9, rtol=0)


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    length=st.integers(1, 200),
    batch=st.integers(1, 3),
    chunk=st.integers(1, 60),
)
def test_scan_equals_convolution(kind, length, batch, chunk):
    kernel = made(kind, seed=length)
    u = torch.randn(6, batch, length, dtype=torch.float64)
    found, _ = scan(u, kernel.chunks(chunk))
    torch.testing.assert_close(found, convolve(u, kernel(length)[0]), atol=1e-9, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_kernel_equal_those_of_steps(kind):
    kernel = made(kind).requires_grad_(True)
    weight = torch.randn(6, 40, dtype=torch.float64)
    wanted = list(kernel.parameters())
    by_kernel = torch.autograd.grad((kernel(40)[0] * weight).sum(), wanted)
    by_steps = torch.autograd.grad((impulse(kernel, 40, 1.0) * weight).sum(), wanted)
    for a, b in zip(by_kernel, by_steps, strict=True):
        torch.testing.assert_close(a, b, atol=1e-8, rtol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_starts_stable_with_step_sizes_in_range(kind):
    kernel = made({**kind, "dt_min": 1e-2, "dt_max": 2e-2})
    inv = kernel.inv_dt
    dt = inv.exp() if kind.get("dt") == "exp" else torch.nn.functional.softplus(inv)
    assert 0.0099 < dt.min() <= dt.max() < 0.0201
    assert kernel(400).abs().max() < 1e3


def test_initialisation_is_s4d_lin():
    kernel = kernels.make(KernelConfig(width=3, state=4))
    A = torch.complex(-kernel.A_real.exp(), -kernel.A_imag)
    expected = torch.complex(torch.full((1, 4), -0.5), -torch.pi * torch.arange(4.0))
    torch.testing.assert_close(A, expected, atol=1e-4, rtol=0)


def test_starts_on_the_meta_device():
    with torch.device("meta"):
        kernel = kernels.make(KernelConfig(width=8, init="legs", **LOW_RANK))
    assert all(weight.is_meta for weight in kernel.parameters())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"systems": 4}, "systems is 4, which does not divide width 6"),
        ({"dt_min": 1.0, "dt_max": 0.1}, "dt_max is 0.1, less than dt_min 1.0"),
        ({"init": "legt"}, "a diagonal kernel starts as one of lin, inv, legs"),
        ({"init": "lin", **LOW_RANK}, "a low-rank kernel starts as one of legs, legt, fourier"),
        ({"kernel": "low-rank", "init": "legs"}, "a low-rank kernel is held by bilinear"),
        ({"state": 0}, "state is 0, expected a whole number from 1"),
        ({"dt_max": float("nan")}, "dt_max is nan, expected a number"),
    ],
)
def test_impossible_configurations(fields, message):
    with pytest.raises(ConfigError, match=message):
        KernelConfig(width=6, **fields)
