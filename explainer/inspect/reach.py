"""How far back a model looks: where half of an explanation's absolute values lies."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from explainer.artifact import Explanation
from explainer.metrics.agreement import rank_agreement

Float64 = NDArray[np.float64]
Span = tuple[int, ...]


def reach(values: ArrayLike, distance: ArrayLike, share: float = 0.5) -> float | None:
    """The least distance within which `share` of the absolute values (M,) lies.

    distance (M,): how far back each player is. None where all values are 0.
    """
    size, far = np.abs(np.asarray(values, np.float64)), np.asarray(distance, np.float64)
    if size.sum() == 0:
        return None
    order = np.argsort(far, kind="stable")
    # Rounding must not push what is exactly half beyond it.
    within = np.cumsum(size[order]) >= share * size.sum() * (1 - 1e-12)
    return float(far[order][within.argmax()])


def common_players(a: Sequence[Span], b: Sequence[Span]) -> tuple[Span, ...]:
    """The finest spans of characters that both sets of spans can be merged into, in order.

    Spans of one set that a span of the other overlaps become one.
    """
    found: list[list[int]] = []
    for start, end in sorted((span[0], span[1]) for span in (*a, *b)):
        if found and start < found[-1][1]:
            found[-1][1] = max(found[-1][1], end)
        else:
            found.append([start, end])
    return tuple((start, end) for start, end in found)


def merged(explanation: Explanation, spans: Sequence[Span]) -> Float64:
    """The values of an explanation, summed within wider spans: (spans, outputs)."""
    found = np.zeros((len(spans), len(explanation.outputs)))
    starts = [span[0] for span in spans]
    for player, value in zip(explanation.players, explanation.values, strict=True):
        found[np.searchsorted(starts, player[0], side="right") - 1] += value
    return found


def agreement(a: Float64, b: Float64) -> float | None:
    """Rank correlation of how much each player counts, by mean absolute value over outputs."""
    return rank_agreement(np.abs(a).mean(1), np.abs(b).mean(1))
