"""Owen values: Shapley values among orders that keep every branch of a tree together.

At each node of a binary tree the two halves are the players of a game of two, once beside whoever
is outside and once more for each way in which the other halves above take part or not.
"""

import heapq
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explainer.methods import Float64, MethodError
from explainer.shapley.estimate import Estimate, Stop, ends
from explainer.shapley.game import Ask, Game, Play
from explainer.shapley.trees import Linkage, members

ROUND = 4096  # regions halved at once when all are
# Regions that shap's explainer halves at once are half of this. Which they are depends on what
# earlier ones were worth, so this is part of what partition computes, not only of how fast it is.
BATCH = 50
MOST = 200_000  # evaluations that exact values may take, unless more are asked for


@dataclass(frozen=True)
class _Regions:
    """Nodes of the tree (R,), each beside a coalition (R, M) of players outside it.

    without, joined: the coalition's worth without and with the whole node, (R, outputs). weight
    (R,): the share of orders in which it joins that coalition.
    """

    node: Tensor
    beside: Tensor
    without: Tensor
    joined: Tensor
    weight: Tensor

    def __getitem__(self, rows: slice | Tensor) -> "_Regions":
        return _Regions(
            self.node[rows],
            self.beside[rows],
            self.without[rows],
            self.joined[rows],
            self.weight[rows],
        )

    def __len__(self) -> int:
        return len(self.node)


def owen(game: Game, most: int = MOST) -> Play[Estimate]:
    """Exact Owen values, level by level: (2/3)(M^2 - 1) + 2 evaluations of a balanced tree.

    A level's coalitions do not depend on one another and are asked for together, some thousands
    at a time. Raises MethodError where the evaluations would be more than `most`, or there is no
    tree. Source: Owen 1977, Values of games with a priori unions; Winter 1989, Int. J. Game Theory
    18, 227-240, for levels of them.
    """
    tree = _tree(game)
    evaluations = game.repeats * coalitions_of(tree)
    if evaluations > most:
        raise MethodError(
            f"exact Owen values of {game.players} players take "
            f"{f'{evaluations:,}' if evaluations < 10**12 else 'over 10^12'} evaluations, and "
            f"{most:,} are allowed: raise `most_evaluations`, group the players into fewer "
            "(`players`, `size`), or use partition, which stops at its budget"
        )
    base, full = yield from ends(game)
    inside = torch.from_numpy(members(tree))
    values = torch.zeros(game.players, len(base), dtype=torch.float64)
    todo = [
        _Regions(
            torch.tensor([2 * game.players - 2]),
            torch.zeros(1, game.players, dtype=torch.bool),
            base[None],
            full[None],
            torch.ones(1, dtype=torch.float64),
        )
    ]
    while todo:
        regions = todo.pop()
        single = regions.node < game.players
        alone = regions[single]
        values.index_add_(0, alone.node, (alone.joined - alone.without) * alone.weight[:, None])
        regions = regions[~single]
        if len(regions) > ROUND:
            todo.append(regions[ROUND:])
        if len(regions):
            todo.append((yield from _halve(game, regions[:ROUND], tree, inside)))
    return Estimate(
        values=values.numpy(),
        base=base.numpy(),
        full=full.numpy(),
        standard_errors=torch.zeros_like(values).numpy(),
        evaluations=evaluations,
        seed=None,
        stopped="exact",
    )


def _halve(game: Game, regions: _Regions, tree: Linkage, inside: Tensor) -> Play[_Regions]:
    """Each half beside what its node was beside, and beside that and the other half."""
    halves = torch.from_numpy(tree[:, :2].astype(np.int64))[regions.node - game.players]
    left, right = halves.unbind(1)
    with_left, with_right = (regions.beside | inside[half] for half in (left, right))
    worth = yield Ask(game, torch.cat([with_left, with_right]))
    left_in, right_in = worth.chunk(2)
    return _Regions(
        torch.cat([left, right, left, right]),
        torch.cat([regions.beside, regions.beside, with_right, with_left]),
        torch.cat([regions.without, regions.without, right_in, left_in]),
        torch.cat([left_in, right_in, regions.joined, regions.joined]),
        (regions.weight / 2).repeat(4),
    )


def coalitions_of(tree: Linkage) -> int:
    """How many coalitions exact Owen values take: 2, and 2 * 2^depth for each inner node."""
    players = len(tree) + 1
    ways = {2 * players - 2: 1}  # a Python number does not overflow where a tree is a long chain
    found = 2
    for row in reversed(range(players - 1)):
        found += 2 * ways[players + row]
        for half in tree[row, :2].astype(int).tolist():
            ways[half] = 2 * ways[players + row]
    return found


