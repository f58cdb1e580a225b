"""How good a version's explanations are, side by side: means over stimuli with intervals."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from explainer.artifact import Store
from webapp.models import Explanation, StudyVersion, VersionExplanation, VersionStimulus

Float64 = NDArray[np.float64]

CONFIDENCE = 0.95
# What is shown first, in this order, and what is better.
BETTER = {
    "deletion_area": "lower",
    "deletion_area_other_mask": "lower",
    "insertion_area": "higher",
    "insertion_area_other_mask": "higher",
    "comprehensiveness": "higher",
    "comprehensiveness_other_mask": "higher",
    "sufficiency": "lower",
    "sufficiency_other_mask": "lower",
    "infidelity": "lower",
    "faithfulness_correlation": "higher",
    "completeness_gap": "lower",
    "max_sensitivity": "lower",
    "lipschitz": "lower",
    "seed_agreement": "higher",
    "seed_top_overlap": "higher",
    "randomised_agreement": "near 0",
    "randomised_agreement_absolute": "near 0",
}
LAST = ("evaluations", "seconds")  # what explaining took
RANDOM = "random_"
UNMEASURED = "not measured yet"


@dataclass(frozen=True)
class Mean:
    """A mean over n stimuli with its interval; low and high are None for one."""

    value: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Line:
    """One metric of one explanation of a set: its mean, a random attribution's, the difference."""

    stimulus_set: str
    name: str
    method: str
    metric: str
    found: Mean
    chance: Mean | None
    difference: Mean | None


@dataclass(frozen=True)
class Agreement:
    """How alike two explanations of the same stimuli are: ranks (Spearman), and the top tenth."""

    stimulus_set: str
    one: str
    other: str
    ranks: Mean
    top: Mean


Explained = dict[str, list[Explanation]]  # by name, in the order of the stimuli


def explained(session: Session, version: StudyVersion) -> dict[str, Explained]:
    """The registered explanations of each stimulus set, with what was measured of them."""
    found = session.execute(
        select(VersionStimulus.stimulus_set, VersionExplanation.name, Explanation)
        .join(
            VersionExplanation,
            (VersionExplanation.version_id == VersionStimulus.version_id)
            & (VersionExplanation.stimulus_digest == VersionStimulus.stimulus_digest),
        )
        .join(Explanation, Explanation.digest == VersionExplanation.explanation_digest)
        .where(VersionStimulus.version_id == version.id)
        .order_by(VersionStimulus.stimulus_set, VersionExplanation.name, VersionStimulus.position)
        .options(undefer(Explanation.measures))
    )
    sets: dict[str, Explained] = {}
    for stimulus_set, name, explanation in found:
        sets.setdefault(stimulus_set, {}).setdefault(name, []).append(explanation)
    return sets


def lines(stimulus_set: str, shown: Explained) -> Iterator[Line]:
    """Every metric of every explanation of a set, the random one's over the same stimuli."""
    for name, explanations in shown.items():
        each = [_numbers(explanation) for explanation in explanations]
        for metric in _in_order(each):
            having = [numbers for numbers in each if metric in numbers]
            values = np.array([numbers[metric] for numbers in having])
            paired = [n for n in having if RANDOM + metric in n]
            chance = difference = None
            if paired:
                random = np.array([n[RANDOM + metric] for n in paired])
                chance = mean(random)
                difference = mean(np.array([n[metric] for n in paired]) - random)
            yield Line(
                stimulus_set, name, explanations[0].method, metric, mean(values), chance, difference
            )


def reasons(explanations: Sequence[Explanation]) -> dict[str, int]:
    """Why some have no metrics -> how many."""
    found: dict[str, int] = {}
    for explanation in explanations:
        given: Mapping[str, str] = (explanation.measures or {}).get("reasons", {})
        said = [f"{group}: {reason}" for group, reason in given.items()]
        for each in said if explanation.measures is not None else [UNMEASURED]:
            found[each] = found.get(each, 0) + 1
    return found


def agreements(stimulus_set: str, shown: Explained, store: Store) -> Iterator[Agreement]:
    """How alike any two explanations are, of stimuli that both explain one output of.

    Raises ArtifactError.
    """
    from explainer.metrics.agreement import on_common_ground, rank_agreement, top_overlap

    by_name = {name: {e.stimulus_digest: e.digest for e in each} for name, each in shown.items()}
    stimuli = {e.stimulus_digest: e for each in shown.values() for e in each}
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for stimulus in stimuli:
        predicted = store.read_stimulus(stimulus).predicted
        here = {
            name: store.read_explanation(digests[stimulus])
            for name, digests in by_name.items()
            if stimulus in digests
        }
        for one, other in combinations(here, 2):
            values = on_common_ground(here[one], here[other], predicted)
            ranks = None if values is None else rank_agreement(*values)
            if values is not None and ranks is not None:
                found.setdefault((one, other), []).append((ranks, top_overlap(*values)))
    for (one, other), pairs in sorted(found.items()):
        ranks_found, top = np.array(pairs).T
        yield Agreement(stimulus_set, one, other, mean(ranks_found), mean(top))


def mean(values: Float64) -> Mean:
    """Mean with a t interval. Source: Student (1908), Biometrika 6(1), 1-25."""
    n, value = len(values), float(values.mean())
    if n < 2:
        return Mean(value, None, None, n)
    half = t_quantile(n - 1) * float(values.std(ddof=1)) / sqrt(n)
    return Mean(value, value - half, value + half, n)


def t_quantile(freedom: int) -> float:
    """What Student's t exceeds in size with probability 1 - CONFIDENCE; to 5 digits.

    With t = sqrt(freedom) tan(angle) its density is that of cos(angle) ** (freedom - 1).
    """
    angles = np.linspace(0, np.pi / 2, 400_001)
    weights = np.cos(angles).clip(0) ** (freedom - 1)
    below = np.concatenate([[0.0], np.cumsum((weights[1:] + weights[:-1]) / 2)])
    angle = np.interp(CONFIDENCE, below / below[-1], angles)
    return float(sqrt(freedom) * np.tan(angle))


def _numbers(explanation: Explanation) -> dict[str, float]:
    numbers = dict((explanation.measures or {}).get("metrics", {}))
    if explanation.completeness_gap is not None:
        numbers["completeness_gap"] = explanation.completeness_gap
    return {**numbers, "evaluations": explanation.evaluations, "seconds": explanation.seconds}


def _in_order(each: Sequence[Mapping[str, float]]) -> list[str]:
    there = {name for numbers in each for name in numbers if not name.startswith(RANDOM)}
    others = sorted(there - BETTER.keys() - set(LAST))
    return [*(name for name in BETTER if name in there), *others, *LAST]
