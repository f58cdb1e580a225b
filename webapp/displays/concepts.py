"""What a self-explaining model's own ideas counted, and the pictures that each is strongest in."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explainer.artifact import Explanation, Stimulus
from webapp.displays.png import png


@dataclass(frozen=True)
class Concept:
    """What one of the ideas counted, in percent of all that counted.

    length: of its bar, from 0 to 100, the longest 100. pictures: one strip of those that it is
    strongest in, as a data URI; None where they are not known.
    """

    number: int
    share: int
    length: float
    pictures: str | None = None


def concepts(
    explanation: Explanation, stimulus: Stimulus, prototypes: NDArray[np.uint8] | None
) -> tuple[Concept, ...]:
    """Every idea, in the model's order. prototypes: (concepts, n, height, width[, 3])."""
    values = explanation.values[:, explanation.outputs.index(stimulus.predicted)].astype(np.float64)
    largest = float(np.abs(values).max(initial=0)) or 1.0
    total = float(np.abs(values).sum()) or 1.0
    return tuple(
        Concept(
            k + 1,
            round(100 * value / total),
            round(100 * abs(value) / largest, 1),
            None if prototypes is None else png(_strip(prototypes[k])),
        )
        for k, value in enumerate(values.tolist())
    )


def _strip(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures (n, height, width[, 3]) beside each other; digits dark on white, as everywhere."""
    beside = np.concatenate(list(pictures), axis=1)
    return beside if beside.ndim == 3 else 255 - beside
