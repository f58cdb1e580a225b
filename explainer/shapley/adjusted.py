"""Shapley values by permutations shrunk towards expected gradients.

The slope of a player at a coalition, its gradient times what masking changes, is about what the
player would add there, and one gradient tells it of all players at once. Its mean over coalitions
of every size is a proxy: the Shapley values of an additive game, known exactly. It varies little
and is biased, since a network is curved; permutations vary much without bias. What they say beyond
the proxy is shrunk by the share that leaves the least error when each pair is predicted from the
others: their cross-validation, in closed form.

Source of the idea: Witter, Liu & Musco 2025, arXiv:2506.11849 (regression-adjusted values); of the
closed form: James & Stein 1961, Proc. 4th Berkeley Symposium 1.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explainer.methods import MethodError
from explainer.shapley.estimate import Estimate, Float64, Spread, Stop, ends, sample
from explainer.shapley.game import Game, Play
from explainer.shapley.permutation import pairs_of, permutation

# Coalitions (n, M) of a game -> slopes of its players there, float64 (n, M, outputs) on the CPU.
Slopes = Callable[[Tensor], Tensor]

SHARE = 3  # a third of the evaluations goes into gradients
LEAST, MOST = 4, 512  # gradients; beyond, the proxy's bias outweighs its error
BATCH = 16  # coalitions whose graphs are held together
GOLDEN = (5**0.5 - 1) / 2  # its multiples fill the unit interval evenly, however many there are


@dataclass(frozen=True)
class Proxy:
    """Values (players, outputs) that add up to the game's, and the variance of each."""

    values: Float64
    variances: Float64


def evaluations_of(outputs: int) -> int:
    """What a gradient counts for: reading once, and as long as two readings back for each output.

    On the shipped digit model a gradient was measured to take 2.8 times as long as a reading.
    """
    return 1 + 2 * outputs


def least(players: int, outputs: int = 1) -> int:
    """The fewest evaluations: the fewest gradients, and two pairs to judge one by the other."""
    return 2 + 4 * max(1, players - 1) + LEAST * evaluations_of(outputs)


def adjusted(game: Game, slopes: Slopes, stop: Stop, seed: int) -> Play[Estimate]:
    """Antithetic permutations shrunk towards expected gradients.

    Standard errors are roots of mean squared errors: of the permutations, of the gradients, and of
    the bias that is left where the first are shrunk, which is estimated over all players. Up to two
    players are exact. Raises MethodError where the evaluations do not suffice for two pairs.
    """
    if game.players <= 2:
        return (yield from permutation(game, stop, seed))
    base, full = yield from ends(game)
    each, pair = evaluations_of(len(base)), 2 * (game.players - 1) * game.repeats
    spent, number = 2 * game.repeats, MOST
    if stop.evaluations is not None:
        number = min(MOST, (stop.evaluations - spent) // SHARE // each)
        number = max(LEAST, min(number, (stop.evaluations - spent - 2 * pair) // each))
        if spent + number * each + 2 * pair > stop.evaluations:
            raise MethodError(
                f"{stop.evaluations} evaluations are too few to adjust {game.players} players: it "
                f"takes at least {spent + number * each + 2 * pair}; raise `evaluations`, or group "
                "the players into fewer (`players`, `size`)"
            )
    proxy = expected(game, slopes, number, (full - base).numpy(), seed)
    spent += number * each
    samples = pairs_of(game, base, full, seed)
    spread, spent, reason = yield from sample(
        stop, spent, samples, lambda found: shrunk(found, proxy), first=2
    )
    values, errors = shrunk(spread, proxy)
    return Estimate(values, base.numpy(), full.numpy(), errors, spent, seed, reason)


def expected(game: Game, slopes: Slopes, number: int, total: Float64, seed: int) -> Proxy:
    """The mean slope of each player over coalitions whose sizes are spread evenly over 0 ... M.

    Were a player's slope the same wherever the player itself is masked or not, this would be its
    Shapley value. What the sum lacks to total (outputs,) is shared by all players equally.
    A coalition that has no slope is left out (a series whose every day is masked by one value has
    none); where hardly any has one, raises MethodError.
    """
    spread = Spread()
    for coalitions in evenly(game.players, number, seed):
        found = slopes(coalitions)
        found = found[found.isfinite().all(-1).all(-1)]
        if len(found):
            spread.add(found)
    errors = spread.standard_errors
    if errors is None:
        raise MethodError(
            "the gradient of the model's output is NaN or infinite where players are masked: take "
            "another mask, or permutation, which needs no gradient"
        )
    lacking = (total - spread.mean.sum(0)) / game.players
    return Proxy(spread.mean + lacking, errors**2)


def evenly(players: int, number: int, seed: int) -> Iterator[Tensor]:
    """Random coalitions (<= BATCH, M) of evenly spread sizes, `number` in all."""
    random = np.random.default_rng([seed, 13])
    places = (random.random() + GOLDEN * np.arange(number)) % 1
    for part in np.array_split((places * (players + 1)).astype(int), -(-number // BATCH)):
        order = random.random((len(part), players)).argsort(1).argsort(1)
        yield torch.from_numpy(order < part[:, None])


def shrunk(spread: Spread, proxy: Proxy) -> tuple[Float64, Float64]:
    """Values and errors of the mean of n >= 2 pairs, shrunk towards a proxy, an output at a time.

    With D what the mean says beyond the proxy and V its variance, each summed over players, the
    share kept is (D^2 - V) / (D^2 + V / (n - 1)): it has the least squared error where the mean of
    all pairs but one predicts the one.
    """
    errors = spread.standard_errors
    variances = np.zeros_like(proxy.values) if errors is None else errors**2
    beyond = spread.mean - proxy.values
    size, noise = np.square(beyond).sum(0), variances.sum(0)
    whole = size + noise / (spread.count - 1)
    kept = np.clip((size - noise) / np.where(whole > 0, whole, 1), 0, 1)
    # A bias below the error of its own estimate, one standard deviation, cannot be seen.
    unseen = noise * np.sqrt(2 / len(beyond))
    bias = np.maximum(size - noise - proxy.variances.sum(0), unseen) / len(beyond)
    error = kept**2 * variances + (1 - kept) ** 2 * (proxy.variances + bias)
    return proxy.values + kept * beyond, np.sqrt(error)
