"""Regression estimators against enumeration, shap, and their own standard errors."""

import math
import os
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explainer.methods import MethodError
from explainer.methods.catalogue import METHODS
from explainer.shapley.estimate import Stop
from explainer.shapley.game import drive, table
from explainer.shapley.leverage import RANKED, Layer, leverage, shares, subsets
from explainer.shapley.regression import kernel, least
from explainer.subjects.image import ImageSubject
from tests.explainer.conftest import SIDE, tiny_model

os.environ.setdefault("NUMBA_DISABLE_JIT", "1")  # which shap would wait for at every start
with warnings.catch_warnings():
    # shap 0.51 imports its plots, which use what newer matplotlib deprecates.
    warnings.simplefilter("ignore")
    import shap

BOTH = pytest.mark.parametrize("estimator", [kernel, leverage])


def random_worths(players, outputs=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2**players, outputs, generator=generator, dtype=torch.float64)


def exact_values(worths):
    """The definition: marginal contributions to all coalitions, by size."""
    players = len(worths).bit_length() - 1
    values = np.zeros((players, worths.shape[1]))
    for coalition in range(len(worths)):
        size = coalition.bit_count()
        for player in range(players):
            if not coalition >> player & 1:
                weight = 1 / (players * math.comb(players - 1, size))
                added = worths[coalition | 1 << player] - worths[coalition]
                values[player] += weight * added.numpy()
    return values


def additive_worths(values):
    """Worth of each coalition of an additive game, values (players, outputs)."""
    players = len(values)
    member = torch.arange(2**players)[:, None] >> torch.arange(players) & 1
    return 3 + member.double() @ torch.from_numpy(values)


@BOTH
@settings(max_examples=25, deadline=None)
@given(players=st.integers(1, 8), outputs=st.integers(1, 3), seed=st.integers(0, 999))
def test_all_coalitions_give_exact_values(estimator, players, outputs, seed):
    worths = random_worths(players, outputs, seed)
    found = drive(estimator(table(worths), Stop(evaluations=2**players), seed))
    np.testing.assert_allclose(found.values, exact_values(worths), atol=1e-9)
    assert (found.standard_errors == 0).all()
    assert (found.stopped, found.evaluations) == ("exact", 2**players)
    assert found.gap < 1e-12


@BOTH
@settings(max_examples=25, deadline=None)
@given(players=st.integers(6, 9), seed=st.integers(0, 999))
def test_an_additive_game_is_known_at_once(estimator, players, seed):
    values = np.random.default_rng(seed).normal(size=(players, 2))
    game = table(additive_worths(values))
    found = drive(estimator(game, Stop(evaluations=least(players)), seed))
    np.testing.assert_allclose(found.values, values, atol=1e-9)
    assert found.standard_errors.max() < 1e-7  # rounding, over what a pair of much leverage leaves
    assert found.stopped == "evaluations"


@BOTH
def test_shap_says_the_same_of_all_coalitions(estimator):
    """KernelExplainer of shap 0.51, masking by zeros; it lists all coalitions of 7 players."""
    worths = random_worths(7, 2, seed=4)
    bits = 1 << np.arange(7)
    explainer = shap.KernelExplainer(
        lambda rows: worths.numpy()[(rows @ bits).astype(int)], np.zeros((1, 7))
    )
    theirs = explainer.shap_values(np.ones((1, 7)), nsamples=2**7, l1_reg=False, silent=True)[0]
    ours = drive(estimator(table(worths), Stop(evaluations=2**7), 0))
    np.testing.assert_allclose(ours.values, theirs, atol=1e-9)


@BOTH
@pytest.mark.parametrize("evaluations", [62, 200])
def test_standard_errors_tell_the_error(estimator, evaluations):
    """Over 80 seeds: bias within chance, and 95 % intervals that hold 92 to 99 %."""
    worths = random_worths(10, seed=1)
    exact = exact_values(worths)
    runs = [drive(estimator(table(worths), Stop(evaluations), seed)) for seed in range(80)]
    off = np.stack([run.values - exact for run in runs])
    errors = np.stack([run.standard_errors for run in runs])
    assert np.abs(off.mean(0) / (off.std(0) / np.sqrt(len(runs)))).max() < 4
    assert 0.92 < (np.abs(off) < 1.96 * errors).mean() < 0.99
    assert max(run.evaluations for run in runs) == evaluations
    assert max(run.gap for run in runs) < 1e-12


