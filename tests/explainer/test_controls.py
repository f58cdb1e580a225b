"""The controls: noise like the source, words without values, and models that never learnt."""

import numpy as np
import pytest
import torch
from torch import nn

from explainer.artifact import Explanation, Job, Store
from explainer.explain import explain
from explainer.methods import MethodError
from explainer.methods.catalogue import method
from explainer.methods.controls import placebic, random
from explainer.methods.placebic import WORDS
from explainer.methods.randomised import randomised, redraw
from explainer.models import registry
from explainer.models.attention import AttentionClassifier, AttentionConfig
from explainer.models.image import predict
from explainer.models.text import TextClassifier
from explainer.models.tokenisers import WordTokeniser
from explainer.subjects.image import ImageSubject
from explainer.subjects.text import TextSubject
from tests.explainer.conftest import SIDE, tiny_model

STIMULUS = "ab" * 32


def job(control, seed=7, **parameters):
    return Job(STIMULUS, "0" * 64, control, {"of": "c" * 64, **parameters}, seed)


def source(kind="image", players=144, outputs=2, smooth=6):
    values = np.random.default_rng(0).normal(size=(players, outputs))
    values = np.stack([np.convolve(each, np.ones(smooth), "same") for each in values.T], 1) + 0.3
    spans = tuple((k,) if kind == "image" else (k, k + 1) for k in range(players))
    return Explanation(
        job=job("permutation"),
        kind=kind,
        players=spans,
        outputs=("a", "b", "c")[:outputs],
        value_function="log-probability; masked pixels set to 0",
        values=values.astype(np.float32),
        base_values=np.full(outputs, -2, np.float32),
        full_values=np.full(outputs, -1, np.float32),
        standard_errors=np.ones((players, outputs), np.float32),
        completeness_gap=0.0,
    )


def spectrum(values, shape):
    return np.abs(np.fft.fftn(values.reshape(shape)))


@pytest.mark.parametrize(("kind", "shape"), [("image", (12, 12)), ("text", (144,))])
def test_random_has_the_sources_mean_spread_and_spectrum(kind, shape):
    """So it is as smooth and as strong; 1e-3 of the largest (what rounding leaves of float32)."""
    real = source(kind)
    found = random(real, job("random"))
    np.testing.assert_allclose(found.values.mean(0), real.values.mean(0), atol=1e-5)
    np.testing.assert_allclose(found.values.std(0), real.values.std(0), rtol=1e-5)
    for k in range(2):
        expected = spectrum(real.values[:, k], shape)
        np.testing.assert_allclose(
            spectrum(found.values[:, k], shape), expected, atol=1e-3 * expected.max()
        )
    assert abs(np.corrcoef(found.values[:, 0], real.values[:, 0])[0, 1]) < 0.4
    assert found.completeness_gap is None
    assert found.standard_errors is None
    assert found.players == real.players


def test_random_is_by_seed_and_stimulus():
    real = source()
    again = random(real, job("random"))
    np.testing.assert_array_equal(random(real, job("random")).values, again.values)
    assert (random(real, job("random", seed=8)).values != again.values).any()


@pytest.mark.parametrize(
    "players",
    [
        tuple(tuple(range(k * 4, k * 4 + 4)) for k in range(16)),  # of an 8 x 8 image
        tuple((k,) for k in range(15)),  # no square
        ((0, 1, 2),),
    ],
)
def test_random_of_other_players(players):
    real = source(players=len(players), smooth=1)
    real = Explanation(**{**vars(real), "players": players})
    found = random(real, job("random"))
    np.testing.assert_allclose(found.values.std(0), real.values.std(0), atol=1e-5)
    np.testing.assert_allclose(found.values.mean(0), real.values.mean(0), atol=1e-5)


def test_random_of_nothing_is_nothing():
    real = source()
    found = random(Explanation(**{**vars(real), "values": real.values * 0}), job("random"))
    assert (found.values == 0).all()


def test_placebic_has_no_values(tmp_path):
    real = source()
    found = placebic(real, job("placebic"))
    assert found.players == real.players
    for array in (found.values, found.base_values, found.full_values):
        assert (array == 0).all()
    assert found.value_function == "placebic: no values"
    assert found.standard_errors is None
    assert found.completeness_gap is None
    store = Store(tmp_path)
    assert store.read_explanation(store.write(found)).job == found.job


