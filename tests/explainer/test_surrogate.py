"""Surrogates against scikit-learn, the original's composed layers, and models they can follow."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.model_selection import KFold, cross_val_score

from explainer.data.forecasts import Windows, last_value
from explainer.models import surrogate
from explainer.models.surrogate import LinearLayers, SurrogateError, fit_surrogate
from tests.explainer.test_spacetime import ORIGINAL, needs_original

LAG, HORIZON = 6, 3
KINDS = list(surrogate.FIT)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def parts() -> tuple[Windows, Windows]:
    """Two stretches of a random walk near 1,000 dollars, and 4,000."""
    rng = np.random.default_rng(0)

    def stretch(n: int, level: float) -> Windows:
        walk = level + np.cumsum(rng.normal(size=n + LAG + HORIZON)) * level / 100
        both = np.lib.stride_tricks.sliding_window_view(walk, LAG + HORIZON)
        return Windows(both[:, :LAG], both[:, LAG:], 0, 5)

    return stretch(400, 1000.0), stretch(200, 4000.0)


def linear(past: np.ndarray) -> np.ndarray:
    """Half of each of the last three steps goes on: one linear map."""
    return past[:, -1:] + 0.5 * np.diff(past, axis=1)[:, -3:]


def bent(past: np.ndarray) -> np.ndarray:
    """The size of the last steps counts, not their sign: no linear map."""
    return past[:, -1:] + 2 * np.abs(np.diff(past, axis=1)[:, -3:])


def noise(past: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(len(past))
    return past[:, -1:] + rng.normal(scale=30, size=(len(past), HORIZON))


@pytest.mark.parametrize("kind", KINDS)
def test_follows_a_linear_model_to_levels_it_has_not_seen(kind, parts):
    train, test = parts
    found = fit_surrogate(kind, linear, train, test, bar=0.8)
    assert found.fidelity.r2 > {"mlp": 0.98, "trees": 0.9}.get(kind, 0.999)
    predicted, wanted = found.predict(test.past), linear(test.past)
    fidelity = found.fidelity
    assert fidelity.n == len(test.past)
    assert fidelity.mae == pytest.approx(mean_absolute_error(wanted, predicted))
    last = last_value(test.past, HORIZON)
    assert fidelity.last_value_mae == pytest.approx(mean_absolute_error(wanted, last))
    assert fidelity.mae < fidelity.last_value_mae


@pytest.mark.parametrize("kind", ["linear3", "ridge"])
def test_a_linear_surrogate_of_a_bent_model_is_refused(kind, parts):
    with pytest.raises(
        SurrogateError, match=rf"the {kind} surrogate has R2 .* below the bar of 0.8"
    ):
        fit_surrogate(kind, bent, *parts)


@pytest.mark.parametrize("kind", ["mlp", "trees"])
def test_a_bent_surrogate_follows_a_bent_model(kind, parts):
    assert fit_surrogate(kind, bent, *parts).fidelity.r2 > 0.8


def test_r2_is_that_of_the_forecast_less_the_last_value(parts):
    """Near a price level, R2 of the levels says .99 of a surrogate that knows nothing."""
    train, test = parts
    found = fit_surrogate("ridge", noise, train, test, bar=-1).fidelity
    assert found.r2 < 0.1
    assert found.r2_levels > 0.9
    with pytest.raises(SurrogateError, match=r"R2 .* on 201 windows"):
        fit_surrogate("ridge", noise, train, test, bar=0.2)


def test_nothing_to_explain_is_refused(parts):
    with pytest.raises(SurrogateError, match="R2 nan"):
        fit_surrogate("ridge", lambda past: last_value(past, HORIZON), *parts)


def test_r2_agrees_with_sklearn():
    rng = np.random.default_rng(1)
    found, wanted = rng.normal(size=(2, 50, 4)) + np.arange(4)
    expected = r2_score(wanted, found, multioutput="variance_weighted")
    assert surrogate.r2(found, wanted) == pytest.approx(expected, abs=1e-12)


def test_ridge_and_its_penalty_agree_with_sklearn():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(60, 12)) @ rng.normal(size=(12, 12)) + 3
    y = x @ rng.normal(size=(12, 4)) + 5 * rng.normal(size=(60, 4))
    W, b = surrogate.ridge(x, y, 2.5)
    oracle = Ridge(alpha=2.5).fit(x, y)
    np.testing.assert_allclose(W.T, oracle.coef_, atol=1e-10)
    np.testing.assert_allclose(b, oracle.intercept_, atol=1e-9)
    scores = [
        cross_val_score(
            Ridge(alpha=penalty), x, y, cv=KFold(5), scoring="neg_mean_squared_error"
        ).mean()
        for penalty in surrogate.PENALTIES
    ]
    best = surrogate.PENALTIES[np.argmax(scores)]
    assert surrogate.choose_penalty(x, y) == best
    assert surrogate.PENALTIES[0] < best < surrogate.PENALTIES[-1]


@pytest.mark.parametrize("kind", ["linear3", "mlp", "trees"])
def test_repeats_by_seed_and_leaves_torchs_generator_alone(kind, parts, monkeypatch):
    monkeypatch.setattr(surrogate, "STEPS", 50)
    monkeypatch.setattr(surrogate, "TREES", 10)
    train, test = parts
    state = torch.get_rng_state()
    a, b, other = (
        fit_surrogate(kind, linear, train, test, bar=-9, seed=seed).predict(test.past)
        for seed in (0, 0, 1)
    )
    assert torch.equal(state, torch.get_rng_state())
    np.testing.assert_array_equal(a, b)
    assert kind == "trees" or not np.array_equal(a, other)


def test_three_linear_layers_are_one_linear_map():
    torch.manual_seed(0)
    layers = LinearLayers(LAG, HORIZON).double()
    W, b = layers.composed()
    x = torch.randn(9, LAG, dtype=torch.float64)
    torch.testing.assert_close(layers(x), x @ W + b, atol=1e-12, rtol=0)


@needs_original
def test_composes_the_originals_layers():
    """Its 104 inputs are the window and the 20 values to be forecast."""
    layers = LinearLayers(104, 20)
    state = load_file(ORIGINAL / "surrogate_linear.safetensors")
    layers.load_state_dict({name.removeprefix("linear_layers."): t for name, t in state.items()})
    expected = np.load(ORIGINAL / "surrogate_composed.npz")
    with torch.no_grad():
        W, b = layers.composed()
    np.testing.assert_allclose(W.T, expected["W"], atol=1e-6)
    np.testing.assert_allclose(b, expected["b"], atol=1e-6)
