"""Partition and permutation SHAP of a masked image, on the model's log-probabilities.

The players are the pixels in true row-major order, whatever order the model reads them in. A pixel
that does not play has a constant value: that, and not an expectation over data, is what the values
are relative to.
"""

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from explainer.methods import Attribution, Float64, MethodError
from explainer.models.image import ImageClassifier

# shap compiles helpers by numba at every start, which took 24 of 62 s of the demo; without, its
# values are the same to the last bit, and the model's own time dwarfs what the helpers take.
os.environ.setdefault("NUMBA_DISABLE_JIT", "1")

with warnings.catch_warnings():
    # shap 0.51 imports its plots, which use what newer matplotlib deprecates.
    warnings.simplefilter("ignore")
    import shap

# Coalitions evaluated together. Partition SHAP takes the most promising regions a batch at a time,
# so this is part of what it computes and not only of how fast it is.
BATCH = 50

Masks = NDArray[np.bool_]


class Game:
    """What each coalition of players is worth, counting evaluations.

    worth: masks (n, players) -> (n, outputs). tree: the players' hierarchy as a scipy linkage
    matrix, for partition.
    """

    def __init__(
        self,
        players: int,
        worth: Callable[[Masks], Float64],
        tree: Float64 | None = None,
    ) -> None:
        """Take a set function."""
        self.players = players
        self.worth = worth
        self.tree = tree
        self.evaluations = 0

    def __call__(self, masks: NDArray[Any]) -> Float64:
        """Evaluate coalitions; the worth must be finite."""
        self.evaluations += len(masks)
        worth = self.worth(masks.astype(bool))
        if not np.isfinite(worth).all():
            raise MethodError("the model's output is NaN or infinite")
        return worth


def image_game(
    model: ImageClassifier, image: NDArray[np.uint8], outputs: Sequence[int], mask: float
) -> Game:
    """The log-probabilities of classes `outputs`; pixels out of the coalition are `mask`."""
    weight = next(model.parameters())
    pixels = torch.from_numpy(image.astype(np.float64) / 255).to(weight)
    columns = list(outputs)

    def worth(masks: Masks) -> Float64:
        with torch.inference_mode():
            playing = torch.from_numpy(masks).to(weight.device).view(-1, *image.shape)
            images = torch.where(playing, pixels, mask)
            found = model.log_probabilities(images)[:, columns].double().cpu().numpy()
        return np.asarray(found, dtype=np.float64)

    return Game(image.size, worth, image_tree(*image.shape))


def image_tree(height: int, width: int) -> Float64:
    """The hierarchy that shap gives an image: the longer side halved, down to pixels."""
    masker = shap.maskers.Image(np.zeros((height, width, 1)))
    return np.asarray(masker.clustering, dtype=np.float64)


def partition(
    model: ImageClassifier,
    image: NDArray[np.uint8],
    outputs: Sequence[int],
    parameters: Mapping[str, Any],
    seed: int,
) -> Attribution:
    """Owen values by shap's PartitionExplainer, `evaluations` of the model."""
    mask, name = _mask(model, parameters["mask"])
    game = image_game(model, image, outputs, mask)
    values, base = partition_values(game, parameters["evaluations"], seed)
    return _attribution(game, values, base, name)


def permutation(
    model: ImageClassifier,
    image: NDArray[np.uint8],
    outputs: Sequence[int],
    parameters: Mapping[str, Any],
    seed: int,
) -> Attribution:
    """Shapley values by shap's PermutationExplainer, at most `evaluations` of the model."""
    mask, name = _mask(model, parameters["mask"])
    game = image_game(model, image, outputs, mask)
    values, base = permutation_values(game, parameters["evaluations"], seed)
    return _attribution(game, values, base, name)


def partition_values(game: Game, evaluations: int, seed: int) -> tuple[Float64, Float64]:
    """Owen values (players, outputs) and base values (outputs,) of any game with a tree."""
    if game.tree is None:
        raise MethodError("partition needs a hierarchy of the players")
    with _numpy_seed(seed):  # shap breaks ties between regions by numpy's global generator
        explainer = shap.explainers.Partition(game, _Coalitions(game.players, game.tree))
        found = explainer(
            np.ones((1, game.players)), max_evals=evaluations, batch_size=BATCH, silent=True
        )
    return _columns(found.values, game.players), _columns(found.base_values, 1)[0]


def permutation_values(game: Game, evaluations: int, seed: int) -> tuple[Float64, Float64]:
    """Shapley values (players, outputs) and base values (outputs,) of any game.

    `evaluations` must be at least 2 x players + 1: one permutation there and back.
    """
    with _numpy_seed(seed):
        # No tree: with one, shap keeps branches together, and draws from an unseeded source.
        explainer = shap.explainers.Permutation(game, _Coalitions(game.players), seed=seed)
        found = explainer(
            np.ones((1, game.players)), max_evals=evaluations, batch_size=BATCH, silent=True
        )
    return _columns(found.values, game.players), _columns(found.base_values, 1)[0]


def _columns(array: Any, rows: int) -> Float64:
    """Put back the axis of outputs that shap drops where there is one."""
    return np.asarray(array, dtype=np.float64).reshape(rows, -1)


class _Coalitions(shap.maskers.Masker):  # type: ignore[misc]
    """Hands the coalition itself to the game, so that shap needs to know nothing of images."""

    immutable_outputs = True
    fixed_background = True

    def __init__(self, players: int, tree: Float64 | None = None) -> None:
        """Say how many players there are, and their hierarchy."""
        self.shape = (1, players)
        self.clustering = tree

    def __call__(self, mask: Masks, x: NDArray[Any]) -> NDArray[Any]:
        """One row: which players play."""
        return mask.reshape(1, -1).copy()


def _mask(model: ImageClassifier, mask: str | float) -> tuple[float, str]:
    """The constant, and the value function's name."""
    if mask == "mean":
        value, note = model.preprocessing.mean[0], " (training mean)"
    else:
        value, note = 0.0 if mask == "zero" else float(mask), ""
    return value, f"log-probability; masked pixels set to {value:g}{note}"


def _attribution(game: Game, values: Float64, base: Float64, name: str) -> Attribution:
    evaluations = game.evaluations
    full = game(np.ones((1, game.players), dtype=bool))[0]
    players = tuple((pixel,) for pixel in range(game.players))
    return Attribution(players, values, base, full, name, evaluations)


@contextmanager
def _numpy_seed(seed: int) -> Iterator[None]:
    """Seed numpy's global generator, and give it back as it was."""
    before = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(before)
