"""Shapley values by regression over pairs that are drawn by their leverage, none of them twice.

A coalition's leverage in the regression depends on its size alone, and each size has the same in
all: small and large coalitions, which are few, are soon all drawn.
Source: Musco & Witter 2025, arXiv:2410.01917. There a coin decides on each pair; here each size
gets its expected number, which saves the coin's variance and keeps the budget to the evaluation.
"""

from math import comb

import numpy as np
import torch
from torch import Tensor

from explainer.shapley.estimate import Estimate, Stop, ends, relative_error
from explainer.shapley.game import Game, Play
from explainer.shapley.regression import (
    ROUND,
    affordable,
    differences,
    draw,
    estimate,
    fit,
    least,
)

RANKED = 2**16  # pairs at most of a size whose order is drawn whole


class Layer:
    """The pairs of one size: a coalition of `size` and its complement, in a random order."""

    def __init__(self, players: int, size: int, random: np.random.Generator) -> None:
        """Prepare; of a half of the players either pairs with the other: player 0 is in ours."""
        self.size, self.random = size, random
        self.first = int(2 * size == players)  # players that are always in
        self.players, self.chosen = players - self.first, size - self.first
        self.pairs = comb(self.players, self.chosen)
        self.share = 2 - self.first  # of the leverage
        self.mass = self.share / (size * (players - size))  # of the kernel
        self.drawn = torch.zeros(0, players, dtype=torch.bool)
        self.order = random.permutation(self.pairs) if self.pairs <= RANKED else None

    def draw(self, count: int) -> Tensor:
        """More pairs, none drawn before: bool (count, M)."""
        have = len(self.drawn)
        if self.order is not None:
            ranks = torch.from_numpy(self.order[have : have + count])
            more = self._with_first(subsets(self.players, self.chosen, ranks))
            self.drawn = torch.cat([self.drawn, more])
            return more
        while len(self.drawn) < have + count:
            size = torch.full((have + count - len(self.drawn),), self.chosen)
            more = self._with_first(draw(self.players, size, self.random))
            self.drawn = distinct(torch.cat([self.drawn, more]))
        return self.drawn[have:]

    def _with_first(self, rest: Tensor) -> Tensor:
        return torch.cat([rest.new_ones(len(rest), self.first), rest], 1)


def subsets(players: int, size: int, ranks: Tensor) -> Tensor:
    """The subsets of a size by their numbers in lexicographic order: bool (n, players)."""
    rank, left = ranks.clone(), torch.full_like(ranks, size)
    found = torch.zeros(len(ranks), players, dtype=torch.bool)
    for player in range(players):
        with_it = [comb(players - player - 1, k - 1) if k else 0 for k in range(size + 1)]
        count = torch.tensor([min(each, 2**62) for each in with_it])[left]
        found[:, player] = rank < count
        rank -= torch.where(rank < count, 0, count)
        left -= found[:, player].long()
    return found


def distinct(rows: Tensor) -> Tensor:
    """The rows (n, M) in their order, each once."""
    _, which = np.unique(np.packbits(rows.numpy(), axis=1), axis=0, return_index=True)
    return rows[torch.from_numpy(np.sort(which))]


def shares(layers: list[Layer], pairs: int) -> list[int]:
    """How many of `pairs` each layer gets: by leverage, at most all, no fewer than drawn."""
    left, wanted = float(pairs), [0.0] * len(layers)
    units = sum(layer.share for layer in layers)
    for k in sorted(range(len(layers)), key=lambda k: layers[k].pairs / layers[k].share):
        layer = layers[k]
        wanted[k] = min(layer.pairs, left * layer.share / units)
        left, units = left - wanted[k], units - layer.share
    counts = [max(len(layers[k].drawn), int(wanted[k] + 1e-9)) for k in range(len(layers))]
    by_rest = sorted(range(len(layers)), key=lambda k: counts[k] - wanted[k])
    for k in by_rest:
        if sum(counts) < pairs and counts[k] < layers[k].pairs:
            counts[k] += 1
    return counts


def leverage(game: Game, stop: Stop, seed: int) -> Play[Estimate]:
    """Draw as many pairs of each size as its leverage says; exact once all are drawn.

    Without a number of evaluations to stop at, their number is doubled until it is enough. Raises
    MethodError for fewer evaluations than `least`. Biased by less than the standard error's square.
    """
    players, before = game.players, game.evaluations
    allowed = affordable(game, stop, 0, least(players) // 2 - 1)
    around = yield from ends(game)
    total = around[1] - around[0]
    if players < 2:
        return estimate(game, None, around, before=before, seed=seed, stopped="exact")
    random = np.random.default_rng([seed, 12])
    layers = [Layer(players, size, random) for size in range(1, players // 2 + 1)]
    answers = [torch.zeros(0, len(total), dtype=torch.float64) for _ in layers]
    allowed = min(allowed, sum(layer.pairs for layer in layers))
    only = stop.seconds is None and stop.tolerance is None
    pairs = allowed if only else min(allowed, max(ROUND // 2, least(players) // 2 - 1))
    while True:
        counts = shares(layers, pairs)
        more = [
            layer.draw(count - len(layer.drawn))
            for layer, count in zip(layers, counts, strict=True)
        ]
        found = yield from differences(game, torch.cat(more))
        parts = torch.split(found, [len(each) for each in more])
        answers = [torch.cat(both) for both in zip(answers, parts, strict=True)]
        pairs = sum(counts)
        got = fit(
            torch.cat([layer.drawn for layer in layers]),
            torch.cat(answers),
            total,
            _each(layers, [layer.mass / len(layer.drawn) for layer in layers]),
            _each(layers, [1 - len(layer.drawn) / layer.pairs for layer in layers]),
        )
        if all(len(layer.drawn) == layer.pairs for layer in layers):
            return estimate(game, got, around, before=before, seed=seed, stopped="exact")
        error = relative_error(got.values.numpy(), got.errors.numpy())
        spent = game.evaluations - before + 2 * game.repeats - 1  # another pair must fit
        if (stopped := stop.reason(spent, error)) is not None:
            return estimate(game, got, around, before=before, seed=seed, stopped=stopped)
        pairs = min(allowed, 2 * pairs)


def _each(layers: list[Layer], number: list[float]) -> Tensor:
    """A number for each drawn pair, layer by layer."""
    counts = torch.tensor([len(layer.drawn) for layer in layers])
    return torch.tensor(number, dtype=torch.float64).repeat_interleave(counts)
