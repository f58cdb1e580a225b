"""How far an explanation moves when its input hardly does: costly, since each is explained anew."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.artifact import Stimulus
from explainer.methods import MethodError
from explainer.shapley.game import Play

Float64 = NDArray[np.float64]
NEIGHBOURS = 10
GREYS = 5  # of 255, the most that a pixel moves
STEPS = 0.1  # of the standard deviation of a series' steps, the spread of what a value moves


@dataclass(frozen=True)
class Stability:
    """Over NEIGHBOURS inputs close by: the largest relative and absolute change of the values.

    max_sensitivity: largest |change of values| / |values|. lipschitz: largest |change of values| /
    |change of input|, pixels in [0, 1] and series in the data's units. Euclidean norms.
    """

    max_sensitivity: float
    lipschitz: float


def stability(
    stimulus: Stimulus,
    values: Float64,
    explain: Callable[[Stimulus], Play[Float64]],
    seed: int,
) -> Play[Stability]:
    """Explain neighbours drawn by the seed; values, explain: of one output, (players,).

    A neighbour keeps what the model said of the stimulus, so the same output is explained.

    Raises MethodError for a text, which has no neighbours that are hardly different.
    Sources: Yeh et al. 2019, arXiv:1901.09392 (sensitivity); Alvarez-Melis & Jaakkola 2018,
    arXiv:1806.07538, eq. 6 (local Lipschitz estimate).
    """
    size = float(np.linalg.norm(values))
    changes, slopes = [], []
    for moved in neighbours(stimulus, seed):
        found = yield from explain(replace(stimulus, content=moved))
        change = float(np.linalg.norm(found - values))
        distance = float(np.linalg.norm(unit(moved) - unit(stimulus.content)))
        changes.append(change / size if size else 0.0)
        slopes.append(change / distance)
    return Stability(max(changes), max(slopes))


def neighbours(stimulus: Stimulus, seed: int) -> list[NDArray[Any]]:
    """Contents that differ from a stimulus's by a little noise everywhere."""
    random = np.random.default_rng([seed, 8])
    content = stimulus.content
    found: list[NDArray[Any]] = []
    for _ in range(NEIGHBOURS):
        if stimulus.kind == "image":
            noise = random.integers(-GREYS, GREYS + 1, content.shape)
            found.append((content.astype(int) + noise).clip(0, 255).astype(np.uint8))
        elif stimulus.kind == "series":
            spread = STEPS * float(np.diff(content, axis=0).std())
            found.append((content + random.normal(0, spread, content.shape)).astype(content.dtype))
        else:
            raise MethodError(
                "a text has no neighbour that is hardly different; sensitivity is measured on "
                "images and series"
            )
    return found


def unit(content: NDArray[Any]) -> Float64:
    """Content as numbers: pixels in [0, 1], a series as it is."""
    return content / 255 if content.dtype == np.uint8 else content.astype(np.float64)
