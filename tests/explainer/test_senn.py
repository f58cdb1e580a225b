"""The self-explaining network against its definition, spelled out with whole Jacobians."""

import pytest
import torch

from explainer.models.senn import SENN, SENNConfig, linearity_loss

CONFIG = SENNConfig(height=6, width=9, concepts=5, hidden=12, channels=2, labels=3)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return SENN(CONFIG).double().eval()


@pytest.fixture
def x():
    torch.manual_seed(1)
    return torch.randn(4, 54, 1, dtype=torch.float64)


def jacobian(function, x):
    """Of each example by itself: (batch, outputs, pixels)."""
    return torch.stack(
        [
            torch.autograd.functional.jacobian(lambda one: function(one[None])[0], each).flatten(-2)
            for each in x
        ]
    )


def test_logits_are_relevances_times_concepts(model, x):
    found = model.explain(x)
    expected = torch.einsum("bck,bk->bc", model.relevances(x), model.concepts(x))
    torch.testing.assert_close(found.logits, expected, atol=1e-12, rtol=0)
    torch.testing.assert_close(model(x), expected, atol=1e-12, rtol=0)
    torch.testing.assert_close(model.float()(x.float()), expected.float(), atol=1e-6, rtol=0)
    assert (found.concepts > 0).all()
    assert (found.concepts < 1).all()


def test_linearity_is_the_distance_of_two_gradients(model, x):
    J_f = jacobian(model, x)
    J_h = jacobian(model.concepts, x)
    difference = J_f - torch.einsum("bck,bkp->bcp", model.relevances(x), J_h)
    expected = difference.flatten(1).norm(dim=1)
    found = linearity_loss(model, x, model.concepts(x))
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)
    assert (expected > 0.01).all()
    with torch.no_grad():
        unattached = linearity_loss(model, x, model.concepts(x))
    torch.testing.assert_close(unattached, expected, atol=1e-12, rtol=0)
    assert not unattached.requires_grad


def test_linearity_trains_relevances_and_concepts(model, x):
    """Its gradient agrees with finite differences in both parts of the product."""

    def loss():
        return linearity_loss(model, x, model.concepts(x)).sum()

    for weight in (model.theta[2].weight, model.encoder[1].weight):
        gradient = torch.autograd.grad(loss(), weight)[0]
        direction = torch.randn_like(weight)
        step = 1e-6
        with torch.no_grad():
            weight.add_(step * direction)
            above = loss()
            weight.sub_(2 * step * direction)
            below = loss()
            weight.add_(step * direction)
        measured = (above - below) / (2 * step)
        torch.testing.assert_close((gradient * direction).sum(), measured, atol=1e-6, rtol=1e-5)


def test_constant_relevances_are_linear(model, x):
    model.theta[-2].weight.data.zero_()
    torch.testing.assert_close(
        linearity_loss(model, x, model.concepts(x)), torch.zeros(4, dtype=torch.float64)
    )


def test_a_reconstruction_has_the_shape_of_its_image(model, x):
    assert model.reconstruct(x).shape == x.shape


def test_relevances_see_the_image_row_by_row(model):
    """A pixel at the left edge and the row-major pixel before it lie at opposite edges."""
    model.theta[2].bias.data.zero_()
    seen = []
    model.theta[2].register_forward_hook(lambda module, given, out: seen.append(out))
    for pixel in (2 * 9, 2 * 9 - 1):
        x = torch.zeros(1, 54, 1, dtype=torch.float64)
        x[0, pixel] = 1
        model.relevances(x)
    left, right = (out[0].abs().sum((0, 1)) for out in seen)  # (columns,)
    assert left[:2].all()
    assert not left[2:].any()
    assert right[-1] > 0
    assert not right[:2].any()


def test_fills_a_network_without_weights(model, x):
    with torch.device("meta"):
        empty = SENN(SENNConfig.from_json(CONFIG.to_json()))
    empty.load_state_dict(model.state_dict(), assign=True)
    torch.testing.assert_close(empty.eval()(x), model(x), atol=0, rtol=0)
