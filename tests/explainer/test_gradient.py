"""Gradients against closed forms, finite differences, and the definitions of their sources."""

import numpy as np
import pytest
import torch
from conftest import SIDE, tiny_model
from torch import nn

from explainer.methods import MethodError
from explainer.methods.catalogue import gradient, method
from explainer.methods.gradient import integrated_gradients
from explainer.models.cnn import CNNConfig, ReLUCNN
from explainer.models.image import ImageClassifier, Preprocessing
from explainer.models.sequence import SequenceClassifier, SequenceClassifierConfig
from explainer.models.text import TextClassifier
from explainer.models.tokenisers import WordTokeniser
from explainer.subjects.image import ImageSubject
from explainer.subjects.text import TextSubject

PIXELS = SIDE * SIDE
IMAGE = np.random.default_rng(3).integers(0, 256, (SIDE, SIDE)).astype(np.uint8)
EVERYWHERE = ["gradient", "gradient_input", "smoothgrad", "integrated_gradients"]


class Linear(nn.Module):
    """x (batch, pixels, 1) -> logits (batch, 3), linear."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(5)
        self.map = nn.Linear(PIXELS, 3)

    def forward(self, x):
        return self.map(x.flatten(1))


class Squares(Linear):
    """x (batch, pixels, 1) -> logits (batch, 3), the sum of w x^2 and w x."""

    def forward(self, x):
        return self.map(x.flatten(1) ** 2 + x.flatten(1))


def image_subject(network, order=None):
    preprocessing = Preprocessing(SIDE, SIDE, (0.2,), (0.3,), order)
    classifier = ImageClassifier(network, preprocessing, ("a", "b", "c"))
    return ImageSubject(classifier.double().eval().requires_grad_(False), "0" * 64)


def text_subject():
    torch.manual_seed(6)
    config = SequenceClassifierConfig(
        inputs=6, width=4, layers=1, state=4, labels=2, encoder="embedding", norm="layer"
    )
    tokeniser = WordTokeniser(("<eos>", "<unk>", "good", "bad", "film", "a"))
    classifier = TextClassifier(SequenceClassifier(config), tokeniser, ("no", "yes"))
    return TextSubject(classifier.double().eval().requires_grad_(False), "0" * 64)


def run(subject, stimulus, name, outputs=(0, 1, 2), seed=0, **parameters):
    chosen = method(name)
    return chosen.function(subject, stimulus, outputs, chosen.complete(parameters), seed)


def differences(subject, stimulus, column, logits):
    """The gradient (elements, D) by central differences."""
    x = subject.embed(stimulus)
    network = subject.network
    found = torch.zeros_like(x)
    for k in range(x.numel()):
        ends = []
        for sign in (1, -1):
            moved = x.clone()
            moved.view(-1)[k] += sign * 1e-5
            if logits:
                hooked = []
                handle = network.register_forward_hook(lambda m, i, o, to=hooked: to.append(o))
                subject.score_embedded(moved[None], stimulus)
                handle.remove()
                ends.append(hooked[0][0, column])
            else:
                ends.append(subject.score_embedded(moved[None], stimulus)[0, column])
        found.view(-1)[k] = (ends[0] - ends[1]) / 2e-5
    return found


def test_of_a_linear_network_all_are_its_weights():
    subject = image_subject(Linear())
    stimulus = subject.stimulus(IMAGE)
    x = subject.embed(stimulus)[:, 0].numpy()
    W, b = (w.detach().numpy() for w in subject.network.map.parameters())
    for name in ("gradient", "smoothgrad"):
        np.testing.assert_allclose(run(subject, stimulus, name).values, W.T, atol=1e-12)
    found = run(subject, stimulus, "gradient_input")
    np.testing.assert_allclose(found.values, (W * x).T, atol=1e-12)
    np.testing.assert_allclose(found.base_values, b, atol=1e-12)
    np.testing.assert_allclose(found.full_values, W @ x + b, atol=1e-12)
    assert found.value_function.startswith("logit;")


@pytest.mark.parametrize("order", [None, tuple(range(PIXELS))[::-1]])
def test_gradients_of_s4_are_finite_differences(order):
    """With frozen weights, whose kernels are kept, in float64, and in any order of reading."""
    network = tiny_model().network
    subject = image_subject(network, order)
    stimulus = subject.stimulus(IMAGE)
    expected = differences(subject, stimulus, 1, logits=True)[:, 0].numpy()
    assert np.abs(expected).max() > 0.01
    with torch.inference_mode():  # as a driver may have it
        found = run(subject, stimulus, "gradient", [1])
    np.testing.assert_allclose(found.values[:, 0], expected, atol=1e-8)
    assert not found.complete
    assert found.evaluations == 2


def test_integrated_gradients_of_squares_are_exact():
    """For a sum of polynomials of one pixel each they are each term's own difference.

    The scores are the logits here, since a log-probability is no such sum.
    """
    subject = image_subject(Squares())
    subject.score_embedded = lambda x, stimulus: subject.network(x)
    stimulus = subject.stimulus(IMAGE)
    x, start = subject.embed(stimulus)[:, 0], subject.embedded_baseline(stimulus, "zero")[:, 0]
    W = subject.network.map.weight.numpy()
    expected = W * (x**2 + x - start**2 - start).numpy()
    found = run(subject, stimulus, "integrated_gradients", mask="zero", steps=2)
    np.testing.assert_allclose(found.values, expected.T, atol=1e-10)
    np.testing.assert_allclose(found.details["convergence_delta"], 0, atol=1e-8)


def test_the_convergence_delta_is_what_is_missing():
    subject = image_subject(tiny_model().network)
    stimulus = subject.stimulus(IMAGE)
    few, many = (run(subject, stimulus, "integrated_gradients", steps=k) for k in (2, 64))
    for found in (few, many):
        gap = found.values.sum(0) - (found.full_values - found.base_values)
        np.testing.assert_allclose(found.details["convergence_delta"], gap, atol=1e-10)
        assert found.complete
    assert np.abs(many.details["convergence_delta"]).max() < 1e-6
    assert np.abs(few.details["convergence_delta"]).max() > 1e-5
    # The baseline and the input are the game's nobody and everybody.
    players = subject.players(stimulus)
    game = subject.game(stimulus, [0, 1, 2], players, subject.mask(stimulus))
    ends = game(torch.tensor([[False] * PIXELS, [True] * PIXELS])).numpy()
    np.testing.assert_allclose([many.base_values, many.full_values], ends, atol=1e-9)
    assert many.value_function == subject.mask(stimulus).name


def test_smoothgrad_is_the_mean_of_gradients_under_noise():
    """Of w (x^2 + x) the gradient is w (2 x + 1), whose noise has a known spread."""
    subject = image_subject(Squares())
    stimulus = subject.stimulus(IMAGE)
    x = subject.embed(stimulus)[:, 0].numpy()
    W = subject.network.map.weight.numpy()
    state = torch.get_rng_state()
    found = run(subject, stimulus, "smoothgrad", samples=400, noise=0.2, seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    spread = 2 * np.abs(W) * 0.2 * (x.max() - x.min()) / np.sqrt(400)
    off = (found.values.T - W * (2 * x + 1)) / spread
    assert 0.8 < off.std() < 1.2
    again = run(subject, stimulus, "smoothgrad", samples=400, noise=0.2, seed=1)
    np.testing.assert_array_equal(found.values, again.values)
    other = run(subject, stimulus, "smoothgrad", samples=400, noise=0.2, seed=2)
    assert not np.allclose(found.values, other.values)
    still = run(subject, stimulus, "smoothgrad", samples=1, noise=0)
    np.testing.assert_allclose(still.values, run(subject, stimulus, "gradient").values, atol=1e-12)


@pytest.mark.parametrize("name", EVERYWHERE)
def test_players_have_the_sum_of_their_elements(name):
    subject = image_subject(tiny_model().network)
    stimulus = subject.stimulus(IMAGE)
    each = run(subject, stimulus, name, seed=4)
    patches = run(subject, stimulus, name, players="patches", size=2, seed=4)
    expected = [each.values[list(pixels)].sum(0) for pixels in patches.players]
    np.testing.assert_allclose(patches.values, expected, atol=1e-12)
    assert len(patches.players) == 9


def test_a_sure_model_has_gradients():
    """Those of its log-probability vanish: exp(-60) is nothing beside 1 in float64."""
    network = Linear()
    network.map.bias.data[0] = 60
    subject = image_subject(network)
    stimulus = subject.stimulus(IMAGE)
    found = run(subject, stimulus, "gradient", [0])
    np.testing.assert_allclose(found.values[:, 0], network.map.weight[0].numpy(), atol=1e-12)
    np.testing.assert_allclose(
        differences(subject, stimulus, 0, logits=False).numpy(), 0, atol=1e-12
    )


def test_guided_backpropagation_by_hand():
    """One ReLU unit: what is negative on the way back stops there, in either direction."""

    class Gate(nn.Module):
        def __init__(self):
            super().__init__()
            self.relu, self.scale = nn.ReLU(), nn.Parameter(torch.tensor([2.0, -3.0, 1.0]))

        def forward(self, x):
            return self.relu(x).sum((1, 2))[:, None] * self.scale

    subject = image_subject(Gate())
    stimulus = subject.stimulus(IMAGE)
    playing = (subject.embed(stimulus) > 0).numpy()
    assert 0 < playing.mean() < 1
    found = run(subject, stimulus, "guided_backpropagation")
    np.testing.assert_allclose(found.values, playing * [2.0, 0.0, 1.0], atol=1e-12)
    plain = run(subject, stimulus, "gradient")
    np.testing.assert_allclose(plain.values, playing * [2.0, -3.0, 1.0], atol=1e-12)


def test_guided_backpropagation_leaves_no_hook():
    subject = image_subject(ReLUCNN(CNNConfig(SIDE, SIDE, 2, 3)))
    stimulus = subject.stimulus(IMAGE)
    before = run(subject, stimulus, "gradient").values
    guided = run(subject, stimulus, "guided_backpropagation").values
    assert not np.allclose(before, guided)
    np.testing.assert_array_equal(run(subject, stimulus, "gradient").values, before)


def test_guided_backpropagation_needs_a_relu():
    subject = image_subject(tiny_model().network)
    with pytest.raises(MethodError, match=r"has none.*GELU.*use gradient or smoothgrad"):
        run(subject, subject.stimulus(IMAGE), "guided_backpropagation")


def test_a_text_has_norms_of_gradients_and_sums_of_attributions():
    subject = text_subject()
    stimulus = subject.stimulus("a good film")
    slopes = differences(subject, stimulus, 1, logits=True).numpy()  # (elements, D)
    x = subject.embed(stimulus).numpy()
    found = run(subject, stimulus, "gradient", [1], players="each")
    np.testing.assert_allclose(found.values[:, 0], np.linalg.norm(slopes, axis=1), atol=1e-8)
    found = run(subject, stimulus, "gradient_input", [1], players="each")
    np.testing.assert_allclose(found.values[:, 0], (slopes * x).sum(1), atol=1e-8)
    still = run(subject, stimulus, "smoothgrad", [1], samples=1, noise=0)
    np.testing.assert_allclose(still.values[:, 0], np.linalg.norm(slopes, axis=1), atol=1e-8)
    assert [stimulus.text[a:b] for a, b in found.players] == ["a", "good", "film"]


def test_a_background_is_no_baseline():
    subject = image_subject(Linear())
    stimulus = subject.stimulus(IMAGE)
    with pytest.raises(MethodError, match="no one baseline"):
        integrated_gradients(
            subject,
            stimulus,
            [0],
            method("integrated_gradients").complete({"mask": "background"}),
            0,
        )
    subject = text_subject()
    with pytest.raises(MethodError, match="no one baseline"):
        run(subject, subject.stimulus("a film"), "integrated_gradients", [0], mask="delete")


@pytest.mark.parametrize("name", EVERYWHERE)
def test_nan_is_an_error(name):
    network = Linear()
    network.map.weight.data[1, 0] = float("nan")
    subject = image_subject(network)
    good = image_subject(Linear()).stimulus(IMAGE)
    with pytest.raises(MethodError, match="NaN"):
        run(subject, good, name)


def test_the_catalogue_says_where_the_code_is():
    names = [each.name for each in gradient.METHODS]
    assert names == [
        *("gradient", "gradient_input", "smoothgrad", "integrated_gradients"),
        *("guided_backpropagation", "grad_cam", "lrp"),
    ]
    assert all(callable(each.function) for each in gradient.METHODS)
