"""Agreement of the parts that people marked with the values that an explanation gives them.

Each measure stands beside its chance level: what marking as many parts at random gives, exactly.
Parts are those that could be marked (words, squares, segments), not an explanation's players.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from analysis.estimate import NotEstimableError
from analysis.people import OverPeople, People, pooled_share
from analysis.samples import Floats, binary, constant, numbers

IOU = "Jaccard (1912), New Phytologist 11(2), 37-50; chance: hypergeometric"
AUC = "Hanley & McNeil (1982), Radiology 143(1), 29-36; ties count half"
RHO = "Spearman (1904), American Journal of Psychology 15(1), 72-101"
POINTING = "Zhang et al. (2018), International Journal of Computer Vision 126, 1084-1102"
MEASURES = {"iou": IOU, "auc": AUC, "rank_correlation": RHO, "pointing": POINTING}


@dataclass(frozen=True)
class Agreement:
    """How the parts that one person marked on one stimulus agree with an explanation.

    iou: of the marked parts and as many of the highest values, shared over all of either; auc: how
    often a marked part has a higher value than one that is not; rank_correlation: Spearman's, of
    marks and values; pointing: whether the highest value is marked. iou_chance, pointing_chance: of
    as many marks at random; that of auc is 0.5 and of rank_correlation 0.
    """

    iou: float
    iou_chance: float
    auc: float
    rank_correlation: float
    pointing: float
    pointing_chance: float

    def chance(self, measure: str) -> float:
        """The chance level of one of MEASURES."""
        fixed = {"auc": 0.5, "rank_correlation": 0.0}
        return fixed[measure] if measure in fixed else float(getattr(self, f"{measure}_chance"))


def agreement(marked: ArrayLike, values: ArrayLike) -> Agreement:
    """Compare marks with values, (n_parts,) each; higher values are what marks should meet.

    As many top parts are taken as were marked, so that nobody is scored for marking much or
    little. Where values tie, iou and pointing are the means over every way to break the tie.
    Raises NotEstimableError where no part or every part is marked, or all values are the same.
    """
    m, v = binary(marked), numbers(values)
    if m.ndim != 1 or m.shape != v.shape:
        raise ValueError(f"marks have shape {m.shape} and values {v.shape}; they must be the same")
    n, k = len(m), int(m.sum())
    if not 0 < k < n:
        raise NotEstimableError(f"{k} of {n} parts are marked, which tells none from the others")
    if constant(v):
        raise NotEstimableError("all values are the same, which tells no part from the others")
    ranks = stats.rankdata(v)
    top = v == v.max()
    return Agreement(
        iou=_iou(m, v, k),
        iou_chance=mean_iou(n, k),
        auc=float((ranks[m == 1].sum() - k * (k + 1) / 2) / (k * (n - k))),
        rank_correlation=float(np.corrcoef(ranks, m)[0, 1]),
        pointing=float(m[top].mean()),
        pointing_chance=k / n,
    )


@lru_cache(maxsize=4096)
def mean_iou(n: int, k: int) -> float:
    """The mean of the IoU of k of n parts with k of them drawn at random."""
    return _mean_iou(k, 0, n, k, k)


def by_measure(
    participants: ArrayLike,
    trials: Sequence[Agreement],
    measure: str,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[OverPeople, OverPeople]:
    """The mean of a measure over trials, and of what it is above chance; people are drawn anew.

    participants: (n_trials,). measure: one of MEASURES.
    """
    people = People.of(participants)
    found = np.array([getattr(each, measure) for each in trials], dtype=float)
    chance = np.array([each.chance(measure) for each in trials])
    every = np.ones(len(trials))
    names = ((measure, found), (f"{measure} above chance", found - chance))
    raw, above = (
        pooled_share(
            name,
            people,
            values,
            every,
            source=MEASURES[measure],
            confidence=confidence,
            seed=seed,
        )
        for name, values in names
    )
    return raw, above


def by_stimulus(stimuli: ArrayLike, trials: Sequence[Agreement]) -> pd.DataFrame:
    """For each stimulus n, and the mean of each measure and of its chance level over its trials."""
    columns: dict[str, list[float]] = {}
    for measure in MEASURES:
        columns[measure] = [getattr(each, measure) for each in trials]
        columns[f"{measure}_chance"] = [each.chance(measure) for each in trials]
    grouped = pd.DataFrame(columns).groupby(np.asarray(stimuli, dtype=object))
    return grouped.mean().assign(n=grouped.size())


def crowd_correlation(shares: ArrayLike, values: ArrayLike) -> float:
    """Spearman's correlation of the share of people who marked each part with its value.

    (n_parts,) each. Raises NotEstimableError where either does not vary.
    """
    s, v = numbers(shares), numbers(values)
    if constant(s) or constant(v):
        raise NotEstimableError("all parts were marked as often, or all values are the same")
    return float(stats.spearmanr(s, v).statistic)


def _iou(m: Floats, v: Floats, k: int) -> float:
    """IoU of the marks with the k highest values; the last of these may be tied."""
    last = np.sort(v)[-k]
    sure, tied = v > last, v == last
    hits = int(m[sure].sum())
    return _mean_iou(k, hits, int(tied.sum()), int(m[tied].sum()), k - int(sure.sum()))


def _mean_iou(k: int, sure: int, n: int, marked: int, drawn: int) -> float:
    """The mean IoU of two sets of k that share `sure` parts, and of n more, of which `marked` are
    in the one, as many as `drawn` at random give the other (hypergeometric).
    """
    total = 0.0
    for more in range(max(0, drawn + marked - n), min(drawn, marked) + 1):
        ways = comb(marked, more) * comb(n - marked, drawn - more) / comb(n, drawn)
        total += ways * (sure + more) / (2 * k - sure - more)
    return total
