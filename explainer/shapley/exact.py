"""Exact Shapley values, from the worth of every coalition."""

from collections.abc import Iterator
from math import comb

import torch
from torch import Tensor

from explainer.methods import MethodError
from explainer.shapley.estimate import Estimate
from explainer.shapley.game import Ask, Game, Play

MOST = 12  # players, unless more are asked for
MOST_EVER = 20
ROUND = 1 << 14  # coalitions asked for at once


def exact(game: Game, most: int = MOST) -> Play[Estimate]:
    """The Shapley values of at most `most` players, by the worth of all 2^M coalitions.

    Raises MethodError where there are more players. Source: Shapley 1953, A value for n-person
    games.
    """
    refuse_more(game.players, most)
    values = base = full = torch.zeros((), dtype=torch.float64)
    for number, coalitions in enumerate(all_coalitions(game.players)):
        worth = yield Ask(game, coalitions)
        values = values + shapley_weights(coalitions).T @ worth
        base, full = worth[0] if number == 0 else base, worth[-1]
    return Estimate(
        values=values.numpy(),
        base=base.numpy(),
        full=full.numpy(),
        standard_errors=torch.zeros_like(values).numpy(),
        evaluations=game.repeats << game.players,
        seed=None,
        stopped="exact",
    )


def shapley_weights(coalitions: Tensor) -> Tensor:
    """What the worth of coalitions (n, M) counts for each player, (n, M).

    It counts for the players inside and against those outside, by how many orders pass through it.
    """
    players = coalitions.shape[1]
    before = torch.tensor(
        [1 / (players * comb(players - 1, size)) for size in range(players)], dtype=torch.float64
    )
    inside = torch.cat([before.new_zeros(1), before])  # by size
    outside = torch.cat([before, before.new_zeros(1)])
    size = coalitions.sum(1)[:, None]
    return torch.where(coalitions, inside[size], -outside[size])


def all_coalitions(players: int) -> Iterator[Tensor]:
    """All 2^M coalitions, bool (n, M) a round; bit k of a row's number is player k."""
    bits = torch.arange(players)
    for start in range(0, 1 << players, ROUND):
        rows = torch.arange(start, min(start + ROUND, 1 << players))
        yield (rows[:, None] >> bits & 1).bool()


def refuse_more(players: int, most: int) -> None:
    """Raise MethodError where there are more than `most` players, or `most` is out of reach."""
    if most > MOST_EVER:
        raise MethodError(f"exact values are for at most {MOST_EVER} players, not {most}")
    if players > most:
        raise MethodError(
            f"exact values of {players} players take 2^{players} evaluations, and at most {most} "
            f"players are allowed: allow more (`most_players`, up to {MOST_EVER}), group them into "
            "fewer (`players`, `size`), or use permutation"
        )
