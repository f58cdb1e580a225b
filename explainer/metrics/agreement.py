"""How alike two explanations of one stimulus are; numpy is all it needs."""

import numpy as np
from numpy.typing import NDArray

from explainer.artifact import Explanation

Float64 = NDArray[np.float64]
TOTALS = ("sum", "mean")  # outputs that stand for all others, where there are several


def rank_agreement(a: Float64, b: Float64) -> float | None:
    """Spearman's rank correlation of two maps (M,); None where one is constant.

    Source: Spearman (1904), American Journal of Psychology 15(1), 72-101.
    """
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _ranks(values: Float64) -> Float64:
    """Ranks (M,) from 1; equal values share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Float64 = (last - (counts - 1) / 2)[place]
    return ranks


def on_common_ground(
    a: Explanation, b: Explanation, predicted: str
) -> tuple[Float64, Float64] | None:
    """The values of two explanations for one output, over the same parts; None without an output.

    Where their players differ, each value is shared equally by what its player is made of: pixels,
    characters or steps. The output is the sum or mean, the predicted one, or the first of both.
    """
    common = [name for name in a.outputs if name in b.outputs]
    if not common:
        return None
    name = next((each for each in (*TOTALS, predicted) if each in common), common[0])
    values, others = (
        each.values[:, each.outputs.index(name)].astype(np.float64) for each in (a, b)
    )
    if a.players == b.players:
        return values, others
    spread, against = _spread(a, values), _spread(b, others)
    places = sorted(spread.keys() & against.keys())
    if not places:
        return None
    return np.array([spread[p] for p in places]), np.array([against[p] for p in places])


def _spread(explanation: Explanation, values: Float64) -> dict[int, float]:
    found: dict[int, float] = {}
    for player, value in zip(explanation.players, values.tolist(), strict=True):
        parts = player if explanation.kind == "image" or not player else range(*player)
        for part in parts:
            found[part] = found.get(part, 0.0) + value / len(parts)
    return found


def top_overlap(a: Float64, b: Float64, share: float = 0.1) -> float:
    """The share of the most relevant players of `a` that are among those of `b`."""
    count = max(1, round(share * len(a)))
    first = [set(np.argsort(-each, kind="stable")[:count].tolist()) for each in (a, b)]
    return len(first[0] & first[1]) / count


def sparsity(values: Float64) -> float:
    """Gini coefficient of absolute values (M,): 0 all equal, towards 1 few count.

    Source: Hurley & Rickard (2009), IEEE Transactions on Information Theory 55(10), 4723-4741.
    """
    size = np.sort(np.abs(values))
    if size.sum() == 0:
        return 0.0
    M = len(size)
    weights = (M - np.arange(1, M + 1) + 0.5) / M
    return float(1 - 2 * (size / size.sum() * weights).sum())
