"""Whether stated confidence, or trust, is as high as it deserves to be.

`stated` is a probability from 0 to 1 and `outcome` 1 or 0: for confidence, whether the person's own
answer was right; for trust, whether the model was. rescaled() makes a probability of a rating.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from analysis.bootstrap import with_interval
from analysis.estimate import Estimate, NotEstimableError
from analysis.people import OverPeople, People, pooled_share
from analysis.samples import Floats, Indices, binary, numbers, one_kind, same_length
from analysis.ttest import paired_difference

BRIER = "Brier (1950), Monthly Weather Review 78(1), 1-3"
MURPHY = "Murphy (1973), Journal of Applied Meteorology 12(4), 595-600"
LICHTENSTEIN = "Lichtenstein, Fischhoff & Phillips (1982), in Judgment under Uncertainty, 306-334"
NAEINI = "Naeini, Cooper & Hauskrecht (2015), AAAI '15, 2901-2907"
HASE = "Doshi-Velez & Kim (2017), arXiv:1702.08608, forward simulation"


@dataclass(frozen=True)
class Brier:
    """The Brier score and Murphy's parts: score = reliability - resolution + uncertainty.

    reliability: how far the share right is from what was stated, 0 best; resolution: how far shares
    differ between statements; uncertainty: of the outcomes alone.
    """

    score: OverPeople
    reliability: float
    resolution: float
    uncertainty: float


def rescaled(ratings: ArrayLike, low: float, high: float) -> Floats:
    """Ratings from low to high as 0 to 1. Raises NotEstimableError outside that range."""
    x = numbers(ratings)
    if not low < high or (x.size and (x.min() < low or x.max() > high)):
        raise NotEstimableError(f"ratings must lie between {low:g} and {high:g}")
    return np.asarray((x - low) / (high - low))


def brier(
    participants: ArrayLike,
    stated: ArrayLike,
    outcome: ArrayLike,
    confidence: float = 0.95,
    seed: int = 0,
) -> Brier:
    """Mean squared distance of what was stated from what was so, (n_trials,) each.

    The parts group the trials by what was stated, each value its own group, so that they add up.
    """
    people, p, o = _trials(participants, stated, outcome)
    score = pooled_share(
        "Brier score",
        people,
        (p - o) ** 2,
        np.ones(len(p)),
        source=f"{BRIER}; {MURPHY}",
        confidence=confidence,
        seed=seed,
    )
    values, group = np.unique(p, return_inverse=True)
    count = np.bincount(group)
    share, base = np.bincount(group, o) / count, float(o.mean())
    return Brier(
        score=score,
        reliability=float((count * (values - share) ** 2).sum()) / len(p),
        resolution=float((count * (share - base) ** 2).sum()) / len(p),
        uncertainty=base * (1 - base),
    )


def calibration_curve(
    stated: ArrayLike, outcome: ArrayLike, bins: int = 10, confidence: float = 0.95
) -> pd.DataFrame:
    """Mean stated, share so and Wilson's interval of it, in bins of equal width that hold a trial.

    Wilson's interval takes the trials as independent: it is for the eye, not for a test.
    Source: Wilson (1927), JASA 22(158), 209-212.
    """
    p, o = _pairs(stated, outcome)
    group = _bins(p, bins)
    rows = []
    for place in np.unique(group):
        inside = group == place
        n, share = int(inside.sum()), float(o[inside].mean())
        limits = stats.binomtest(int(o[inside].sum()), n).proportion_ci(confidence, "wilson")
        rows.append((n, float(p[inside].mean()), share, float(limits.low), float(limits.high)))
    return pd.DataFrame(rows, columns=["n", "stated", "share", "low", "high"])


def overconfidence(
    participants: ArrayLike,
    stated: ArrayLike,
    outcome: ArrayLike,
    confidence: float = 0.95,
    seed: int = 0,
) -> OverPeople:
    """Mean stated minus share so: above 0 more was stated than was so. Of trust: overtrust."""
    people, p, o = _trials(participants, stated, outcome)
    return pooled_share(
        "stated minus share so",
        people,
        p - o,
        np.ones(len(p)),
        source=LICHTENSTEIN,
        confidence=confidence,
        seed=seed,
    )


def calibration_error(
    participants: ArrayLike,
    stated: ArrayLike,
    outcome: ArrayLike,
    *,
    bins: int = 10,
    confidence: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Expected calibration error: mean distance of stated from share so, over bins of equal width.

    It is above 0 by chance alone, the more so the fewer trials a bin holds.
    """
    people, p, o = _trials(participants, stated, outcome)
    # Sums of stated minus so, for each participant and bin; a draw of people adds their rows.
    gaps = np.zeros((len(people.ids), bins))
    np.add.at(gaps, (people.place, _bins(p, bins)), p - o)
    trials = np.bincount(people.place, minlength=len(people.ids))

    def error(drawn: Indices) -> float:
        return float(np.abs(gaps[drawn].sum(axis=0)).sum() / trials[drawn].sum())

    n = len(people.ids)
    estimate = Estimate(
        name="expected calibration error",
        value=error(np.arange(n)),
        test="pooled over trials",
        n=n,
        source=NAEINI,
        notes=(f"{len(p)} trials, {bins} bins",),
    )
    if n < 2:
        return estimate
    return with_interval(estimate, error, [n], confidence=confidence, seed=seed)


