"""LIME, occlusion and leave-one-out against captum, closed forms and additive games."""

import itertools

import numpy as np
import pytest
import torch
from captum._utils.models.linear_model import SkLearnRidge
from captum.attr import FeatureAblation, LimeBase, Occlusion

from explainer.methods import MethodError
from explainer.methods.catalogue import method
from explainer.methods.lime import drawn, fit, kernel
from explainer.methods.occlusion import windows
from explainer.shapley.game import drive
from explainer.subjects.image import ImageSubject
from tests.explainer.conftest import SIDE, tiny_model


@pytest.fixture(scope="module")
def subject():
    model = tiny_model()
    model.double()
    return ImageSubject(model, "0" * 64)


@pytest.fixture(scope="module")
def stimulus(subject):
    image = np.random.default_rng(3).integers(1, 256, (SIDE, SIDE)).astype(np.uint8)
    return subject.stimulus(image)


def run(name, subject, stimulus, seed=0, outputs=(0, 2), **given):
    chosen = method(name)
    return drive(chosen.function(subject, stimulus, outputs, chosen.complete(given), seed))


def log_probabilities(subject):
    return lambda x: torch.log_softmax(subject.model.network(subject.preprocessing(x, x)), -1)


def pixels(stimulus):
    return torch.from_numpy(stimulus.content / 255)[None]


def test_weighted_ridge_is_the_closed_form_with_a_column_of_ones():
    """All coalitions of 5 players, the normal equations written out; 1e-10."""
    everyone = np.array(list(itertools.product([False, True], repeat=5)))
    worth = np.random.default_rng(0).normal(size=(32, 2))
    weights = kernel(everyone, 0.25)
    found = fit(everyone, worth, weights, penalty=0.7)
    X = np.column_stack([np.ones(32), everyone])
    ridge = np.diag([0, *[0.7] * 5])
    expected = np.linalg.solve(X.T @ np.diag(weights) @ X + ridge, X.T @ (weights[:, None] * worth))
    np.testing.assert_allclose(found.intercept, expected[0], atol=1e-10)
    np.testing.assert_allclose(found.coefficients, expected[1:], atol=1e-10)


def test_kernel_by_hand():
    coalitions = np.array([[True] * 4, [True, False, False, False], [False] * 4])
    expected = [1, np.exp(-(0.5**2) / 0.25**2), np.exp(-1 / 0.25**2)]
    np.testing.assert_allclose(kernel(coalitions, 0.25), expected, rtol=1e-12)


def test_lime_is_captums_on_the_same_coalitions(subject, stimulus):
    """captum's LimeBase with sklearn's ridge, given our draws and kernel; 1e-4 (it is float32)."""
    rows, seed = 60, 5
    players = subject.players(stimulus, "patches", 2)
    coalitions = drawn(len(players), rows, seed)
    draws = iter(torch.from_numpy(coalitions))
    theirs = LimeBase(
        log_probabilities(subject),
        SkLearnRidge(alpha=1.0),
        similarity_func=lambda original, shown, row, **_: torch.tensor(
            kernel(row.numpy().astype(bool), 0.25)
        ),
        perturb_func=lambda *_, **__: next(draws)[None].double(),
        perturb_interpretable_space=True,
        from_interp_rep_transform=lambda row, x, **_: torch.where(
            row.bool()[0][players.member].view(1, SIDE, SIDE), x, 0.2
        ),
        to_interp_rep_transform=None,
    ).attribute(pixels(stimulus), target=2, n_samples=rows)
    ours = run(
        "lime", subject, stimulus, seed, outputs=[2], players="patches", size=2, evaluations=rows
    )
    np.testing.assert_allclose(ours.values[:, 0], theirs[0].numpy(), atol=1e-4)
    assert np.abs(ours.values).max() > 0.01
    assert ours.evaluations == rows
    assert not ours.complete


def test_standard_errors_say_how_far_lime_is_off():
    """Over 300 draws of a random game: the spread of the coefficients, within a fifth."""
    table = np.random.default_rng(1).normal(size=2**6)
    bits = 1 << np.arange(6)
    fits = []
    for seed in range(300):
        coalitions = drawn(6, 400, seed)
        worth = table[coalitions @ bits][:, None]
        fits.append(fit(coalitions, worth, kernel(coalitions, 0.25), 0))
    spread = np.std([each.coefficients for each in fits], axis=0)
    stated = np.sqrt(np.mean([np.square(each.standard_errors) for each in fits], axis=0))
    np.testing.assert_allclose(stated / spread, 1, atol=0.2)


def test_an_additive_game_is_fitted_exactly():
    weights = np.array([1.0, -2, 0.5, 0])
    coalitions = drawn(4, 50, 0)
    found = fit(coalitions, 3 + (coalitions @ weights)[:, None], kernel(coalitions, 0.25), 0)
    np.testing.assert_allclose(found.coefficients[:, 0], weights, atol=1e-10)
    assert found.intercept == pytest.approx(3)
    assert found.r2 == pytest.approx(1)
    np.testing.assert_allclose(found.standard_errors, 0, atol=1e-10)


