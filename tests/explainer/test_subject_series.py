"""A series that is forecast: segments, masks, and what a coalition is worth."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from explainer import library
from explainer.methods import MethodError
from explainer.models.spacetime import SpaceTime, SpaceTimeConfig
from explainer.models.spacetime_layout import from_original
from explainer.subjects.load import load
from explainer.subjects.series import Called, SeriesSubject

ORIGINAL = Path(__file__).parents[3] / "shared" / "golden" / "spacetime"
LAG, HORIZON = 12, 5
WINDOW = np.random.default_rng(0).normal(100, 5, LAG).round(2)
OTHERS = np.random.default_rng(1).normal(30, 1, (40, LAG)).cumsum(1)


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    config = SpaceTimeConfig(
        lag=LAG,
        horizon=HORIZON,
        width=12,
        kernels=3,
        state=4,
        differences=2,
        averages=2,
        shortest=3,
        longest=7,
    )
    return SpaceTime(config).double().eval().requires_grad_(False)


@pytest.fixture
def subject(network) -> SeriesSubject:
    return SeriesSubject(network, LAG, "0" * 64, OTHERS)


def coalitions(players: int, n: int = 10) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).random((n, players)) < 0.5)


@pytest.mark.parametrize(("mask", "value"), [("mean", None), ("last", -1)])
def test_masked_segments_are_one_value(subject, network, mask, value):
    stimulus = subject.stimulus(WINDOW)
    players = subject.players(stimulus, "segments", 5)
    assert players.spans == ((0, 5), (5, 10), (10, 12))
    chosen = coalitions(3)
    # A stimulus keeps its window in float32.
    stored = WINDOW.astype(np.float32).astype(np.float64)
    rest = stored.mean() if value is None else stored[value]
    x = np.where(chosen.numpy()[:, [0] * 5 + [1] * 5 + [2] * 2], stored, rest)
    ahead = network(torch.from_numpy(x)[..., None]).squeeze(-1)
    found = subject.game(stimulus, range(HORIZON + 1), players, subject.mask(stimulus, mask))(
        chosen
    )
    torch.testing.assert_close(found[:, :HORIZON], ahead, atol=1e-9, rtol=0)
    torch.testing.assert_close(found[:, HORIZON], ahead.mean(1), atol=1e-9, rtol=0)


@pytest.mark.skipif(
    not ORIGINAL.exists(),
    reason="the original's SpaceTime weights are in ../shared, which is not here",
)
def test_seven_segments_have_the_originals_shapley_values():
    """All 128 coalitions and their exact values: 2e-3 dollars; masked days are the mean."""
    exact = np.load(ORIGINAL / "exact7_shapley.npz")
    config = json.loads((ORIGINAL / "model_config.json").read_text())
    weights = load_file(ORIGINAL / "bval_state_dict.safetensors")
    original = from_original(weights, config).double().requires_grad_(False)
    subject = SeriesSubject(original, 84, "0" * 64)
    stimulus = subject.stimulus(exact["window"])
    players = subject.players(stimulus)
    assert players.spans[1] == (12, 24)
    assert len(players) == 7
    rows = ((np.arange(128)[:, None] >> np.arange(7)) & 1).astype(bool)
    game = subject.game(stimulus, range(20), players, subject.mask(stimulus))
    worth = game(torch.from_numpy(rows)).numpy()
    np.testing.assert_allclose(worth, exact["coalition_values"], atol=2e-3, rtol=0)
    np.testing.assert_allclose(shapley(worth), exact["phi"], atol=2e-3, rtol=0)


def shapley(worth: np.ndarray) -> np.ndarray:
    """The definition, over all coalitions (2^M, outputs); bit k of a row is player k."""
    M = len(worth).bit_length() - 1
    sizes = np.array([row.bit_count() for row in range(len(worth))])
    weight = np.array(
        [1 / (M * np.prod([(M - 1 - k) / (k + 1) for k in range(s)])) for s in range(M)]
    )
    values = []
    for k in range(M):
        rows = np.flatnonzero(~np.arange(len(worth)) >> k & 1)
        gains = worth[rows | 1 << k] - worth[rows]
        values.append(weight[sizes[rows]] @ gains)
    return np.array(values)


def test_background_windows_are_moved_to_the_windows_mean_and_steps(subject):
    stimulus = subject.stimulus(WINDOW)
    mask = subject.mask(stimulus, "background", seed=2)
    rows = mask.fill(torch.zeros(1, LAG, dtype=torch.bool))[0].numpy()
    assert len(rows) == mask.repeats == 16
    stored = stimulus.content[:, 0].astype(np.float64)
    np.testing.assert_allclose(rows.mean(1), stored.mean(), rtol=1e-12)
    steps = np.sqrt(np.square(np.diff(rows)).mean(1))
    np.testing.assert_allclose(steps, np.sqrt(np.square(np.diff(stored)).mean()), rtol=1e-9)
    shapes = np.corrcoef(rows, OTHERS)[:16, 16:]
    np.testing.assert_allclose(shapes.max(1), 1, rtol=1e-9)
    players = subject.players(stimulus)
    game = subject.game(stimulus, [HORIZON], players, mask)
    empty = game(torch.zeros(1, len(players), dtype=torch.bool))
    ahead = subject.network(torch.from_numpy(rows)[..., None]).mean()
    assert empty.item() == pytest.approx(ahead.item(), abs=1e-9)


def test_a_background_that_does_not_move_keeps_its_shape():
    flat = SeriesSubject(Called(lambda past: past[:, :2]), LAG, "0" * 64, np.full((3, LAG), 7.0))
    stimulus = flat.stimulus(WINDOW)
    rows = flat.mask(stimulus, "background").fill(torch.zeros(1, LAG, dtype=torch.bool))[0]
    assert rows.isfinite().all()


def test_the_forecast_stands_in_the_stimulus(subject, network):
    actual = WINDOW[:HORIZON]
    stimulus = subject.stimulus(WINDOW, actual, {"first": "2021-01-04"})
    ahead = network(torch.from_numpy(WINDOW.astype(np.float32)).double().view(1, -1, 1)).view(-1)
    np.testing.assert_allclose(stimulus.forecast.values, ahead, atol=5e-3)  # of about 100
    assert np.array_equal(stimulus.forecast.naive, np.full(HORIZON, WINDOW[-1], np.float32))
    assert np.array_equal(stimulus.forecast.actual, actual.astype(np.float32))
    assert stimulus.content.shape == (LAG, 1)
    assert subject.outputs(stimulus) == ("step 1", "step 2", "step 3", "step 4", "step 5", "mean")
    assert subject.explained(stimulus, "predicted") == [HORIZON]
    assert subject.explained(stimulus, "all") == list(range(HORIZON + 1))


def test_vectors_score_as_their_windows(subject):
    stimulus = subject.stimulus(WINDOW)
    players = subject.players(stimulus, "each")
    for mask in ("mean", "last"):
        x = torch.stack([subject.embed(stimulus), subject.embedded_baseline(stimulus, mask)])
        ends = torch.tensor([[True], [False]]).expand(-1, LAG)
        game = subject.game(stimulus, range(HORIZON + 1), players, subject.mask(stimulus, mask))
        torch.testing.assert_close(
            subject.score_embedded(x, stimulus), game(ends), atol=1e-9, rtol=0
        )
    x.requires_grad_()
    subject.score_embedded(x, stimulus)[:, HORIZON].sum().backward()
    assert (x.grad != 0).all()


def test_the_last_day_is_idle_where_it_would_be_replaced_by_itself(subject):
    stimulus = subject.stimulus(WINDOW)
    players = subject.players(stimulus, "each")
    idle = subject.game(stimulus, [0], players, subject.mask(stimulus, "last")).idle
    assert idle.tolist() == [False] * 11 + [True]


def test_any_function_of_windows_can_be_explained():
    W = np.random.default_rng(3).normal(size=(LAG, HORIZON))
    subject = SeriesSubject(Called(lambda past: past @ W), LAG, "0" * 64)
    stimulus = subject.stimulus(WINDOW)
    players = subject.players(stimulus, "each")
    found = subject.game(stimulus, range(HORIZON), players, subject.mask(stimulus))(
        torch.eye(LAG, dtype=torch.bool)
    )
    stored = WINDOW.astype(np.float32).astype(np.float64)
    base = np.full(LAG, stored.mean()) @ W
    np.testing.assert_allclose(
        found.numpy() - base, (stored - stored.mean())[:, None] * W, atol=1e-9, rtol=0
    )
    x = subject.embed(stimulus)[None].requires_grad_()
    with pytest.raises(MethodError, match="without gradients"):
        subject.score_embedded(x, stimulus)


def test_what_a_series_does_not_have_is_said(network):
    subject = SeriesSubject(network, LAG, "0" * 64)
    stimulus = subject.stimulus(WINDOW)
    with pytest.raises(MethodError, match="no mask 'zero'; there are mean, last"):
        subject.mask(stimulus, "zero")
    with pytest.raises(MethodError, match="no background windows"):
        subject.mask(stimulus, "background")
    with pytest.raises(MethodError, match="no players 'words'; there are segments"):
        subject.players(stimulus, "words")
    with pytest.raises(MethodError, match=r"a window is \(3,\) numbers, expected 12"):
        subject.stimulus([1.0, 2.0, 3.0])
    with pytest.raises(MethodError, match="all of them finite"):
        subject.stimulus(np.full(LAG, np.nan))
    with pytest.raises(MethodError, match="2 steps are said to have come, but 5"):
        subject.stimulus(WINDOW, [1.0, 2.0])


def test_loads_what_ships():
    subject = load(library.SHIPPED / "sp500-spacetime", device="cpu")
    stimulus = subject.stimulus(np.linspace(4000, 4100, 84))
    assert len(subject.players(stimulus)) == 7
    assert len(subject.outputs(stimulus)) == 21
    assert 4000 < float(stimulus.predicted) < 4300
