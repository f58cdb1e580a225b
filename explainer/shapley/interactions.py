"""Shapley interaction values: how much of two players' worth lies in their playing together.

Each pair's interaction is shared by its two players, half in [i, j] and half in [j, i]; the
diagonal holds what is left of a player's Shapley value, its main effect. Rows add up to Shapley
values and all entries to full - base, as in shap's TreeExplainer. Source: Lundberg, Erion & Lee
2018, arXiv:1802.03888, eq. 3-6; both halves together are the interaction index of Grabisch &
Roubens 1999, Int. J. Game Theory 28(4), 547-565.
"""

from dataclasses import dataclass
from math import comb

import numpy as np
import torch
from torch import Tensor

from explainer.methods import Float64, MethodError
from explainer.shapley.estimate import Estimate, Samples, Stop, ends, sample
from explainer.shapley.exact import MOST, all_coalitions, refuse_more, shapley_weights
from explainer.shapley.game import Ask, Game, Play

ROUND = 1024  # coalitions asked for at once, or one sweep over all pairs where that is more
LARGEST = 256  # players: a sweep over their pairs is 65,280 coalitions


@dataclass(frozen=True)
class Interactions:
    """Interaction values, and the estimate of the Shapley values that their rows add up to.

    values (players, players, outputs); standard_errors: the same, or None after a single sweep.
    """

    values: Float64
    standard_errors: Float64 | None
    estimate: Estimate


def exact_interactions(game: Game, most: int = MOST) -> Play[Interactions]:
    """The interactions of at most `most` players, by the worth of all 2^M coalitions.

    Raises MethodError where there are more players.
    """
    refuse_more(game.players, most)
    found = base = full = torch.zeros((), dtype=torch.float64)
    shapley = torch.zeros((), dtype=torch.float64)
    for number, coalitions in enumerate(all_coalitions(game.players)):
        worth = yield Ask(game, coalitions)
        shapley = shapley + shapley_weights(coalitions).T @ worth
        found = found + _weighted(coalitions, worth)
        base, full = worth[0] if number == 0 else base, worth[-1]
    values = _with_main_effects(found[None], shapley[None])[0].numpy()
    estimate = Estimate(
        values=shapley.numpy(),
        base=base.numpy(),
        full=full.numpy(),
        standard_errors=np.zeros(shapley.shape),
        evaluations=game.repeats << game.players,
        seed=None,
        stopped="exact",
    )
    return Interactions(values, np.zeros(values.shape), estimate)