def test_placebic_words_are_the_kinds_or_the_studys():
    """They identify the job as they are shown, so an answer is tied to what was on the screen."""
    chosen = method("placebic")
    for kind, sentences in WORDS.items():
        assert chosen.settled(chosen.complete({}), kind) == {"words": sentences}
    own = {"words": {"en": "A computer made this."}}
    assert chosen.settled(chosen.complete(own), "image") == own
    assert method("random").settled({}, "image") == {}
    for sentences in WORDS.values():
        assert list(sentences) == ["en", "de", "es", "zh"]
        assert len(set(sentences.values())) == 4


@pytest.fixture(scope="module")
def image_subject():
    return ImageSubject(tiny_model(), "0" * 64)


def text_subject():
    tokeniser = WordTokeniser(["<eos>", "<unk>", "good", "bad"])
    torch.manual_seed(3)
    network = (
        AttentionClassifier(AttentionConfig(tokeniser.size, 8, 6, 2)).eval().requires_grad_(False)
    )
    return TextSubject(TextClassifier(network, tokeniser, ("no", "yes")), "0" * 64)


def test_randomised_is_what_its_seed_builds(image_subject):
    """The weights are those of the same network made after the same seed; the original stays."""
    before = {name: each.clone() for name, each in image_subject.network.state_dict().items()}
    found = randomised(image_subject, 5)
    torch.manual_seed(5)
    fresh = type(image_subject.network)(image_subject.network.config).state_dict()
    for name, each in found.network.state_dict().items():
        torch.testing.assert_close(each, fresh[name], atol=0, rtol=0)
        torch.testing.assert_close(
            image_subject.network.state_dict()[name], before[name], atol=0, rtol=0
        )
    assert any((before[name] != each).any() for name, each in fresh.items())
    assert not found.network.training
    assert found.digest not in (image_subject.digest, randomised(image_subject, 6).digest)


def test_randomised_leaves_torchs_generator_alone(image_subject):
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    randomised(image_subject, 5)
    assert (torch.rand(3) == expected).all()


def test_methods_ask_the_randomised_model(image_subject):
    """What a game is worth, and what a gradient scores, are the new network's."""
    image = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE)).astype(np.uint8)
    stimulus = image_subject.stimulus(image)
    found = randomised(image_subject, 5)
    real, other = (
        explain(each, stimulus, "leave_one_out").artifact for each in (image_subject, found)
    )
    label = stimulus.labels.index(stimulus.predicted)
    np.testing.assert_allclose(
        other.full_values[0], predict(found.model, image[None])[0, label], atol=1e-5
    )
    assert abs(other.full_values[0] - real.full_values[0]) > 0.01
    assert np.abs(other.values - real.values).max() > 1e-3
    scores = found.score_embedded(found.embed(stimulus)[None], stimulus)
    np.testing.assert_allclose(scores[0, label].detach(), other.full_values[0], atol=1e-5)


def test_a_text_model_is_randomised_too():
    subject = text_subject()
    stimulus = subject.stimulus("good bad good")
    real, other = (
        explain(each, stimulus, "leave_one_out").artifact.full_values
        for each in (subject, randomised(subject, 1))
    )
    assert abs(real - other)[0] > 1e-4


def test_every_architecture_can_be_randomised():
    """Each builds itself from its configuration alone, which is what redrawing rests on."""
    for name in registry.ARCHITECTURES:
        kind = registry.network_type(name)
        parameters = list(kind.__init__.__code__.co_varnames[:2])
        assert parameters == ["self", "config"], name


def test_parts_reset_themselves():
    network = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.BatchNorm1d(3))
    nn.init.constant_(network[0].weight, 9)
    network[2].running_mean.fill_(4)
    redraw(network)
    assert network[0].weight.abs().max() < 1
    assert (network[2].running_mean == 0).all()


def test_weights_that_cannot_be_drawn():
    class Bare(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(1))

    with pytest.raises(MethodError, match="weights of a Bare cannot be drawn"):
        redraw(nn.Sequential(Bare()))


def test_controls_by_name():
    for name in ("mismatched", "shuffled", "random", "randomised", "placebic"):
        assert method(name).control
        assert callable(method(name).function)
        assert method(name).kinds == ("image", "text", "prompt", "series")
