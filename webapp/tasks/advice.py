"""advice: decide alone, see what the model says, decide again (a judge and an advisor).

Source: Sniezek & Buckley 1995, Organizational Behavior and Human Decision Processes 62(2), 159-174.
"""

from collections.abc import Mapping
from typing import ClassVar, Literal

from webapp.items import Question
from webapp.tasks.base import About, Page
from webapp.tasks.judgement import SURE, Judging
from webapp.tasks.words import Texts

WORDS: dict[str, Texts] = {
    "alone": {
        "en": "First decide by yourself.",
        "de": "Entscheiden Sie zuerst selbst.",
        "es": "Primero decida por su cuenta.",
        "zh": "请先自己判断。",
    },
    "advised": {
        "en": "Now you see what the model says. You can keep your decision or change it.",
        "de": "Jetzt sehen Sie, was das Modell sagt. Sie können bei Ihrer Entscheidung bleiben "
        "oder sie ändern.",
        "es": "Ahora ve lo que dice el modelo. Puede mantener su decisión o cambiarla.",
        "zh": "现在您可以看到模型的回答。您可以保持或更改自己的判断。",
    },
    "outcome": {
        "en": "This is the right answer.",
        "de": "Dies ist die richtige Antwort.",
        "es": "Esta es la respuesta correcta.",
        "zh": "这是正确答案。",
    },
    "initial": {
        "en": "What is your decision?",
        "de": "Wie entscheiden Sie?",
        "es": "¿Cuál es su decisión?",
        "zh": "您的判断是什么?",
    },
    "final": {
        "en": "What is your final decision?",
        "de": "Wie entscheiden Sie endgültig?",
        "es": "¿Cuál es su decisión final?",
        "zh": "您的最终判断是什么?",
    },
    "initial_confidence": SURE,
    "final_confidence": SURE,
}


class Advice(Judging):
    """Own decision; the model's answer, explained by condition, and the final decision.

    feedback: whether a third page tells what is right.
    """

    task: Literal["advice"]
    feedback: bool = False
    outcomes: ClassVar[tuple[str, ...]] = ("initial", "final", "followed")
    spoken: ClassVar[Mapping[str, Texts]] = WORDS

    @property
    def pages(self) -> tuple[Page, ...]:
        """Alone, advised, and with feedback the outcome."""
        advised = Page("advised", explained=True, answer=True, asks=True, repeats="initial")
        outcome = (
            (Page("outcome", answer=True, truth=True, repeats="final"),) if self.feedback else ()
        )
        return (Page("alone"), advised, *outcome)

    def questions(self, page: Page, about: About) -> dict[str, Question]:
        """The decision and its confidence: initial, then final."""
        names = {"alone": "initial", "advised": "final"}
        return self.judgement(names[page.part], about) if page.part in names else {}
