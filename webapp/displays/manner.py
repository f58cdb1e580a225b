"""How the explanations of a block are drawn, all alike, so that none of them stands out.

A sum belongs to an explanation whose parts add up to what the model says, and a curve to one that
was measured. A control has neither: shown beside the others it would be told by what it lacks, or
by parts that do not add up. So a block shows them for each of its explanations or for none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from webapp.definition import Block, Definition, say
from webapp.planned import Control, Explained, adds_up, drawn

NONE = "none"


@dataclass(frozen=True)
class Manner:
    """sums, curves: whether they are shown. legend: a study's words, by key, then by language."""

    sums: bool = False
    curves: bool = False
    legend: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def words(self, language: str) -> dict[str, str]:
        """The study's words in a language, by key."""
        return {key: say(text, language) for key, text in self.legend.items()}


def manner_of(definition: Definition, block: Block) -> Manner:
    """How a block draws: sums where all that it shows add up, and what it asks for."""
    asked = block.display
    # What is words shows by itself that it is none of the drawings.
    shown = [each for each in _explanations(definition, block) if drawn(each)]
    return Manner(
        sums=bool(shown) and all(map(adds_up, shown)),
        curves=asked.curves and not any(isinstance(each, Control) for each in shown),
        legend=asked.legend.texts,
    )


def _explanations(definition: Definition, block: Block) -> list[Explained | Control]:
    """The explanations that participants meet in a block."""
    found = list(block.trial.named)
    if block.trial.varied and "explanation" in definition.factors:
        found += definition.factors["explanation"].levels
    return [definition.explanations[name] for name in dict.fromkeys(found) if name != NONE]
