"""How alike two explanations of one stimulus are."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Float64 = NDArray[np.float64]


def rank_agreement(a: Float64, b: Float64) -> float | None:
    """Spearman's rank correlation of two maps (M,); None where one is constant.

    Source: Spearman (1904), American Journal of Psychology 15(1), 72-101.
    """
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(stats.spearmanr(a, b).statistic)


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
