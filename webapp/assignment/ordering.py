"""Orders of trials in which equals do not stand too often in a row."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from random import Random

from webapp.assignment.design import Trial

ATTEMPTS = 200


def arranged(trials: Sequence[Trial], max_run: Mapping[str, int], random: Random) -> list[Trial]:
    """A random order in which no level or trait stands more than `max_run` times in a row.

    Where several limits leave no such order to be found, it is the best of ATTEMPTS orders: a
    participant never waits for one (`too_long` says so before a study opens).
    """
    tries = [_try(trials, max_run, random)]
    while tries[-1] is None and len(tries) < ATTEMPTS:
        tries.append(_try(trials, max_run, random))
    if tries[-1] is not None:
        return tries[-1]
    orders = [random.sample(list(trials), len(trials)) for _ in range(ATTEMPTS)]
    return min(orders, key=lambda order: too_long(order, max_run))


def too_long(trials: Sequence[Trial], max_run: Mapping[str, int]) -> int:
    """How many trials stand too late in a run; 0 where every run is short enough."""
    return sum(
        max(len(list(run)) - longest, 0)
        for name, longest in max_run.items()
        for _, run in groupby(_value(trial, name) for trial in trials)
    )


def _try(trials: Sequence[Trial], max_run: Mapping[str, int], random: Random) -> list[Trial] | None:
    """One random order within the limits, or None where it came to a dead end."""
    left = random.sample(list(trials), len(trials))
    order: list[Trial] = []
    while left:
        fitting = (i for i in range(len(left)) if _fits(order, left, i, max_run))
        index = next(fitting, None)
        if index is None:
            return None
        order.append(left.pop(index))
    return order


def _value(trial: Trial, name: str) -> str:
    return trial.condition.get(name) or trial.traits.get(name, "")


def _fits(
    order: Sequence[Trial], left: Sequence[Trial], index: int, max_run: Mapping[str, int]
) -> bool:
    """Whether taking this trial next keeps the run short and the rest of the order possible."""
    rest = [*left[:index], *left[index + 1 :]]
    for name, longest in max_run.items():
        value = _value(left[index], name)
        run = 1
        for trial in reversed(order):
            if _value(trial, name) != value:
                break
            run += 1
        if run > longest:
            return False
        values = [_value(trial, name) for trial in rest]
        for other in set(values):
            same = values.count(other)
            room = longest * (len(rest) - same + 1) - (run if other == value else 0)
            if same > room:
                return False
    return True