def partition(game: Game, stop: Stop, seed: int) -> Play[Estimate]:
    """Owen values by halving the most promising regions first, until the evaluations run out.

    What a region was worth when they did is shared equally by its players. With the same tree and
    evaluations the values are those of shap 0.51's PartitionExplainer at a batch size of 50,
    seeded by np.random.seed(seed). Raises MethodError where there is no tree, or a tolerance is
    given: these values have bias, which no standard error shows.
    """
    tree = _tree(game)
    if stop.tolerance is not None:
        raise MethodError("partition has no standard error to hold against a tolerance")
    inside = members(tree)
    # shap breaks ties between regions by numpy's global generator, which this one is like.
    random = np.random.RandomState(seed)
    first, last = yield from ends(game)
    base, full = first.numpy(), last.numpy()
    left = None if stop.evaluations is None else stop.evaluations // game.repeats - 2
    kept = np.zeros((2 * game.players - 1, len(base)))
    nobody = np.zeros(game.players, dtype=bool)
    queue: list[_Entry] = [(0.0, 0.0, _Region(2 * game.players - 2, nobody, base, full, 1.0))]
    spent = 0
    stopped = "exact"
    while queue:
        if left is not None and spent >= left:
            stopped = "evaluations"
            break
        if stop.reason(0) == "seconds":
            stopped = "seconds"
            break
        chosen: list[_Region] = []
        while (
            queue and 2 * len(chosen) < BATCH and (left is None or spent + 2 * len(chosen) < left)
        ):
            region = heapq.heappop(queue)[2]
            if region.node < game.players or tree[region.node - game.players, 2] < 0:
                kept[region.node] += region.added
            else:
                chosen.append(region)
        if chosen:
            spent += 2 * len(chosen)
            for new in (yield from _explore(game, chosen, tree, inside)):
                promise = float(np.abs(new.joined - new.without).max()) * new.weight
                heapq.heappush(queue, (-promise, random.standard_normal(), new))
    for _, _, region in queue:
        kept[region.node] += region.added
    return Estimate(
        values=_share(kept, tree),
        base=base,
        full=full,
        standard_errors=None,
        evaluations=(2 + spent) * game.repeats,
        seed=seed,
        stopped=stopped,
    )


@dataclass(frozen=True)
class _Region:
    """A node beside a coalition; its worth without and with the node, and its weight."""

    node: int
    beside: NDArray[np.bool_]
    without: Float64
    joined: Float64
    weight: float

    @property
    def added(self) -> Float64:
        return (self.joined - self.without) * self.weight


_Entry = tuple[float, float, _Region]


def _explore(
    game: Game, chosen: list[_Region], tree: Linkage, inside: NDArray[np.bool_]
) -> Play[list[_Region]]:
    """Halve regions: each half beside what its node was beside, and beside the other half too."""
    halves = tree[[region.node - game.players for region in chosen], :2].astype(int)
    beside = np.stack([region.beside for region in chosen])
    asked = np.stack([beside | inside[halves[:, 0]], beside | inside[halves[:, 1]]], 1)
    worth = yield Ask(game, torch.from_numpy(asked.reshape(-1, game.players)))
    answers = worth.numpy().reshape(len(chosen), 2, -1)
    found = []
    for region, (left, right), (with_left, with_right), (left_in, right_in) in zip(
        chosen, halves.tolist(), asked, answers, strict=True
    ):
        weight = region.weight / 2
        found += [
            _Region(left, region.beside, region.without, left_in, weight),
            _Region(right, region.beside, region.without, right_in, weight),
            _Region(left, with_right, right_in, region.joined, weight),
            _Region(right, with_left, left_in, region.joined, weight),
        ]
    return found


def _share(kept: Float64, tree: Linkage) -> Float64:
    """Hand what stayed with a node down to its players, in proportion to the halves' sizes."""
    players = len(tree) + 1
    values = kept.copy()
    size = np.concatenate([np.ones(players), tree[:, 3]])
    for node in reversed(range(players, 2 * players - 1)):
        halves = tree[node - players, :2].astype(int)
        values[halves] += values[node] * (size[halves] / size[node])[:, None]
    return values[:players]


def _tree(game: Game) -> Linkage:
    if game.tree is None or len(game.tree) != game.players - 1:
        raise MethodError("Owen values need a tree of the players")
    return game.tree
