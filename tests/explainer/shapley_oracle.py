"""Shapley values by other means: sums over all orders, and shap itself."""

import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import permutations

import numpy as np
import torch
from hypothesis import settings
from hypothesis import strategies as st

from explainer.shapley.game import Game, table

# shap compiles helpers at every start; without, its values are the same to the last bit.
os.environ.setdefault("NUMBA_DISABLE_JIT", "1")

with warnings.catch_warnings():
    # shap 0.51 imports its plots, which use what newer matplotlib deprecates.
    warnings.simplefilter("ignore")
    import shap

often = settings(max_examples=50, deadline=None)  # a busy machine is no mistake


def game_of(worth: np.ndarray, tree: np.ndarray | None = None) -> Game:
    return table(torch.from_numpy(worth), tree)


def over_orders(worth: np.ndarray, orders: Iterable[tuple[int, ...]] | None = None) -> np.ndarray:
    """The mean of marginal contributions over orders, all of them by default."""
    players = len(worth).bit_length() - 1
    chosen = list(permutations(range(players)) if orders is None else orders)
    values = np.zeros((players, worth.shape[1]))
    for order in chosen:
        coalition = 0
        for player in order:
            values[player] += worth[coalition | 1 << player] - worth[coalition]
            coalition |= 1 << player
    return values / len(chosen)


def orders_of(tree: np.ndarray) -> Iterator[tuple[int, ...]]:
    """Every order that keeps each branch together."""
    players = len(tree) + 1

    def below(node: int) -> list[tuple[int, ...]]:
        if node < players:
            return [(node,)]
        left, right = (below(int(half)) for half in tree[node - players, :2])
        return [c for a in left for b in right for c in (a + b, b + a)]

    return iter(below(2 * players - 2))


@st.composite
def games(draw: st.DrawFn, least: int = 1, most: int = 8) -> np.ndarray:
    """The worth of all coalitions (2^M, outputs); small whole numbers at times, so with ties."""
    players, outputs = draw(st.integers(least, most)), draw(st.integers(1, 3))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    if draw(st.booleans()):
        return random.integers(0, 3, (1 << players, outputs)).astype(np.float64)
    return random.normal(size=(1 << players, outputs))


def random_tree(players: int, seed: int) -> np.ndarray:
    """Join two nodes at random until one is left."""
    random = np.random.default_rng(seed)
    size = dict.fromkeys(range(players), 1)
    alive, rows = list(range(players)), []
    while len(alive) > 1:
        left, right = (alive.pop(random.integers(len(alive))) for _ in range(2))
        new = players + len(rows)
        size[new] = size[left] + size[right]
        rows.append((left, right, len(rows) + 1, size[new]))
        alive.append(new)
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


class Coalitions(shap.maskers.Masker):
    """Hands the coalition itself to the game, so that shap needs to know nothing of inputs."""

    immutable_outputs = True
    fixed_background = True

    def __init__(self, players: int, tree: np.ndarray | None = None) -> None:
        self.shape = (1, players)
        self.clustering = tree

    def __call__(self, mask: np.ndarray, x: np.ndarray) -> np.ndarray:
        return mask.reshape(1, -1).copy()


def shap_partition(
    worth: np.ndarray, tree: np.ndarray, evaluations: int, seed: int
) -> tuple[np.ndarray, int]:
    """shap's PartitionExplainer at a batch size of 50: values, and evaluations that it spent."""
    spent = 0

    def model(masks: np.ndarray) -> np.ndarray:
        nonlocal spent
        spent += len(masks)
        return _look_up(worth, masks)

    with numpy_seed(seed):
        explainer = shap.explainers.Partition(model, Coalitions(len(tree) + 1, tree))
        found = explainer(
            np.ones((1, len(tree) + 1)), max_evals=evaluations, batch_size=50, silent=True
        )
    return np.asarray(found.values).reshape(len(tree) + 1, -1), spent


def shap_permutation(worth: np.ndarray, evaluations: int, seed: int) -> np.ndarray:
    players = len(worth).bit_length() - 1
    with numpy_seed(seed):
        explainer = shap.explainers.Permutation(
            lambda masks: _look_up(worth, masks), Coalitions(players), seed=seed
        )
        found = explainer(np.ones((1, players)), max_evals=evaluations, silent=True)
    return np.asarray(found.values).reshape(players, -1)


def _look_up(worth: np.ndarray, masks: np.ndarray) -> np.ndarray:
    masks = masks.reshape(len(masks), -1)
    return worth[masks.astype(int) @ (1 << np.arange(masks.shape[1]))]


@contextmanager
def numpy_seed(seed: int) -> Iterator[None]:
    """Seed numpy's global generator, and give it back as it was."""
    before = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(before)
