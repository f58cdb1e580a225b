"""Shapley values by antithetic permutations: players join in a random order, there and back."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from explainer.shapley.estimate import Estimate, Samples, Stop, ends, sample
from explainer.shapley.exact import exact
from explainer.shapley.game import Ask, Game, Play

ROUND = 1024  # coalitions asked for at once, or one pair where that is more


def permutation(game: Game, stop: Stop, seed: int) -> Play[Estimate]:
    """Mean marginal contributions over pairs of a random order and its reverse.

    A pair takes 2 (M - 1) coalitions, beside the empty and the full one, which all pairs share.
    Standard errors are over pairs, None after a single one, which says nothing of their spread; up
    to two players are exact. The values add up to full - base whatever the number of pairs.
    Raises MethodError where the evaluations do not suffice for a pair. Source: Mitchell et al.
    2022, JMLR 23(43), section 4.
    """
    if game.players <= 2:
        return replace((yield from exact(game)), seed=seed)
    base, full = yield from ends(game)
    samples = pairs_of(game, base, full, seed)
    spread, spent, reason = yield from sample(stop, 2 * game.repeats, samples)
    return Estimate(
        values=spread.mean,
        base=base.numpy(),
        full=full.numpy(),
        standard_errors=spread.standard_errors,
        evaluations=spent,
        seed=seed,
        stopped=reason,
    )


def pairs_of(game: Game, base: Tensor, full: Tensor, seed: int) -> Samples:
    """How to draw what each player adds (P, M, outputs) over pairs of an order and its reverse."""
    random = np.random.default_rng([seed, 1])

    def draw(pairs: int) -> Play[Tensor]:
        order = torch.from_numpy(random.random((pairs, game.players)).argsort(1))
        worth = yield Ask(game, there_and_back(order.to(game.device)))
        return _marginals(order, worth, base, full)

    coalitions = 2 * (game.players - 1)
    return Samples(coalitions * game.repeats, max(1, ROUND // coalitions), draw)


def there_and_back(order: Tensor) -> Tensor:
    """Coalitions (P * 2 (M - 1), M) that grow by the orders (P, M), then by their reverses.

    The k-th of an order holds its first k players; the k-th after those lacks them.
    """
    place = order.argsort(1)
    steps = torch.arange(1, order.shape[1], device=order.device)
    there = place[:, None, :] < steps[:, None]  # (P, M - 1, M)
    return torch.cat([there, ~there], 1).flatten(0, 1)


def _marginals(order: Tensor, worth: Tensor, base: Tensor, full: Tensor) -> Tensor:
    """What each player adds, the mean of there and back: (P, M, outputs)."""
    pairs, players = order.shape
    there, back = worth.view(pairs, 2, players - 1, -1).unbind(1)
    first, last = (each.expand(pairs, 1, -1) for each in (base, full))
    there = torch.cat([first, there, last], 1)
    back = torch.cat([last, back, first], 1)
    added = (there.diff(dim=1) - back.diff(dim=1)) / 2  # by place in the order
    return added.gather(1, order.argsort(1)[..., None].expand_as(added))
