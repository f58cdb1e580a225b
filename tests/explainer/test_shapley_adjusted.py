"""Permutations shrunk towards gradients: right in the end, better before, honest about errors."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from explainer.explain import explain
from explainer.methods import MethodError
from explainer.methods.shapley_adjusted import Slopes
from explainer.shapley.adjusted import Proxy, adjusted, evenly, expected, least, shrunk
from explainer.shapley.estimate import Spread, Stop
from explainer.shapley.exact import exact
from explainer.shapley.game import Game, Plain, drive
from explainer.shapley.permutation import permutation
from explainer.subjects.image import ImageSubject
from tests.explainer.conftest import tiny_model
from tests.explainer.shapley_oracle import game_of, games, often

BUDGET = 20_000


def no_slopes(players, outputs):
    return lambda coalitions: torch.zeros(len(coalitions), players, outputs, dtype=torch.float64)


def cubic(players=24, seed=0):
    """A multilinear game of order 3, its slopes, and its exact Shapley values (Harsanyi)."""
    random = np.random.default_rng(seed)
    main = random.normal(size=players)
    triples = np.array([random.permutation(players)[:3] for _ in range(4 * players)])
    weight = random.normal(size=4 * players) * 2
    values = main.copy()
    np.add.at(values, triples, weight[:, None] / 3)
    index, w = torch.from_numpy(triples), torch.from_numpy(weight)

    def worth(coalitions):
        x = coalitions.double()
        return (x @ torch.from_numpy(main) + x[:, index].prod(-1) @ w)[:, None]

    def slopes(coalitions):
        x = coalitions.double().requires_grad_()
        (found,) = torch.autograd.grad(worth(x).sum(), x)
        return found[..., None]

    return Game(players, lambda c: (c,), Plain(worth)), slopes, values[:, None]


def test_an_additive_game_is_exact_from_its_slopes():
    main = torch.arange(1.0, 9.0).double()
    game = Game(8, lambda c: (c,), Plain(lambda c: (c.double() @ main)[:, None]))
    found = drive(adjusted(game, lambda c: main.expand(len(c), 8)[..., None], Stop(60), 1))
    np.testing.assert_allclose(found.values[:, 0], main, atol=1e-12)
    assert found.gap < 1e-12


@often
@given(games(least=3), st.integers(0, 1000))
def test_reaches_the_exact_values_with_slopes_that_say_nothing(worth, seed):
    players, outputs = len(worth).bit_length() - 1, worth.shape[1]
    stop = Stop(least(players, outputs) + 2000)
    found = drive(adjusted(game_of(worth), no_slopes(players, outputs), stop, seed))
    exactly = drive(exact(game_of(worth))).values
    # Root mean squares: the error is of all players together, and the bias of each is unknown.
    missed = np.sqrt(np.square(found.values - exactly).mean(0))
    claimed = np.sqrt(np.square(found.standard_errors).mean(0))
    assert (missed <= 6 * claimed + 1e-9).all()
    assert found.gap < 1e-9


def test_half_the_error_of_permutations_where_slopes_say_much():
    game, slopes, exactly = cubic(60)
    ours, theirs = [], []
    for seed in range(10):
        stop = Stop(800)
        ours.append(drive(adjusted(game, slopes, stop, seed)).values - exactly)
        theirs.append(drive(permutation(game, stop, seed)).values - exactly)
    assert np.square(ours).mean() < np.square(theirs).mean() / 4


@pytest.mark.parametrize("evaluations", [300, 1000, 4000])
def test_the_errors_it_claims_are_those_it_makes(evaluations):
    game, slopes, exactly = cubic()
    found = [drive(adjusted(game, slopes, Stop(evaluations), seed)) for seed in range(30)]
    made = np.sqrt(np.mean([np.square(each.values - exactly).mean() for each in found]))
    claimed = np.sqrt(np.mean([np.square(each.standard_errors).mean() for each in found]))
    assert 0.8 < claimed / made < 1.8  # that the proxy has no bias here, it cannot know


@given(st.integers(2, 9), st.integers(1, 6), st.integers(0, 10**6))
def test_the_share_kept_predicts_each_pair_best_from_the_others(pairs, players, seed):
    random = np.random.default_rng(seed)
    proxy = random.normal(size=(players, 1))
    drawn = proxy + 0.5 * random.normal(size=(players, 1)) + random.normal(size=(pairs, players, 1))
    spread = Spread()
    spread.add(torch.from_numpy(drawn))
    values, _ = shrunk(spread, Proxy(proxy, np.zeros_like(proxy)))
    others = (drawn.sum(0) - drawn) / (pairs - 1) - proxy
    beyond = drawn - proxy
    best = np.clip((others * beyond).sum() / np.square(others).sum(), 0, 1)  # least squares
    np.testing.assert_allclose(values, proxy + best * (drawn.mean(0) - proxy), atol=1e-9)


def test_coalitions_have_every_size_as_often():
    sizes = torch.cat([each.sum(1) for each in evenly(9, 500, seed=2)])
    assert torch.bincount(sizes, minlength=10).sub(50).abs().max() <= 2


def test_mean_slopes_are_shapley_values_where_a_player_s_own_place_does_not_change_them():
    game, slopes, exactly = cubic()
    proxy = expected(game, slopes, 4096, exactly.sum(0), seed=1)
    assert (np.abs(proxy.values - exactly) < 5 * np.sqrt(proxy.variances)).all()


def test_a_coalition_without_a_slope_is_left_out():
    game, slopes, exactly = cubic()

    def kinked(coalitions):
        found = slopes(coalitions)
        found[~coalitions.any(1)] = torch.nan
        return found

    assert np.isfinite(expected(game, kinked, 64, exactly.sum(0), seed=1).values).all()
    with pytest.raises(MethodError, match="take another mask, or permutation"):
        expected(game, lambda c: slopes(c) * torch.nan, 64, exactly.sum(0), seed=1)


def test_slopes_of_a_picture_are_its_derivatives_by_the_share_of_a_player():
    subject = ImageSubject(tiny_model().double(), "0" * 64)
    stimulus = subject.stimulus(np.random.default_rng(0).integers(0, 256, (6, 6), dtype=np.uint8))
    players = subject.players(stimulus, "patches", 2)
    slopes = Slopes(subject, stimulus, [2, 0], players, "zero")
    coalition = torch.tensor([[True, False, True, False, True, False, True, True, False]])
    share, step = slopes.x - slopes.masked, 1e-5
    plays = coalition[0, players.member]
    for player in range(9):
        moved = torch.where(plays[:, None], slopes.x, slopes.masked)
        inside = (players.member == player)[:, None] * share * step
        up, down = (subject.score_embedded((moved + s * inside)[None], stimulus) for s in (1, -1))
        numeric = ((up - down) / (2 * step))[0, [2, 0]]
        torch.testing.assert_close(slopes(coalition)[0, player], numeric, atol=1e-7, rtol=1e-5)


def test_players_that_cannot_matter_get_zero_and_a_seed_repeats(tiny_image):
    subject, stimulus = tiny_image
    found = [
        explain(subject, stimulus, "adjusted", mask="zero", evaluations=200, seed=5).artifact
        for _ in range(2)
    ]
    black = stimulus.content.ravel() == 0
    assert black.any()
    assert (found[0].values[black] == 0).all()
    assert (found[0].values[~black] != 0).all()
    np.testing.assert_array_equal(found[0].values, found[1].values)
    assert found[0].completeness_gap < 1e-5


@pytest.fixture
def tiny_image():
    subject = ImageSubject(tiny_model(), "0" * 64)
    content = np.random.default_rng(3).integers(0, 256, (6, 6), dtype=np.uint8)
    content[:2] = 0
    return subject, subject.stimulus(content)


def test_refuses_what_it_cannot_do_and_says_what_can(tiny_image):
    with pytest.raises(MethodError, match="at least 106"):
        explain(*tiny_image, "adjusted", mask="zero", evaluations=50)
    subject, stimulus = tiny_image
    subject.background = np.zeros((3, 6, 6), dtype=np.uint8)
    with pytest.raises(MethodError, match="take permutation, which needs no gradient"):
        explain(subject, stimulus, "adjusted", mask="background")


def test_stops_at_a_tolerance():
    game, slopes, _ = cubic()
    found = drive(adjusted(game, slopes, Stop(BUDGET, tolerance=0.2), 1))
    assert found.stopped == "tolerance"
    assert found.evaluations < BUDGET


def test_a_proxy_adds_up_and_knows_its_variance():
    _, slopes, _ = cubic()
    proxy = expected(cubic()[0], slopes, 64, np.array([3.0]), seed=1)
    assert proxy.values.sum() == pytest.approx(3.0)
    assert (proxy.variances > 0).all()
