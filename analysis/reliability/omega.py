"""McDonald's omega: how much of a scale's total is what its items have in common."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from analysis.bootstrap import around
from analysis.estimate import Estimate, NotEstimableError
from analysis.reliability.complete import complete, varying
from analysis.reliability.factors import minres, oblimin
from analysis.samples import Floats

MCDONALD = "McDonald (1999), Test Theory, p. 89-90"
ZINBARG = "Zinbarg, Revelle, Yovel & Li (2005), Psychometrika 70(1), 123-133"
SCHMID = "general factor: Schmid & Leiman (1957), Psychometrika 22(1), 53-61"
MINRES = "factors: Harman & Jones (1966), Psychometrika 31(3), 351-368"

RESAMPLES = 500

# Samples in which no factors can be found, as a share, beyond which there is no interval.
_MOST_UNDEFINED = 0.05


@dataclass(frozen=True)
class Omega:
    """Both omegas of items with a general factor and group factors.

    general: each item's loading on the general factor, (n_items,).
    """

    total: Estimate
    hierarchical: Estimate
    general: Floats


def omega_total(
    items: ArrayLike, confidence: float = 0.95, seed: int = 0, resamples: int = RESAMPLES
) -> Estimate:
    """Omega of items with one common factor, from their correlations.

    items: (n_people, n_items), reversed ones turned round; a gap is NaN and drops the person. The
    interval is of percentiles over people drawn anew.
    Raises NotEstimableError for fewer than three items, as many items as people, or no variance.
    """
    x, notes = complete(items, 3)

    def total(r: Floats) -> list[float]:
        unique = 1 - (minres(r, 1) ** 2).sum(axis=1)
        return [float(1 - unique.sum() / r.sum())]

    found = _correlations(x)
    (limits,), said = _intervals(x, total, confidence, seed, resamples)
    estimate = Estimate(
        name="omega total, one factor",
        value=total(found)[0],
        test="bootstrap over people",
        n=len(x),
        source=f"{MCDONALD}; {MINRES}",
        notes=(*notes, said),
    )
    return _within(estimate, limits, confidence)


def omega(
    items: ArrayLike,
    factors: int = 3,
    confidence: float = 0.95,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Omega:
    """Omega total and hierarchical from group factors and a general factor above them.

    items: as for omega_total; factors: group factors, three or more, for fewer leave the general
    factor undetermined. Total: common variance; hierarchical: the general factor's share.
    Raises NotEstimableError where the items are too few for so many factors.
    """
    x, notes = complete(items, 4)
    k = x.shape[1]
    if factors < 3:
        raise ValueError(f"a general factor needs three or more group factors, got {factors}")
    if k <= factors or (k - factors) ** 2 < k + factors:
        raise NotEstimableError(f"{k} items are too few to tell {factors} factors apart")

    def both(r: Floats) -> list[float]:
        loadings = minres(r, factors)
        unique = 1 - (loadings**2).sum(axis=1)
        return [
            float(1 - unique.sum() / r.sum()),
            float(_general(loadings).sum() ** 2 / r.sum()),
        ]

    correlations = _correlations(x)
    limits, said = _intervals(x, both, confidence, seed, resamples)
    sources = {"omega total": MCDONALD, "omega hierarchical": ZINBARG}
    total, hierarchical = (
        _within(
            Estimate(
                name=name,
                value=value,
                test="bootstrap over people",
                n=len(x),
                source=f"{source}; {SCHMID}; {MINRES}",
                notes=(*notes, f"{factors} group factors", said),
            ),
            ends,
            confidence,
        )
        for (name, source), value, ends in zip(
            sources.items(), both(correlations), limits, strict=True
        )
    )
    return Omega(total, hierarchical, _general(minres(correlations, factors)))


def _within(estimate: Estimate, limits: tuple[float, float], confidence: float) -> Estimate:
    """The estimate with its limits, or with the reason why they are none."""
    low, high = limits
    if outside := around(estimate.value, low, high):
        return replace(estimate, notes=(*estimate.notes, outside))
    return replace(estimate, low=low, high=high, confidence=confidence)


def _general(loadings: Floats) -> Floats:
    """Each item's loading on the factor above the group factors (Schmid and Leiman), (k,)."""
    pattern, between = oblimin(loadings)
    general = pattern @ minres(between, 1)[:, 0]
    return np.asarray(general if general.sum() >= 0 else -general)


def _correlations(x: Floats) -> Floats:
    """The items' correlations. Raises NotEstimableError where no factors can be found in them."""
    varying(x, "omega")
    r = np.asarray(np.corrcoef(x, rowvar=False), dtype=float)
    if len(x) <= len(r) or np.linalg.cond(r) > 1e10:
        raise NotEstimableError(
            "omega needs more people than items, and no item that follows from the others; there "
            f"are {len(x)} people and {len(r)} items"
        )
    return r


def _intervals(
    x: Floats,
    statistics: Callable[[Floats], list[float]],
    confidence: float,
    seed: int,
    resamples: int,
) -> tuple[list[tuple[float, float]], str]:
    """Percentile limits of each statistic of the correlations, and how they were got."""
    draws = np.random.default_rng(seed)
    found = []
    for _ in range(resamples):
        try:
            r = _correlations(x[draws.integers(len(x), size=len(x))])
            found.append(statistics(r))
        except NotEstimableError:
            continue
    if len(found) < (1 - _MOST_UNDEFINED) * resamples:
        raise NotEstimableError("omega has no interval: too few people, whose answers hardly vary")
    low, high = np.quantile(found, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    told = f"percentiles of {len(found)} bootstrap samples of people, seed {seed}"
    return list(zip(low.tolist(), high.tolist(), strict=True)), told
