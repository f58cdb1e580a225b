"""Read the model that a hypothesis declares: rating ~ a * b + (1 + a | participant)."""

import re
from dataclasses import dataclass

_TERM = re.compile(r"\(([^()|]*\|[^()]*)\)")


@dataclass(frozen=True)
class Declared:
    """A declared model: its predictors and its random terms, in lme4's words."""

    predictors: str
    random: tuple[str, ...]

    def holds(self, grouping: str) -> bool:
        """Whether it has a random term of participants, stimuli or the like."""
        return any(term.partition("|")[2].strip() == grouping for term in self.random)

    def label(self, response: str) -> str:
        """The model in one line."""
        return " + ".join([f"{response} ~ {self.predictors}", *(f"({t})" for t in self.random)])


def declared(formula: str) -> Declared:
    """Split a formula into predictors and random terms. Raises ValueError where it cannot."""
    left, tilde, right = formula.partition("~")
    if not tilde or not left.strip() or not right.strip():
        raise ValueError(f"expected a model like 'rating ~ condition', got {formula!r}")
    random = tuple(" ".join(term.split()) for term in _TERM.findall(right))
    parts = (part.strip() for part in _TERM.sub(" ", right).split("+"))
    predictors = " + ".join(part for part in parts if part)
    if "|" in predictors:
        raise ValueError(f"cannot read the random terms of {formula!r}")
    return Declared(predictors or "1", random)


def smaller(model: Declared, factor: str) -> list[Declared]:
    """Models to fall back on, the largest first: without random slopes, then of the factor alone.

    Intercepts of participants stay to the last: without them a person's answers would count as
    those of different people.
    """
    groups = dict.fromkeys(term.partition("|")[2].strip() for term in model.random)
    intercepts = tuple(f"1 | {group}" for group in groups)
    found = [Declared(model.predictors, intercepts), Declared(factor, intercepts)]
    if "participant" in groups and len(groups) > 1:
        alone = ("1 | participant",)
        found[1:1] = [Declared(model.predictors, alone)]
        found.append(Declared(factor, alone))
    return [other for other in dict.fromkeys(found) if other != model]


def default(factor: str, vary: str) -> Declared:
    """The model where none is declared: a slope for each participant where levels vary within."""
    within = f"1 + {factor}" if vary == "within" else "1"
    return Declared(factor, (f"{within} | participant", "1 | stimulus"))
