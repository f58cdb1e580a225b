"""How fast the model's output falls as parts are removed, the ones that counted most first."""

from dataclasses import dataclass

import numpy as np

from explainer.artifact import Measures
from webapp.displays.number import number

WIDTH, HEIGHT = 320.0, 150.0  # of the plot, in SVG units
TABLE = (0.0, 0.25, 0.5, 0.75, 1.0)  # shares of the parts that the table has


@dataclass(frozen=True)
class Curves:
    """Two lines as SVG points: parts removed by what counted, and by chance.

    ticks: heights with labels. rows: share removed in percent, and the output by each.
    """

    own: str
    chance: str
    ticks: tuple[tuple[float, str], ...]
    rows: tuple[tuple[int, str, str], ...]


def curves(measures: Measures | None) -> Curves | None:
    """Draw the deletion curve of an explanation beside chance; None where it was not measured."""
    found = {} if measures is None else measures.curves
    own, chance = found.get("removal"), found.get("random_removal")
    if own is None or chance is None:
        return None
    levels = [*own["deletion"], *chance["deletion"]]
    low, high = min(levels), max(levels)
    spread = high - low or 1.0

    def points(curve: dict[str, list[float]]) -> str:
        return " ".join(
            f"{WIDTH * share:.1f},{HEIGHT * (1 - (level - low) / spread):.1f}"
            for share, level in zip(curve["shares"], curve["deletion"], strict=True)
        )

    def at(curve: dict[str, list[float]], share: float) -> str:
        return number(float(np.interp(share, curve["shares"], curve["deletion"])))

    return Curves(
        own=points(own),
        chance=points(chance),
        ticks=tuple((y, number(low + part * spread)) for y, part in ((HEIGHT, 0), (0.0, 1))),
        rows=tuple((round(100 * k), at(own, k), at(chance, k)) for k in TABLE),
    )
