"""Attention, a surrogate's values and channels as explanations, against what they are made of."""

from pathlib import Path

import numpy as np
import pytest
import torch

import explainer
from explainer.data.forecasts import last_value
from explainer.explain import explain
from explainer.methods import MethodError
from explainer.methods.attention import rollout
from explainer.methods.states import activations
from explainer.methods.surrogate import fitted, surrogate_subject
from explainer.models.surrogate import scaling
from explainer.subjects.load import load
from explainer.subjects.series import Called, SeriesSubject

CHECKPOINTS = Path(explainer.__file__).parent / "assets" / "checkpoints"
REVIEW = "A warm and generous film that never raises its voice."
PROMPT = "The old lighthouse on the coast was built in"


def subject_of(name):
    return load(CHECKPOINTS / name, device="cpu")


def test_attention_of_a_classifier_is_its_weights_added_up_over_words():
    subject = subject_of("reviews-attention")
    stimulus = subject.stimulus(REVIEW)
    found = explain(subject, stimulus, "attention", players="each").artifact
    _, weights = subject.network.attend(*subject.model.tokens([REVIEW]))
    np.testing.assert_allclose(found.values[:, 0], weights[0, :-1], atol=1e-6)
    words = explain(subject, stimulus, "attention", players="words").artifact
    assert words.values.sum() == pytest.approx(float(weights[0, :-1].sum()), abs=1e-5)
    assert found.completeness_gap is None
    np.testing.assert_allclose(found.full_values[0], stimulus.log_probabilities.max(), atol=1e-4)


@pytest.mark.parametrize(
    "name", ["wikitext-transformer", "wikitext-attention", "wikitext-attention-uniform"]
)
def test_attention_of_a_language_model_is_that_of_the_step_before_each_token(name):
    subject = subject_of(name)
    stimulus = subject.stimulus(PROMPT)
    found = explain(subject, stimulus, "attention", players="each").artifact
    prompt = subject.tokeniser.encode(PROMPT)
    written = stimulus.source["generation"]["tokens"]
    tokens = torch.tensor([prompt + written[:-1]])
    maps = subject.network.attentions(tokens)
    mean = maps[:, 0].mean((0, 1)) if maps.ndim == 5 else maps[0]
    rows = mean[len(prompt) - 1 :, : len(prompt)].detach().numpy()
    np.testing.assert_allclose(found.values[:, :-1].T, rows, atol=1e-6)
    np.testing.assert_allclose(found.values[:, -1], rows.mean(0), atol=1e-6)
    if name.endswith("uniform"):
        np.testing.assert_allclose(rows[0], 1 / len(prompt), atol=1e-6)


def test_rollout_multiplies_the_layers_with_what_goes_round_them():
    """Source: Abnar & Zuidema 2020, section 3: A = (W + I) / 2, multiplied from the first up."""
    layers = torch.rand(3, 5, 5, dtype=torch.float64).tril()
    layers = layers / layers.sum(-1, keepdim=True)
    halves = [(each + torch.eye(5, dtype=torch.float64)) / 2 for each in layers]
    torch.testing.assert_close(rollout(layers), halves[2] @ halves[1] @ halves[0])
    found = explain(
        subject_of("wikitext-transformer"),
        subject_of("wikitext-transformer").stimulus(PROMPT),
        "attention_rollout",
    ).artifact
    assert (found.values >= 0).all()
    assert found.values[:, 0].sum() == pytest.approx(1, abs=1e-5)


def test_a_model_without_attention_is_refused():
    for name, text in (("wikitext-lstm", PROMPT), ("reviews-s4", REVIEW)):
        subject = subject_of(name)
        with pytest.raises(MethodError, match="no attention"):
            explain(subject, subject.stimulus(text), "attention")


@pytest.fixture(scope="module")
def forecasts():
    """A forecaster that is linear in a window's own units, with windows to learn it from."""
    random = np.random.default_rng(0)
    W = random.normal(size=(12, 3)) / 4

    def forecast(past):
        x, level, unit = scaling(past)
        return x @ W * unit + level

    windows = 100 + np.cumsum(random.normal(size=(400, 12)), 1)
    return SeriesSubject(Called(forecast), 12, "0" * 64, windows), W, windows


@pytest.mark.parametrize("kind", ["ridge", "linear3"])
def test_values_of_a_linear_surrogate_are_its_closed_form(forecasts, kind):
    """(x - mean) W in the window's units, as linear SHAP has it."""
    subject, W, windows = forecasts
    stimulus = subject.stimulus(windows[7])
    found = explain(subject, stimulus, "surrogate", surrogate=kind, players="each", seed=1)
    artifact = found.artifact
    x, _, unit = scaling(windows[7:8])
    _, mean = fitted(subject, kind, seed=1)
    expected = ((x[0] - mean)[:, None] * W * unit[0]).mean(1)
    tolerance = 1e-3 if kind == "ridge" else 0.05
    np.testing.assert_allclose(artifact.values[:, 0], expected, atol=tolerance)
    assert artifact.completeness_gap < 1e-4


def test_values_of_another_surrogate_add_up_and_have_errors(forecasts):
    subject, _, windows = forecasts
    found = explain(
        subject, subject.stimulus(windows[7]), "surrogate", surrogate="mlp", evaluations=400
    ).artifact
    assert found.completeness_gap < 1e-3
    assert found.standard_errors is not None


def test_an_unfaithful_surrogate_and_too_few_windows_are_refused(forecasts):
    subject, _, windows = forecasts
    stimulus = subject.stimulus(windows[7])
    random = np.random.default_rng(1)
    noise = SeriesSubject(
        Called(lambda past: last_value(past, 3) + random.normal(size=(len(past), 3))),
        12,
        "0" * 64,
        windows,
    )
    with pytest.raises(MethodError, match="below the bar"):
        explain(noise, noise.stimulus(windows[7]), "surrogate", surrogate="ridge")
    few = SeriesSubject(subject.network, 12, "0" * 64, windows[:10])
    with pytest.raises(MethodError, match="there are 10"):
        explain(few, stimulus, "surrogate", surrogate="ridge")


def test_any_method_runs_through_a_surrogate(forecasts):
    subject, _, windows = forecasts
    stand_in = surrogate_subject(subject, "ridge")
    a, b = (
        explain(each, each.stimulus(windows[3]), "exact", size=3).artifact
        for each in (subject, stand_in)
    )
    np.testing.assert_allclose(a.values, b.values, atol=1e-2)
    assert stand_in.digest != subject.digest


@pytest.mark.parametrize(
    ("name", "content"),
    [("wikitext-s4", PROMPT), ("reviews-s4", REVIEW), ("sp500-spacetime", None)],
)
def test_channels_are_a_blocks_output_less_its_mean(name, content):
    subject = subject_of(name)
    window = 4000 + np.cumsum(np.random.default_rng(0).normal(size=84))
    stimulus = subject.stimulus(window if content is None else content)
    found = explain(subject, stimulus, "channels", players="each").artifact
    recorded = activations(subject, stimulus, -1)
    most = np.argsort(-recorded.std(0), kind="stable")[: len(found.outputs)]
    assert found.outputs == tuple(f"channel {k}" for k in most)
    np.testing.assert_allclose(found.values, (recorded - recorded.mean(0))[:, most], atol=1e-4)
    np.testing.assert_allclose(found.base_values, recorded.mean(0)[most], atol=1e-4)
