"""How the explanations of a study are drawn, all alike, so that none of them stands out.

A sum belongs to an explanation whose parts add up to what the model says, and a curve to one that
was measured. A control has neither: it would be told by what it lacks, or by parts that do not add
up. So sums are shown with every drawing that a study shows or with none, and curves with every one
of a block or with none.
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
    """How a block draws: sums where all that the study draws adds up, and what the block asks."""
    asked = block.display
    all_drawn = [each for other in definition.blocks for each in _drawn(definition, other)]
    controls = [each for each in _drawn(definition, block) if isinstance(each, Control)]
    return Manner(
        sums=bool(all_drawn) and all(map(adds_up, all_drawn)),
        curves=asked.curves and not controls,
        legend=asked.legend.texts,
    )


def shown_in(definition: Definition, block: Block) -> list[str]:
    """The explanations that participants meet in a block, by name."""
    found = list(block.trial.named)
    if block.trial.varied and "explanation" in definition.factors:
        found += definition.factors["explanation"].levels
    return [name for name in dict.fromkeys(found) if name != NONE]


def _drawn(definition: Definition, block: Block) -> list[Explained | Control]:
    """Those that are drawn: words show by themselves that they are none of the drawings."""
    found = [definition.explanations[name] for name in shown_in(definition, block)]
    return [each for each in found if drawn(each)]
