"""Numbers of trials brought together over participants, who are drawn anew for intervals."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from analysis.bootstrap import with_interval
from analysis.estimate import Estimate, NotEstimableError
from analysis.samples import Floats, Indices
from analysis.ttest import mean_interval


@dataclass(frozen=True)
class People:
    """Whose each trial is: ids (n_people,), and for each trial the place of its participant."""

    ids: NDArray[np.object_]
    place: Indices

    @classmethod
    def of(cls, participants: ArrayLike) -> "People":
        """From one id a trial. Raises NotEstimableError without any, or with a gap."""
        given = np.asarray(participants, dtype=object)
        if given.ndim != 1 or not len(given):
            raise NotEstimableError("there are no trials")
        place, ids = pd.factorize(given, sort=True)
        if (place < 0).any():
            raise NotEstimableError("a trial has no participant")
        return cls(np.asarray(ids, dtype=object), place)

    def sums(self, values: ArrayLike) -> Floats:
        """Each participant's sum of values, (n_trials,) -> (n_people,)."""
        weights = np.asarray(values, dtype=float)
        if weights.shape != self.place.shape:
            raise ValueError(f"{len(self.place)} trials but values of shape {weights.shape}")
        return np.bincount(self.place, weights, len(self.ids)).astype(float)

    def means(self, values: ArrayLike) -> Floats:
        """Each participant's mean of values, (n_trials,) -> (n_people,)."""
        return np.asarray(self.sums(values) / np.bincount(self.place, minlength=len(self.ids)))


@dataclass(frozen=True)
class OverPeople:
    """An estimate over all participants, and each one's own number (NaN where they have none)."""

    estimate: Estimate
    per_participant: pd.Series


def pooled_share(
    name: str,
    people: People,
    numerator: ArrayLike,
    denominator: ArrayLike,
    *,
    source: str,
    confidence: float = 0.95,
    seed: int = 0,
) -> OverPeople:
    """Sum of numerator over sum of denominator, (n_trials,) each, participants drawn anew.

    A participant alone has no interval, and the note says so. Raises NotEstimableError where the
    denominator is 0.
    """
    above, below = people.sums(numerator), people.sums(denominator)
    if below.sum() == 0:
        raise NotEstimableError(f"no trial counts for {name}: its denominator is 0")
    own = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
    lacking = int((below == 0).sum())
    notes: tuple[str, ...] = (f"{int(below.sum())} trials",)
    notes += (f"{lacking} participants have none",) if lacking else ()
    met = below > 0
    above, below = above[met], below[met]
    estimate = Estimate(
        name=name,
        value=float(above.sum() / below.sum()),
        test="pooled over trials",
        n=len(above),
        source=source,
        notes=notes,
    )
    if len(above) > 1:

        def share(drawn: Indices) -> float:
            return float(above[drawn].sum() / below[drawn].sum())

        estimate = with_interval(estimate, share, [len(above)], confidence=confidence, seed=seed)
    return OverPeople(estimate, pd.Series(own, index=people.ids, name=name))


def mean_of_people(
    values: pd.Series, *, source: str, confidence: float, notes: tuple[str, ...] = ()
) -> OverPeople:
    """Mean of each participant's own number with a t interval; values: by id, with its name."""
    found = mean_interval(values.to_numpy(), confidence)
    source = f"{source}; interval: {found.source}"
    return OverPeople(replace(found, name=str(values.name), source=source, notes=notes), values)
