"""What people did with the model's advice, against what they had said alone and the truth.

Each share is pooled over all trials, with an interval from drawing participants anew, and given for
each participant too; it is missing, never 0, where its denominator is.
Source of the shares: Schemmer et al. (2023), IUI '23, 410-422 (RAIR, RSR); Yaniv & Kleinberger
(2000), Organizational Behavior and Human Decision Processes 83(2), 260-281 (weight of advice).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from analysis.estimate import NotEstimableError
from analysis.people import OverPeople, People, mean_of_people, pooled_share
from analysis.samples import numbers, one_kind, same_length

Flags = NDArray[np.bool_]

SCHEMMER = "Schemmer et al. (2023), IUI '23, 410-422"
YANIV = "Yaniv & Kleinberger (2000), Organizational Behavior and Human Decision Processes 83(2)"
PASSI = "Passi & Vorvoreanu (2022), Overreliance on AI, Microsoft, MSR-TR-2022-12"
HAUTUS = "d': Green & Swets (1966); 0.5 and 1 added: Hautus (1995), Behavior Research Methods 27(1)"
PLAIN = "shares of right answers"


@dataclass(frozen=True)
class Decisions:
    """One row a trial: who, what they said alone, what was advised, what they said then, the truth.

    All of shape (n_trials,); categories as text or numbers. Missing answers must have been dropped.
    """

    people: People
    initial: NDArray[np.object_]
    advice: NDArray[np.object_]
    final: NDArray[np.object_]
    truth: NDArray[np.object_]

    @classmethod
    def of(
        cls,
        frame: pd.DataFrame,
        *,
        participant: str = "participant_id",
        initial: str = "initial",
        advice: str = "advice",
        final: str = "final",
        truth: str = "truth",
    ) -> "Decisions":
        """Decisions from a frame's columns. Raises ValueError, NotEstimableError on a gap."""
        wanted = [participant, initial, advice, final, truth]
        if missing := [column for column in wanted if column not in frame]:
            raise ValueError(
                f"no column {', '.join(missing)}; there are {', '.join(map(str, frame.columns))}"
            )
        gaps = frame[wanted].isna().any(axis=1)
        if gaps.any():
            raise NotEstimableError(f"{int(gaps.sum())} trials lack a value; leave them out first")
        values = [frame[column].to_numpy(dtype=object) for column in wanted[1:]]
        one_kind(*values)
        return cls(People.of(frame[participant].to_numpy()), *values)


def reliance(
    decisions: Decisions, confidence: float = 0.95, seed: int = 0
) -> dict[str, OverPeople]:
    """Every share that can be had; those without a denominator are left out.

    rair: of the advice that would have helped, taken; rsr: of the advice that would have harmed,
    resisted; switch_fraction: of the advice that disagreed, taken; over_reliance: of wrong advice,
    followed; under_reliance: of right advice, not followed; accuracy_alone, accuracy_with_advice,
    accuracy_of_model.
    """
    found = {}
    for name, (numerator, denominator, source) in _shares(decisions).items():
        if denominator.any():
            found[name] = pooled_share(
                name,
                decisions.people,
                numerator & denominator,
                denominator,
                source=source,
                confidence=confidence,
                seed=seed,
            )
    return found


def accuracy_gains(
    decisions: Decisions, confidence: float = 0.95, seed: int = 0
) -> dict[str, OverPeople]:
    """Share right with advice minus alone (over_alone) and minus the model's (over_model)."""
    final, alone, model = (
        (answer == decisions.truth).astype(float)
        for answer in (decisions.final, decisions.initial, decisions.advice)
    )
    every = np.ones(len(final))
    return {
        name: pooled_share(
            name,
            decisions.people,
            final - other,
            every,
            source=PLAIN,
            confidence=confidence,
            seed=seed,
        )
        for name, other in (("over_alone", alone), ("over_model", model))
    }


def weight_of_advice(
    participants: ArrayLike,
    initial: ArrayLike,
    advice: ArrayLike,
    final: ArrayLike,
    confidence: float = 0.95,
) -> OverPeople:
    """How far numeric answers moved to the advice: (final - initial) / (advice - initial).

    The mean over participants of each one's mean over trials, with a t interval; trials whose
    advice was the initial answer are left out and counted. 0 not moved, 1 all the way; a weight
    beyond either is kept.
    """
    same_length(participants=participants, initial=initial, advice=advice, final=final)
    first, told, last = numbers(initial), numbers(advice), numbers(final)
    apart = told != first
    if not apart.any():
        raise NotEstimableError(
            "the advice was always the initial answer: it had no weight to have"
        )
    weights = (last[apart] - first[apart]) / (told[apart] - first[apart])
    people = People.of(np.asarray(participants)[apart])
    note = f"{int((~apart).sum())} of {len(apart)} trials left out: advised what had been answered"
    own = pd.Series(people.means(weights), index=people.ids, name="weight of advice")
    return mean_of_people(own, source=YANIV, confidence=confidence, notes=(note,))


def signal_detection(decisions: Decisions, confidence: float = 0.95) -> dict[str, OverPeople]:
    """How well people tell right advice from wrong (d_prime), and how ready they follow it.

    A hit is right advice followed, a false alarm wrong advice followed. Each participant who met
    both has 0.5 added to hits and false alarms and 1 to their numbers (log-linear correction); the
    estimates are means over them with t intervals. A criterion below 0 is readiness to follow.
    """
    followed, right = decisions.final == decisions.advice, decisions.advice == decisions.truth
    people = decisions.people
    n_right, n_wrong = people.sums(right), people.sums(~right)
    hits = stats.norm.ppf((people.sums(followed & right) + 0.5) / (n_right + 1))
    alarms = stats.norm.ppf((people.sums(followed & ~right) + 0.5) / (n_wrong + 1))
    both = (n_right > 0) & (n_wrong > 0)
    lacking = int((~both).sum())
    note = f"log-linear correction; {lacking} left out who did not meet right and wrong advice"
    measures = {"d_prime": hits - alarms, "criterion": -(hits + alarms) / 2}
    return {
        name: mean_of_people(
            pd.Series(values, index=people.ids, name=name)[both],
            source=HAUTUS,
            confidence=confidence,
            notes=(note,),
        )
        for name, values in measures.items()
    }


def _shares(d: Decisions) -> dict[str, tuple[Flags, Flags, str]]:
    """Name -> numerator, denominator and source, each flag (n_trials,)."""
    alone, model, final = (answer == d.truth for answer in (d.initial, d.advice, d.final))
    followed, disagreed = d.final == d.advice, d.initial != d.advice
    every = np.ones(len(final), dtype=bool)
    return {
        "rair": (final, ~alone & model, SCHEMMER),
        "rsr": (final, alone & ~model, SCHEMMER),
        "switch_fraction": (followed, disagreed, "Yin, Wortman Vaughan & Wallach (2019), CHI '19"),
        "over_reliance": (followed, ~model, PASSI),
        "under_reliance": (~followed, model, PASSI),
        "accuracy_alone": (alone, every, PLAIN),
        "accuracy_with_advice": (final, every, PLAIN),
        "accuracy_of_model": (model, every, PLAIN),
    }
