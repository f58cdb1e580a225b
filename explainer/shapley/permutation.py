"""Shapley values by antithetic permutations: players join in a random order, there and back."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from explainer.methods import MethodError
from explainer.shapley.estimate import Estimate, Spread, Stop, ends, relative_error
from explainer.shapley.exact import exact
from explainer.shapley.game import Ask, Game, Play

ROUND = 1024  # coalitions asked for at once, or one pair where that is more
FEWEST = 8  # pairs before an error is believed


def permutation(game: Game, stop: Stop, seed: int) -> Play[Estimate]:
    """Mean marginal contributions over pairs of a random order and its reverse.

    A pair takes 2 (M - 1) coalitions, beside the empty and the full one, which every pair shares.
    Standard errors are over pairs, None after a single one, which says nothing of its spread; up
    to two players are exact. The values add up to full - base whatever the number of pairs.
    Raises MethodError where the evaluations do not suffice for a pair. Source: Mitchell et al.
    2022, JMLR 23(43), section 4.
    """
    if game.players <= 2:
        return replace((yield from exact(game)), seed=seed)
    cost = 2 * (game.players - 1) * game.repeats
    spent = 2 * game.repeats
    if stop.evaluations is not None and stop.evaluations < spent + cost:
        raise MethodError(
            f"permutation needs at least {spent + cost} evaluations for {game.players} players "
            f"that matter, not {stop.evaluations}: raise `evaluations`, group the players into "
            "fewer (`players`, `size`), or use partition"
        )
    random = np.random.default_rng([seed, 1])
    base, full = yield from ends(game)
    spread = Spread()
    reason = None
    while reason is None:
        pairs = max(1, ROUND // (2 * (game.players - 1)))
        if stop.evaluations is not None:
            pairs = min(pairs, (stop.evaluations - spent) // cost)
        order = torch.from_numpy(random.random((pairs, game.players)).argsort(1))
        worth = yield Ask(game, there_and_back(order.to(game.device)))
        spread.add(_marginals(order, worth, base, full))
        spent += pairs * cost
        believed = spread.count >= FEWEST and stop.tolerance is not None
        error = relative_error(spread.mean, spread.standard_errors) if believed else None
        # Stop where another pair would not fit, not only where nothing is left.
        reason = stop.reason(spent + cost - 1, error)
    return Estimate(
        values=spread.mean,
        base=base.numpy(),
        full=full.numpy(),
        standard_errors=spread.standard_errors if spread.count > 1 else None,
        evaluations=spent,
        seed=seed,
        stopped=reason,
    )


def there_and_back(order: Tensor) -> Tensor:
    """Coalitions (P * 2 (M - 1), M) that grow by the orders (P, M), then by their reverses.

    The k-th of an order holds its first k players; the k-th of the reverse lacks them.
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