def test_r2_left_out_is_that_of_fits_without_each_row():
    """25 fits, each without one row; 1e-10."""
    coalitions = drawn(5, 25, 0)
    worth, weights = np.random.default_rng(2).normal(size=(25, 1)), kernel(coalitions, 0.25)
    left_out = []
    for row in range(25):
        rest = np.arange(25) != row
        found = fit(coalitions[rest], worth[rest], weights[rest], 0.3)
        left_out.append(worth[row] - found.intercept - coalitions[row] @ found.coefficients)
    level = np.average(worth, axis=0, weights=weights)
    expected = 1 - weights @ np.square(left_out) / (weights @ np.square(worth - level))
    np.testing.assert_allclose(
        fit(coalitions, worth, weights, 0.3).r2_left_out, expected, atol=1e-10
    )
    assert fit(coalitions[:3], worth[:3], weights[:3], 0).r2_left_out is None


def test_fewer_coalitions_than_players_have_no_standard_errors(subject, stimulus):
    found = run("lime", subject, stimulus, evaluations=SIDE * SIDE)
    assert found.standard_errors is None
    assert np.isfinite(found.values).all()
    assert np.isfinite(found.details["r2"]).all()


def test_large_draws_are_summed_in_parts(monkeypatch):
    coalitions = drawn(5, 90, 2)
    worth = np.random.default_rng(0).normal(size=(90, 1))
    whole = fit(coalitions, worth, kernel(coalitions, 0.25), 1)
    monkeypatch.setattr("explainer.methods.lime.CHUNK", 7)
    parts = fit(coalitions, worth, kernel(coalitions, 0.25), 1)
    np.testing.assert_allclose(parts.coefficients, whole.coefficients, atol=1e-12)
    np.testing.assert_allclose(parts.standard_errors, whole.standard_errors, atol=1e-12)


def test_sizes_of_coalitions_are_equally_likely():
    sizes = drawn(4, 40_001, 0)[1:].sum(1)
    np.testing.assert_allclose(np.bincount(sizes) / 40_000, 0.25, atol=0.01)


@pytest.mark.parametrize(("side", "stride"), [(1, 1), (3, 1), (2, 2)])
def test_occlusion_is_captums(subject, stimulus, side, stride):
    """1e-9; strides that fill the image, since captum cuts its last window off."""
    theirs = Occlusion(log_probabilities(subject)).attribute(
        pixels(stimulus), (side, side), stride, baselines=0.2, target=2
    )
    ours = run("occlusion", subject, stimulus, outputs=[2], window=side, stride=stride)
    np.testing.assert_allclose(ours.values[:, 0], theirs[0].flatten().numpy(), atol=1e-9)
    assert ours.evaluations == ours.details["windows"] + 2


def test_leave_one_out_is_captums_feature_ablation(subject, stimulus):
    players = subject.players(stimulus, "patches", 2)
    theirs = FeatureAblation(log_probabilities(subject)).attribute(
        pixels(stimulus),
        baselines=0.2,
        target=0,
        feature_mask=players.member.view(1, SIDE, SIDE),
    )
    ours = run("leave_one_out", subject, stimulus, players="patches", size=2)
    np.testing.assert_allclose(
        ours.values[players.member, 0], theirs[0].flatten().numpy(), atol=1e-9
    )
    np.testing.assert_allclose(ours.full_values[1], stimulus.log_probabilities[2], atol=1e-5)
    assert ours.evaluations == len(players) + 2


@pytest.mark.parametrize("name", ["lime", "leave_one_out", "occlusion"])
def test_players_that_change_nothing_get_exactly_zero(subject, name):
    image = np.full((SIDE, SIDE), 200, dtype=np.uint8)
    image[:, :3] = 0
    given = {"window": 1} if name == "occlusion" else {}
    found = run(name, subject, subject.stimulus(image), mask="zero", **given)
    dark = np.array([pixel % SIDE < 3 for (pixel,) in found.players])
    assert (found.values[dark] == 0).all()
    assert (found.values[~dark] != 0).all()
    assert "masked pixels set to 0" in found.value_function


def test_an_image_that_equals_its_mask_has_nothing_to_explain(subject):
    dark = subject.stimulus(np.zeros((SIDE, SIDE), dtype=np.uint8))
    for name in ("lime", "leave_one_out"):
        found = run(name, subject, dark, mask="zero")
        assert (found.values == 0).all()
        np.testing.assert_allclose(found.base_values, found.full_values, atol=1e-12)


def test_windows_in_a_line_end_where_it_ends():
    found = windows((5,), 2, 2)
    assert found.int().tolist() == [[1, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 1, 1]]


def test_windows_that_do_not_fit(subject, stimulus):
    with pytest.raises(MethodError, match=f"window: {SIDE + 1} is more than the input's {SIDE}"):
        run("occlusion", subject, stimulus, window=SIDE + 1)
    with pytest.raises(MethodError, match="leaves gaps"):
        run("occlusion", subject, stimulus, window=2, stride=3)


def test_the_seed_decides(subject, stimulus):
    first, again, other = (
        run("lime", subject, stimulus, seed, evaluations=80) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.values, again.values)
    assert (first.values != other.values).any()


def test_background_draws_are_counted(subject, stimulus):
    others = np.random.default_rng(0).integers(0, 256, (20, SIDE, SIDE)).astype(np.uint8)
    with_others = ImageSubject(subject.model, subject.digest, others)
    found = run("lime", with_others, stimulus, mask="background", evaluations=320)
    assert found.evaluations == 320
    assert found.details["coalitions"] == 20
