"""The confirmatory model of a hypothesis: its formula, random terms and the contrast tested."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analysis.ordinal import formula

RESPONSE = "rating"
_RANDOM = re.compile(r"\+?\s*\(([^()|]+\|[^()|]+)\)")


class PowerError(ValueError):
    """A design or an option that power cannot be computed for; the message says what to do."""


@dataclass(frozen=True)
class Model:
    """A cumulative link mixed model and the two levels of one factor that it compares.

    fixed: right-hand side. random: lme4's terms. factor, contrast: (a, b) asks for a minus b,
    averaged over the other predictors.
    """

    fixed: str
    random: tuple[str, ...]
    predictors: tuple[str, ...]
    factor: str
    contrast: tuple[str, str]


def model_of(
    hypothesis: Mapping[str, Any], factors: Mapping[str, tuple[str, ...]], within: frozenset[str]
) -> Model:
    """Read "rating ~ a * b + (1 + a | participant) + (1 | stimulus)" and the contrast.

    factors: levels by name. Without random terms it has a slope per participant for every factor of
    the formula that varies within participants, and an intercept per stimulus. Raises PowerError.
    """
    name = hypothesis["id"]
    try:
        _, right = formula.split(_RANDOM.sub("", hypothesis["formula"]))
        fixed = formula.predictors(right)
        predictors = tuple(formula.columns(fixed.rhs_termlist))
        given = tuple(" ".join(term.split()) for term in _RANDOM.findall(hypothesis["formula"]))
        random = given or default_random(predictors, within)
        read = formula.random_terms(random)
    except ValueError as error:
        raise PowerError(f"hypothesis {name}: {error}") from error
    for term in read:
        if term.grouping not in ("participant", "stimulus"):
            raise PowerError(
                f"hypothesis {name} has a random term over {term.grouping}; power is simulated for "
                "participant and stimulus"
            )
    unknown = [each for each in predictors if each not in factors]
    if unknown:
        raise PowerError(
            f"the formula of {name} has {unknown[0]}, which is no factor of the design; power is "
            f"simulated for: {', '.join(factors)}"
        )
    contrast = tuple(map(str, hypothesis.get("contrast") or ()))
    factor = next((f for f in predictors if set(contrast) <= set(factors[f])), None)
    if len(contrast) != 2 or factor is None:
        raise PowerError(
            f"hypothesis {name} has no contrast of two levels of a factor in its model"
        )
    return Model(right, random, predictors, factor, (contrast[0], contrast[1]))


def default_random(predictors: tuple[str, ...], within: frozenset[str]) -> tuple[str, ...]:
    """The random terms that keep the type I error: slopes for factors within participants.

    Source: Barr, Levy, Scheepers & Tily (2013), J. Memory and Language 68(3), 255-278.
    """
    slopes = " + ".join(["1", *(name for name in predictors if name in within)])
    return (f"{slopes} | participant", "1 | stimulus")
