"""Split-half reliability: how two halves of a scale go together."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np
from numpy.typing import ArrayLike

from analysis.bootstrap import with_interval
from analysis.estimate import Estimate, NotEstimableError
from analysis.reliability.complete import complete, varying
from analysis.samples import Floats

SPEARMAN = "Spearman (1910) and Brown (1910), British Journal of Psychology 3(3), 271-322"
GUTTMAN = "Guttman (1945), Psychometrika 10(4), 255-282, lambda 4"

# All halves of 16 items; more items would take too long to split in every way.
_MOST_SPLITS = 6435


@dataclass(frozen=True)
class SplitHalf:
    """One split with intervals, and what the other splits into equal halves give.

    lowest, mean, highest: Guttman's over every split; None above 16 items.
    """

    spearman_brown: Estimate
    guttman: Estimate
    lowest: float | None
    mean: float | None
    highest: float | None


def split_half(
    items: ArrayLike,
    first: Sequence[int] | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> SplitHalf:
    """Reliability of the scale from one split of its items, by Spearman-Brown and by Guttman.

    items: (n_people, n_items), reversed ones turned round; a gap is NaN and drops the person.
    first: places of the first half's items; else every other item.
    """
    x, notes = complete(items)
    varying(x, "split-half reliability")
    k = x.shape[1]
    half = list(range(0, k, 2)) if first is None else sorted(set(first))
    if not 0 < len(half) < k or half[0] < 0 or half[-1] >= k:
        raise ValueError(f"the first half {half} must hold some, not all, of the {k} items")
    inside = np.isin(np.arange(k), half)
    halves = np.column_stack([x[:, inside].sum(axis=1), x[:, ~inside].sum(axis=1)])
    if (np.ptp(halves, axis=0) == 0).any() or np.ptp(halves.sum(axis=1)) == 0:
        raise NotEstimableError("everyone has the same total in a half or over all")

    def estimate(name: str, source: str, value: Callable[[Floats], float]) -> Estimate:
        found = Estimate(name, value(halves), "one split of the items", len(x), source, notes=notes)
        return with_interval(
            found, lambda i: value(halves[i]), [len(x)], confidence=confidence, seed=seed
        )

    both = (
        estimate("Spearman-Brown", SPEARMAN, _spearman_brown),
        estimate("Guttman's lambda 4", GUTTMAN, _guttman),
    )
    every = _every_split(x)
    if every is None:
        return SplitHalf(*both, None, None, None)
    return SplitHalf(*both, float(every.min()), float(every.mean()), float(every.max()))


def _spearman_brown(halves: Floats) -> float:
    c = _covariance(halves)
    spread = c[0, 0] * c[1, 1]
    r = float(c[0, 1] / np.sqrt(spread)) if spread > 0 else float("nan")
    return 2 * r / (1 + r) if r > -1 else float("nan")


def _guttman(halves: Floats) -> float:
    c = _covariance(halves)
    return float(4 * c[0, 1] / c.sum()) if c.sum() > 0 else float("nan")


def _covariance(x: Floats) -> Floats:
    return np.asarray(np.cov(x, rowvar=False), dtype=float)


def _lambda_4(covariance: Floats, inside: Floats) -> Floats:
    """Four times the covariance of the halves over the variance of the total; inside: (s, k)."""
    across = ((inside @ covariance) * (1 - inside)).sum(axis=1)
    return np.asarray(4 * across / covariance.sum())


def _every_split(x: Floats) -> Floats | None:
    """Guttman's value of every split into halves, as equal as they can be."""
    k = x.shape[1]
    splits = list(islice(_splits(k), _MOST_SPLITS + 1))
    if len(splits) > _MOST_SPLITS:
        return None
    inside = np.zeros((len(splits), k))
    for row, split in enumerate(splits):
        inside[row, list(split)] = 1
    return _lambda_4(_covariance(x), inside)


def _splits(k: int) -> Iterator[tuple[int, ...]]:
    """Every split once: of an even number of items, the half with the first item."""
    if k % 2:
        yield from combinations(range(k), k // 2)
    else:
        yield from ((0, *rest) for rest in combinations(range(1, k), k // 2 - 1))