def interactions(game: Game, stop: Stop, seed: int) -> Play[Interactions]:
    """The interactions of any number of players to LARGEST, by sweeps over random orders.

    Where i and j follow one another in a uniform order, what they are worth together beyond
    either alone, beside those before them, has the interaction index as its mean. A sweep is as
    many orders as make every pair neighbours once: about M^2 evaluations. Standard errors are over
    sweeps. Raises MethodError where the evaluations do not suffice for one. Source of the orders:
    Walecki's decomposition of complete graphs into Hamiltonian paths, told by Lucas 1883,
    Récréations mathématiques II, and by Alspach 2008, Bulletin of the ICA 52, 7-20.
    """
    if game.players <= 2:
        return (yield from exact_interactions(game))
    if game.players > LARGEST:
        raise MethodError(
            f"interactions are for at most {LARGEST} players, not {game.players}: group them into "
            "fewer (`players`, `size`)"
        )
    random = np.random.default_rng([seed, 2])
    base, full = yield from ends(game)
    # Only an even number has such orders; a player that does nothing changes no value.
    even = game.players + game.players % 2

    def draw(sweeps: int) -> Play[Tensor]:
        orders = _sweeps(torch.from_numpy(random.random((sweeps, even)).argsort(1)))
        asked = _coalitions(orders.to(game.device))[..., : game.players]
        worth = yield Ask(game, asked.flatten(0, 2))
        pairs, shapley = _read(orders, worth.view(*asked.shape[:3], -1), base, full)
        players = slice(game.players)
        pairs, shapley = pairs[:, players, players], shapley[:, players]
        return torch.cat([_with_main_effects(pairs, shapley), shapley[:, :, None]], 2)

    coalitions = even * (even - 1)
    samples = Samples(coalitions * game.repeats, max(1, ROUND // coalitions), draw)
    spread, spent, reason = yield from sample(stop, 2 * game.repeats, samples)
    values, errors = spread.mean, spread.standard_errors
    estimate = Estimate(
        values=values[:, -1],
        base=base.numpy(),
        full=full.numpy(),
        standard_errors=None if errors is None else errors[:, -1],
        evaluations=spent,
        seed=seed,
        stopped=reason,
    )
    return Interactions(values[:, :-1], None if errors is None else errors[:, :-1], estimate)


def _weighted(coalitions: Tensor, worth: Tensor) -> Tensor:
    """What coalitions (n, M) of worth (n, outputs) add to half of each pair's index."""
    players = coalitions.shape[1]
    beside = torch.tensor(
        [1 / (2 * (players - 1) * comb(players - 2, size)) for size in range(players - 1)],
        dtype=torch.float64,
    )
    none = beside.new_zeros(2)
    size = coalitions.sum(1)[:, None]
    # By how many of the pair are in a coalition, as a polynomial of being in it.
    neither = torch.cat([beside, none])[size] * worth
    one = -torch.cat([none[:1], beside, none[:1]])[size] * worth
    both = torch.cat([none, beside])[size] * worth
    inside = coalitions.double()
    together = both - 2 * one + neither
    products = [(inside * column[:, None]).T @ inside for column in together.unbind(1)]
    alone = inside.T @ (one - neither)  # (M, outputs)
    return torch.stack(products, -1) + alone[:, None] + alone + neither.sum(0)


def _with_main_effects(pairs: Tensor, shapley: Tensor) -> Tensor:
    """Put on the diagonal of (n, M, M, outputs) what is left of Shapley values (n, M, outputs)."""
    off = ~torch.eye(pairs.shape[1], dtype=torch.bool)[..., None]
    shared = pairs * off
    main = shapley - shared.sum(2)
    return shared + main[:, :, None] * ~off


def _sweeps(names: Tensor) -> Tensor:
    """Orders (n, N / 2, N) in which each two of N players are neighbours once. names (n, N)."""
    number = names.shape[1]
    steps = torch.arange(number)
    zigzag = torch.where(steps % 2 == 1, (steps + 1) // 2, -(steps // 2))
    return names[:, (torch.arange(number // 2)[:, None] + zigzag) % number]


def _coalitions(orders: Tensor) -> Tensor:
    """Coalitions (n, N / 2, 2 (N - 1), N): the first k of an order; those and the next but one."""
    place = orders.argsort(-1)[..., None, :]
    count = torch.arange(orders.shape[-1], device=orders.device)[:, None]
    return torch.cat([place < count[1:], (place < count[:-1]) | (place == count[1:])], -2)


def _read(orders: Tensor, worth: Tensor, base: Tensor, full: Tensor) -> tuple[Tensor, Tensor]:
    """Half of each pair's index (n, N, N, outputs), and Shapley values (n, N, outputs)."""
    first, skipping = worth.chunk(2, 2)
    start, end = (each.expand(*first.shape[:2], 1, -1) for each in (base, full))
    joining = torch.cat([start, first, end], 2)  # the worth of the first k, k = 0 ... N
    beyond = joining[:, :, 2:] - joining[:, :, 1:-1] - skipping + joining[:, :, :-2]
    sweeps, number = orders.shape[0], orders.shape[2]
    pairs = worth.new_zeros(sweeps, number, number, worth.shape[-1])
    sweep = torch.arange(sweeps)[:, None, None]
    pairs[sweep, orders[..., :-1], orders[..., 1:]] = beyond / 2
    added = joining.diff(dim=2)
    shapley = added.gather(2, orders.argsort(-1)[..., None].expand_as(added)).mean(1)
    return pairs + pairs.transpose(1, 2), shapley
