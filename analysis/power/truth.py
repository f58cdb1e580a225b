"""What is taken to be true when answers are simulated: thresholds, effects and how people differ.

A rating is 1 + the number of thresholds below: the mean of its cell + the participant's deviation
there + the stimulus's + a standard logistic error. A cell is a condition together with whether the
model is correct. Here a deviation is an intercept plus, for people, an independent one at each
level of each factor that varies within them, as `flask simulate` draws them; a pilot may tell more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from analysis.power.model import PowerError
from analysis.power.study import CORRECT, Condition, Study
from analysis.samples import Floats

# Thresholds without a pilot run evenly between these, in logits; flask simulate has the same.
WIDTH = 2.0

Effects = Mapping[tuple[str, str], float]


@dataclass(frozen=True)
class Spread:
    """Standard deviations in logits: of people, of stimuli, and of a person at a level."""

    participant: float = 1.0
    stimulus: float = 0.5
    slope: float = 0.3


@dataclass(frozen=True)
class Truth:
    """Everything that answers are drawn from, in logits.

    cells: conditions with model_correct. mean: (n_cells,), without what is planned for. effect:
    (n_cells,), what is. participant, stimulus: covariance of deviations (n_cells, n_cells).
    """

    cells: tuple[Condition, ...]
    thresholds: Floats
    mean: Floats
    effect: Floats
    participant: Floats
    stimulus: Floats


def assumed(study: Study, item: str, effects: Effects, spread: Spread) -> Truth:
    """Even thresholds and the stated standard deviations."""
    cells = cells_of(study)
    everywhere = np.ones((len(cells), len(cells)))
    shared = np.zeros_like(everywhere)
    for name in study.within:
        shared += [[a[name] == b[name] for a in cells] for b in cells]
    points = study.points[item]
    return Truth(
        cells=cells,
        thresholds=np.zeros(1) if points == 2 else np.linspace(-WIDTH, WIDTH, points - 1),
        mean=np.zeros(len(cells)),
        effect=effect_of(cells, effects),
        participant=spread.participant**2 * everywhere + spread.slope**2 * shared,
        stimulus=spread.stimulus**2 * everywhere,
    )


def cells_of(study: Study) -> tuple[Condition, ...]:
    """Every combination of the factors' levels with every kind of stimulus."""
    names = [*study.factors, CORRECT]
    kinds = sorted({kind for block in study.blocks for kind, _ in block.strata})
    return tuple(
        dict(zip(names, chosen, strict=True)) for chosen in product(*study.factors.values(), kinds)
    )


def effect_of(cells: tuple[Condition, ...], effects: Effects) -> Floats:
    """The sum of the effects of each cell's levels, (n_cells,)."""
    return np.array(
        [sum(size for (f, level), size in effects.items() if c[f] == level) for c in cells],
        dtype=float,
    )


def parse_effects(given: list[str], study: Study) -> dict[tuple[str, str], float]:
    """Effects written FACTOR=LEVEL:LOGITS. Raises PowerError where the study has no such level."""
    known = {**study.factors, CORRECT: ("true", "false")}
    effects: dict[tuple[str, str], float] = {}
    for text in given:
        factor, _, rest = text.partition("=")
        level, _, size = rest.rpartition(":")
        if level not in known.get(factor, ()):
            there = "; ".join(f"{name}={'|'.join(levels)}" for name, levels in known.items())
            raise PowerError(f"{text}: write FACTOR=LEVEL:LOGITS; there is {there}")
        if (factor, level) in effects:
            raise PowerError(f"{text}: {factor}={level} has an effect already; give it once")
        try:
            effects[factor, level] = float(size)
        except ValueError:
            effects[factor, level] = np.nan
        if not np.isfinite(effects[factor, level]):
            raise PowerError(f"{text}: {size!r} is no number; write, such as, {factor}={level}:0.8")
    return effects
