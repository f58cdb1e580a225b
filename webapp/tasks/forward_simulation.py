"""forward_simulation: say what the model will say, with or without its explanation.

Source: Doshi-Velez & Kim 2017, arXiv:1702.08608, section 3.2; Hase & Bansal 2020, arXiv:2005.01831.
"""

from collections.abc import Mapping
from typing import ClassVar, Literal

from webapp.items import Question
from webapp.tasks.base import About, Page
from webapp.tasks.judgement import SURE, Judging
from webapp.tasks.words import Texts

WORDS: dict[str, Texts] = {
    "predict": {
        "en": "Say what the model will answer, be it right or wrong.",
        "de": "Sagen Sie voraus, was das Modell antwortet, ob richtig oder falsch.",
        "es": "Diga qué responderá el modelo, sea correcto o no.",
        "zh": "请预测模型会怎样回答,无论对错。",
    },
    "outcome": {
        "en": "This is what the model answered.",
        "de": "Das hat das Modell geantwortet.",
        "es": "Esto es lo que respondió el modelo.",
        "zh": "这是模型的回答。",
    },
    "simulated": {
        "en": "What will the model say?",
        "de": "Was wird das Modell sagen?",
        "es": "¿Qué dirá el modelo?",
        "zh": "模型会说什么?",
    },
    "simulated_confidence": SURE,
}


class ForwardSimulation(Judging):
    """The stimulus, explained by condition, without the model's answer, which is to be foreseen.

    feedback: whether a second page tells what the model said.
    """

    task: Literal["forward_simulation"]
    feedback: bool = False
    outcomes: ClassVar[tuple[str, ...]] = ("simulated",)
    spoken: ClassVar[Mapping[str, Texts]] = WORDS

    @property
    def pages(self) -> tuple[Page, ...]:
        """Predict, and with feedback the outcome."""
        outcome = (Page("outcome", answer=True, repeats="simulated"),) if self.feedback else ()
        return (Page("predict", explained=True, asks=True), *outcome)

    def questions(self, page: Page, about: About) -> dict[str, Question]:
        """What the model will say."""
        return self.judgement("simulated", about) if page.part == "predict" else {}