def simulation_accuracy(
    participants: ArrayLike,
    predicted: ArrayLike,
    model_output: ArrayLike,
    *,
    baseline: ArrayLike | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, OverPeople]:
    """How often people foresaw the model's output: accuracy, baseline and the gain over it.

    baseline: (n_trials,), what a naive guess would say; else the output most frequent in these
    trials, which is the best that a constant guess can do.
    """
    same_length(participants=participants, predicted=predicted, model_output=model_output)
    people = People.of(participants)
    said, output = np.asarray(predicted, dtype=object), np.asarray(model_output, dtype=object)
    if pd.isna(said).any() or pd.isna(output).any():
        raise NotEstimableError("a prediction or an output is missing; leave its trial out first")
    one_kind(said, output)
    if baseline is None:
        # Sorted first, so that a tie does not hang on the order of the trials.
        most = pd.Series(output).value_counts(sort=False).sort_index().idxmax()
        naive = np.full(len(output), most, dtype=object)
    else:
        same_length(model_output=model_output, baseline=baseline)
        naive = np.asarray(baseline, dtype=object)
    right, by_chance = (said == output).astype(float), (naive == output).astype(float)
    every = np.ones(len(output))
    return {
        name: pooled_share(
            name, people, values, every, source=HASE, confidence=confidence, seed=seed
        )
        for name, values in (
            ("accuracy", right),
            ("baseline", by_chance),
            ("gain", right - by_chance),
        )
    }


def trust_when_right_and_wrong(
    participants: ArrayLike, trust: ArrayLike, model_correct: ArrayLike, confidence: float = 0.95
) -> OverPeople:
    """Mean trust where the model was right minus where it was wrong, over the same participants.

    trust: rating points. Participants who met only one of the two are left out and counted.
    """
    same_length(participants=participants, trust=trust, model_correct=model_correct)
    rated, correct = numbers(trust), binary(model_correct)
    means = pd.DataFrame({"who": participants, "trust": rated, "correct": correct})
    wide = means.groupby(["who", "correct"])["trust"].mean().unstack()
    if wide.shape[1] < 2:
        raise NotEstimableError("there are no answers to both right and wrong decisions")
    both = wide.dropna()
    found = paired_difference(both[1.0].to_numpy(), both[0.0].to_numpy(), confidence)
    left_out = len(wide) - len(both)
    notes = (f"{left_out} left out who did not meet both",) if left_out else ()
    name = "trust, right minus wrong"
    own = (wide[1.0] - wide[0.0]).rename(name)
    return OverPeople(replace(found, name=name, notes=notes), own)


def _trials(
    participants: ArrayLike, stated: ArrayLike, outcome: ArrayLike
) -> tuple[People, Floats, Floats]:
    same_length(participants=participants, stated=stated, outcome=outcome)
    return People.of(participants), *_pairs(stated, outcome)


def _pairs(stated: ArrayLike, outcome: ArrayLike) -> tuple[Floats, Floats]:
    same_length(stated=stated, outcome=outcome)
    p, o = numbers(stated), binary(outcome)
    if not len(p):
        raise NotEstimableError("there are no trials")
    if p.min() < 0 or p.max() > 1:
        raise NotEstimableError("what was stated must lie between 0 and 1; rescale ratings first")
    return p, o


def _bins(p: Floats, bins: int) -> Indices:
    """The bin of each, of equal width; 1 belongs to the last."""
    # .29 times 100 is 28.99999: rounded, a value on an edge falls in the bin that it opens.
    return np.minimum(np.round(p * bins, 9).astype(np.intp), bins - 1)
