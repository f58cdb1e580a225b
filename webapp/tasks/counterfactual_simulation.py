"""counterfactual_simulation: from the explanation of one input, say what the model makes of a
changed one.

A changed input is a stimulus of its own, of the set `changed`, so the model has really answered it.
It belongs to the input in the same row of the other set's data.
Source: Doshi-Velez & Kim 2017, arXiv:1702.08608, section 3.2; Hase & Bansal 2020, arXiv:2005.01831.
"""

from collections.abc import Mapping
from typing import ClassVar, Literal

from webapp.items import Question
from webapp.parts import Name
from webapp.tasks.base import About, Page
from webapp.tasks.judgement import SURE, Judging
from webapp.tasks.words import Texts

WORDS: dict[str, Texts] = {
    "given": {
        "en": "First look at what the model made of this.",
        "de": "Sehen Sie sich zuerst an, was das Modell hieraus gemacht hat.",
        "es": "Primero observe qué hizo el modelo con esto.",
        "zh": "请先看模型对此的回答。",
    },
    "change": {
        "en": "Now it is changed",
        "de": "Nun ist es verändert",
        "es": "Ahora está cambiado",
        "zh": "现在它有了变化",
    },
    "outcome": {
        "en": "This is what the model answered.",
        "de": "Das hat das Modell geantwortet.",
        "es": "Esto es lo que respondió el modelo.",
        "zh": "这是模型的回答。",
    },
    "foreseen": {
        "en": "What will the model say to the changed one?",
        "de": "Was wird das Modell zum veränderten sagen?",
        "es": "¿Qué dirá el modelo de lo cambiado?",
        "zh": "对于变化后的内容,模型会说什么?",
    },
    "foreseen_confidence": SURE,
}


class CounterfactualSimulation(Judging):
    """A stimulus with the model's answer, explained by condition, and a changed one without.

    changed: the stimulus set with the changed inputs. feedback: whether a second page tells what
    the model said to it.
    """

    task: Literal["counterfactual_simulation"]
    changed: Name
    feedback: bool = False
    layout: ClassVar[str] = "change"
    spoken: ClassVar[Mapping[str, Texts]] = WORDS

    @property
    def pages(self) -> tuple[Page, ...]:
        """What was given and its change, and with feedback the outcome."""
        given = Page("given", explained=True, answer=True, asks=True)
        outcome = Page("outcome", answer=True, change_answered=True, repeats="foreseen")
        return (given, outcome) if self.feedback else (given,)

    @property
    def beside(self) -> Name:
        """The set of the changed inputs."""
        return self.changed

    def questions(self, page: Page, about: About) -> dict[str, Question]:
        """What the model will say to the changed input."""
        return self.judgement("foreseen", about) if page.part == "given" else {}
