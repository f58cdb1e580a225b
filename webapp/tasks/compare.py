"""compare: two explanations of one answer side by side, A and B; which is better, and why.

Every ordered pair of the explanations is a condition of its own within participants, so that over
all forms each stimulus is met with each explanation on each side equally often.
"""

from collections.abc import Mapping
from itertools import permutations
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from webapp.items import Choice, FreeText, Option, Question
from webapp.parts import Name
from webapp.tasks.base import About, Levels, Page
from webapp.tasks.words import Texts, Wording

PAIR, BESIDE = "pair", "+"
WORDS: dict[str, Texts] = {
    "better": {
        "en": "Which explanation is better?",
        "de": "Welche Erklärung ist besser?",
        "es": "¿Qué explicación es mejor?",
        "zh": "哪个解释更好?",
    },
    "same": {
        "en": "They are equally good",
        "de": "Beide sind gleich gut",
        "es": "Son igual de buenas",
        "zh": "一样好",
    },
    "why": {"en": "Why?", "de": "Warum?", "es": "¿Por qué?", "zh": "为什么?"},
}


class Compare(Wording):
    """Two of the named explanations, and which is better.

    may_be_equal: whether neither may be better. why: whether it asks for the reason too.
    """

    task: Literal["compare"]
    explanations: Annotated[list[Name], Field(min_length=2, max_length=4)]
    may_be_equal: bool = True
    why: bool = True
    varied: ClassVar[bool] = False
    layout: ClassVar[str] = "compare"
    spoken: ClassVar[Mapping[str, Texts]] = WORDS

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len(set(self.explanations)) < len(self.explanations):
            raise ValueError("an explanation stands here twice")
        return self

    @property
    def pages(self) -> tuple[Page, ...]:
        """One page."""
        return (Page("compare", explained=True, answer=True, asks=True),)

    @property
    def named(self) -> tuple[str, ...]:
        """The explanations to compare."""
        return tuple(self.explanations)

    def levels(self, within: Levels) -> Levels:
        """Which explanation is A and which is B varies with the factors that matter here."""
        pairs = tuple(BESIDE.join(pair) for pair in permutations(self.explanations, 2))
        return {**super().levels(within), PAIR: pairs}

    def shown(self, page: Page, condition: Mapping[str, str]) -> tuple[str, ...]:
        """A, then B."""
        return tuple(condition[PAIR].split(BESIDE))

    def questions(self, page: Page, about: About) -> dict[str, Question]:
        """Which is better, stored as A, B or same, and why."""
        text = self.say("better")
        choices = [Option(value=side, text=dict.fromkeys(text, side)) for side in ("A", "B")]
        if self.may_be_equal:
            choices.append(Option(value="same", text=self.say("same")))
        asked: dict[str, Question] = {
            "better": Choice(kind="choice", text=text, role="better", choices=choices)
        }
        if self.why:
            asked["why"] = FreeText(kind="text", text=self.say("why"), role="why", required=False)
        return asked
