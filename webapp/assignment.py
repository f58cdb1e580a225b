"""Who sees what under which condition, in which order: pure functions of design, seed and counts.

Between-participants conditions are cells. Within a cell there are forms: a form says which stimuli
a participant meets (a window that slides over each stratum) and which condition each of them has
(a rotation). Over all forms every stimulus meets every condition equally often. A new participant
gets the least filled cell and in it the least filled form, so counts of cells, and of forms within
a cell, never differ by more than one while nobody drops out; a place that is given back is the
next one to be filled.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import gcd, lcm
from random import Random

Condition = dict[str, str]


@dataclass(frozen=True)
class BlockDesign:
    """One block: its stimuli in strata, how many a participant meets, and how they are ordered.

    strata: stimulus digests, one list for each stratum. levels: the levels of each factor that
    varies within participants. max_run: the longest run of equal levels, by factor.
    """

    name: str
    strata: tuple[tuple[str, ...], ...]
    per_participant: int
    levels: Mapping[str, tuple[str, ...]]
    shuffled: bool
    max_run: Mapping[str, int]

    @property
    def conditions(self) -> list[Condition]:
        """Every combination of the levels that vary within participants."""
        return combinations(self.levels)

    @property
    def shares(self) -> tuple[int, ...]:
        """How many stimuli of each stratum a participant meets: in proportion to its size."""
        sizes = [len(stratum) for stratum in self.strata]
        exact = [self.per_participant * size / sum(sizes) for size in sizes]
        shares = [int(share) for share in exact]
        by_remainder = sorted(range(len(sizes)), key=lambda i: (shares[i] - exact[i], i))
        for index in by_remainder[: self.per_participant - sum(shares)]:
            shares[index] += 1
        return tuple(shares)

    @property
    def windows(self) -> int:
        """How many windows there are before the sliding comes back to its start."""
        pairs = zip(self.strata, self.shares, strict=True)
        return lcm(*(len(stratum) // gcd(len(stratum), share) for stratum, share in pairs))

    @property
    def forms(self) -> int:
        """Every window under every rotation of the conditions."""
        return self.windows * len(self.conditions)


@dataclass(frozen=True)
class Trial:
    """One stimulus under one condition."""

    stimulus: str
    condition: Condition


def combinations(levels: Mapping[str, Sequence[str]]) -> list[Condition]:
    """Every combination of one level of each factor; one empty combination without factors."""
    return [dict(zip(levels, chosen, strict=True)) for chosen in product(*levels.values())]


def name_of(condition: Condition) -> str:
    """A condition or a cell by name, such as `explanation=shap`; without factors it is empty."""
    return ";".join(f"{factor}={level}" for factor, level in sorted(condition.items()))


def condition_of(name: str) -> Condition:
    """The condition with this name."""
    return dict(part.split("=") for part in name.split(";")) if name else {}


def least_filled(
    cells: Sequence[str], forms: int, counts: Mapping[tuple[str | None, int | None], int]
) -> tuple[str, int]:
    """The cell with the fewest participants, and its form with the fewest; the first of equals.

    counts: participants that hold a place, by cell and form.
    """
    filled = dict.fromkeys(cells, 0)
    for (cell, _), count in counts.items():
        if cell in filled:
            filled[cell] += count
    cell = min(cells, key=lambda name: filled[name])
    # A design can have millions of forms; the first empty one is found without looking at all.
    empty = next((form for form in range(forms) if not counts.get((cell, form))), None)
    if empty is not None:
        return cell, empty
    return cell, min(range(forms), key=lambda form: counts.get((cell, form), 0))


def trials(design: BlockDesign, form: int, seed: int, participant: int) -> list[Trial]:
    """One participant's trials in a block, in order.

    form: from 0; forms repeat after `design.forms`. seed: the study's. participant: how many
    enrolled before, so that orders differ between people of one form.
    """
    conditions = design.conditions
    form %= design.forms
    window = form % design.windows
    # Adding the quotient lets every window meet every rotation once, also where both are even.
    rotation = (form + form // lcm(design.windows, len(conditions))) % len(conditions)
    chosen: list[Trial] = []
    for number, (stratum, share) in enumerate(zip(design.strata, design.shares, strict=True)):
        stimuli = list(stratum)
        Random(f"{seed}/{design.name}/stratum/{number}").shuffle(stimuli)
        for place in range(share):
            stimulus = stimuli[(window * share + place) % len(stimuli)]
            chosen.append(Trial(stimulus, conditions[(len(chosen) + rotation) % len(conditions)]))
    if not design.shuffled:
        # One order for everybody, in which a place says nothing about the stratum.
        order = sorted(stimulus for stratum in design.strata for stimulus in stratum)
        Random(f"{seed}/{design.name}/fixed").shuffle(order)
        return sorted(chosen, key=lambda trial: order.index(trial.stimulus))
    return shuffled(chosen, design.max_run, Random(f"{seed}/{design.name}/order/{participant}"))


def shuffled(trials: Sequence[Trial], max_run: Mapping[str, int], random: Random) -> list[Trial]:
    """A random order in which no level stands more than `max_run` times in a row.

    Raises ValueError where there is no such order.
    """
    left = list(trials)
    random.shuffle(left)
    order: list[Trial] = []
    while left:
        fitting = (i for i in range(len(left)) if _fits(order, left, i, max_run))
        index = next(fitting, None)
        if index is None:
            raise ValueError("no order keeps every run within max_run; raise it")
        order.append(left.pop(index))
    return order


def _fits(
    order: Sequence[Trial], left: Sequence[Trial], index: int, max_run: Mapping[str, int]
) -> bool:
    """Whether taking this trial next keeps the run short and the rest of the order possible."""
    rest = [*left[:index], *left[index + 1 :]]
    for factor, longest in max_run.items():
        level = left[index].condition[factor]
        run = 1
        for trial in reversed(order):
            if trial.condition[factor] != level:
                break
            run += 1
        if run > longest:
            return False
        for other in {trial.condition[factor] for trial in rest}:
            same = sum(trial.condition[factor] == other for trial in rest)
            room = longest * (len(rest) - same + 1) - (run if other == level else 0)
            if same > room:
                return False
    return True
