"""Shapley values by regression: KernelSHAP over pairs of a coalition and its complement.

Shapley values are the additive game nearest to a game, coalitions weighted by the Shapley kernel,
among those that add up to the whole. A pair tells only the difference of its two worths, and the
values depend on nothing else.
Source: Covert & Lee 2021, arXiv:2012.01536; Lundberg & Lee 2017, arXiv:1705.07874.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explainer.methods import MethodError
from explainer.shapley.estimate import Estimate, Stop, ends, relative_error
from explainer.shapley.game import Ask, Game, Play

ENUMERATED = 20  # players at most whose coalitions are all listed
ROUND = 256  # coalitions asked at a time, at least


def least(players: int) -> int:
    """The fewest evaluations that a regression over pairs is worth: below, its error explodes."""
    return min(6 * players + 2, 2**players) if players <= ENUMERATED else 6 * players + 2


@dataclass(frozen=True)
class Fit:
    """Values and their standard errors, each (players, outputs), float64."""

    values: Tensor
    errors: Tensor


def fit(half: Tensor, difference: Tensor, total: Tensor, weight: Tensor, sampled: Tensor) -> Fit:
    """The additive game nearest to pairs, among those that add up to the whole.

    half: bool (n, M), one coalition of each pair. difference (n, outputs): its worth less its
    complement's. total (outputs,): what the values add up to. weight (n,): of each pair, the
    kernel over the chance of its being drawn. sampled (n,): 0 where a pair was bound to be drawn,
    1 where chance alone decided; its part of the error. Errors are of the sandwich, each residual
    enlarged by its leverage (HC3 of MacKinnon & White 1985, J. Econometrics 29(3)).
    Raises MethodError where the pairs do not determine the values.
    """
    players = half.shape[1]
    sign = 2 * half.double() - 1
    mean = sign.mean(1, keepdim=True)
    x = sign - mean  # (n, M), rows that add up to 0
    y = difference - mean * total
    scaled = weight[:, None] * x
    normal = x.T @ scaled
    # Its one direction of no information, all players alike, is what `total` says.
    normal += normal.diagonal().mean() / players
    factor, failed = torch.linalg.cholesky_ex(normal)
    if failed or factor.diagonal().min() < 1e-6 * factor.diagonal().max():
        raise MethodError(
            f"{len(half)} pairs of coalitions do not determine the values of {players} players; "
            f"ask for more than {2 * len(half) + 2} evaluations, or use permutation"
        )
    values = torch.cholesky_solve(scaled.T @ y, factor)
    influence = torch.cholesky_solve(scaled.T, factor).T  # (n, M)
    leverage = (influence * x).sum(1, keepdim=True)
    residual = (y - x @ values) / (1 - leverage).clamp(min=1e-6)
    variance = (influence.square() * sampled[:, None]).T @ residual.square()
    return Fit(values - values.mean(0) + total / players, variance.sqrt())


def differences(game: Game, half: Tensor) -> Play[Tensor]:
    """The worth of each coalition (n, M) less that of its complement, (n, outputs)."""
    found = yield Ask(game, torch.cat([half, ~half]))
    return found[: len(half)] - found[len(half) :]


def estimate(
    game: Game,
    found: Fit | None,
    around: tuple[Tensor, Tensor],
    *,
    before: int,
    seed: int,
    stopped: str,
) -> Estimate:
    """Make an estimate; without a fit, of a game of one player or none. before: evaluations."""
    base, full = around
    if found is None:
        values = (full - base).expand(game.players, -1)
        found = Fit(values, torch.zeros_like(values))
    return Estimate(
        found.values.numpy(),
        base.numpy(),
        full.numpy(),
        found.errors.numpy(),
        game.evaluations - before,
        seed,
        stopped,
    )


def affordable(game: Game, stop: Stop, pairs: int, least_pairs: int) -> int:
    """How many more pairs `stop` allows, `pairs` already drawn. Raises MethodError for too few."""
    if stop.evaluations is None:
        return 2**62
    allowed = (stop.evaluations // game.repeats - 2) // 2
    if allowed < least_pairs:
        raise MethodError(
            f"{stop.evaluations} evaluations are too few for a regression over {game.players} "
            f"players; ask for at least {2 * (least_pairs + 1) * game.repeats}, or use permutation"
        )
    return allowed - pairs


def every_pair(players: int) -> Tensor:
    """One coalition of each pair but the empty one, bool (2^(M - 1) - 1, M)."""
    rows = torch.arange(1, 2 ** (players - 1))
    return (rows[:, None] >> torch.arange(players) & 1).bool()


def kernel(game: Game, stop: Stop, seed: int) -> Play[Estimate]:
    """Draw pairs by the Shapley kernel; list all instead, exactly, where they are few enough.

    Raises MethodError for fewer evaluations than `least`. The error is that of a ratio: biased by
    less than its standard error's square.
    """
    players, before = game.players, game.evaluations
    wanted = affordable(game, stop, 0, least(players) // 2 - 1)
    around = yield from ends(game)
    total = around[1] - around[0]
    if players < 2:
        return estimate(game, None, around, before=before, seed=seed, stopped="exact")
    only = stop.seconds is None and stop.tolerance is None
    if players <= ENUMERATED and 2 ** (players - 1) - 1 <= (wanted if only else min(wanted, ROUND)):
        half = every_pair(players)
        difference = yield from differences(game, half)
        size = half.sum(1).double()
        chances = torch.exp(_log_binomial(players, size)) * size * (players - size)
        found = fit(half, difference, total, 1 / chances, torch.zeros_like(size))
        return estimate(game, found, around, before=before, seed=seed, stopped="exact")
    each = torch.arange(1, players, dtype=torch.float64)
    share = 1 / (each * (players - each))
    random = np.random.default_rng([seed, 11])
    halves, answers = torch.zeros(0, players, dtype=torch.bool), torch.zeros(0, len(total))
    answers = answers.double()
    while True:
        more = max(ROUND // 2, players, least(players) // 2 - 1 - len(halves))
        more = min(more, affordable(game, stop, len(halves), 0))
        sizes = random.choice(players - 1, more, p=(share / share.sum()).numpy()) + 1
        half = draw(players, torch.from_numpy(sizes), random)
        halves = torch.cat([halves, half])
        answers = torch.cat([answers, (yield from differences(game, half))])
        one = torch.ones(len(halves), dtype=torch.float64)
        found = fit(halves, answers, total, one, one)
        spent = game.evaluations - before + 2 * game.repeats - 1  # another pair must fit
        error = relative_error(found.values.numpy(), found.errors.numpy())
        if (stopped := stop.reason(spent, error)) is not None:
            return estimate(game, found, around, before=before, seed=seed, stopped=stopped)


def draw(players: int, size: Tensor, random: np.random.Generator) -> Tensor:
    """A random coalition of each size (n,): bool (n, M)."""
    keys = torch.from_numpy(random.random((len(size), players)))
    place = torch.empty(len(size), players, dtype=torch.long)
    ranks = torch.arange(players).expand(len(size), -1)
    place.scatter_(1, keys.argsort(1), ranks)
    return place < size[:, None]


def _log_binomial(players: int, size: Tensor) -> Tensor:
    n = torch.tensor(float(players), dtype=torch.float64)
    return torch.lgamma(n + 1) - torch.lgamma(size + 1) - torch.lgamma(n - size + 1)