@BOTH
def test_more_evaluations_leave_less_error(estimator):
    worths = random_worths(12, seed=2)
    exact = exact_values(worths)

    def error(evaluations):
        runs = [drive(estimator(table(worths), Stop(evaluations), seed)) for seed in range(8)]
        return np.sqrt(np.mean([(run.values - exact) ** 2 for run in runs]))

    assert error(1600) < 0.65 * error(400)  # half, where errors fall as a root


@BOTH
def test_a_tolerance_stops_it(estimator):
    worths = random_worths(12, seed=3) + 5 * additive_worths(np.ones((12, 1)))
    found = drive(estimator(table(worths), Stop(tolerance=0.05), 0))
    size, error = (np.sqrt((x**2).mean()) for x in (found.values, found.standard_errors))
    assert found.stopped == "tolerance"
    assert error <= 0.05 * size
    soon = drive(estimator(table(worths), Stop(seconds=0), 0))
    assert soon.stopped == "seconds"
    assert soon.evaluations <= 2 + 256


@BOTH
def test_the_seed_decides(estimator):
    game = table(random_worths(10))
    first, again, other = (drive(estimator(game, Stop(100), seed)) for seed in (1, 1, 2))
    assert (first.values == again.values).all()
    assert (first.values != other.values).all()
    assert first.evaluations == again.evaluations == 100


@BOTH
def test_too_few_evaluations_are_refused(estimator):
    with pytest.raises(MethodError, match="ask for at least 62, or use permutation"):
        drive(estimator(table(random_worths(10)), Stop(61), 0))


def test_no_pair_is_drawn_twice():
    """Of a few pairs and of many, in rounds; a coalition's complement counts as itself."""
    for players, size in ((9, 4), (8, 4), (20, 9), (26, 13)):
        layer = Layer(players, size, np.random.default_rng(0))
        assert layer.pairs == math.comb(players, size) // (2 if 2 * size == players else 1)
        for count in (7, 28, min(4000, layer.pairs - 35)):
            assert len(layer.draw(count)) == count
        drawn = layer.drawn.numpy()
        assert (drawn.sum(1) == size).all()
        assert len(np.unique(np.concatenate([drawn, ~drawn]), axis=0)) == 2 * len(drawn)
    assert math.comb(20, 9) > RANKED


def test_subsets_are_in_order():
    found = subsets(6, 3, torch.arange(20)).int().tolist()
    assert found[0] == [1, 1, 1, 0, 0, 0]
    assert found == sorted(found, reverse=True)
    assert len({tuple(row) for row in found}) == 20


def test_each_size_gets_its_leverage():
    """The same for every size, twice the middle's of pairs; small sizes are drawn whole."""
    layers = [Layer(12, size, np.random.default_rng(0)) for size in range(1, 7)]
    assert shares(layers, 120) == [12, 24, 24, 24, 24, 12]
    assert shares(layers, 2047) == [layer.pairs for layer in layers]


@pytest.mark.parametrize("name", ["kernel", "leverage"])
def test_idle_pixels_get_exactly_zero(name):
    subject = ImageSubject(tiny_model(), "0" * 64)
    image = np.zeros((SIDE, SIDE), dtype=np.uint8)
    image.flat[[3, 8, 20, 21]] = 200
    stimulus = subject.stimulus(image)
    method = METHODS[name]
    parameters = method.complete({"mask": "zero", "evaluations": 16})
    found = drive(method.function(subject, stimulus, [0, 2], parameters, 0))
    assert found.players == tuple((pixel,) for pixel in range(SIDE * SIDE))
    assert np.flatnonzero(np.abs(found.values).sum(1)).tolist() == [3, 8, 20, 21]
    assert (found.evaluations, found.details["stopped"]) == (16, "exact")
    np.testing.assert_allclose(found.base_values + found.values.sum(0), found.full_values)
    assert method.least(4) == least(4) == 16
    assert method.least(200) == least(200) == 1202
