"""An answer as the model gives one, a label or a number, and how sure somebody is of it."""

from typing import ClassVar

from webapp.items import Choice, Confidence, Number, Option, Question
from webapp.parts import Text
from webapp.tasks.base import About
from webapp.tasks.words import Wording


class Judging(Wording):
    """A task that asks for answers as the model gives them.

    confidence: whether it also asks how sure somebody is. unit: of a number.
    """

    judged: ClassVar[bool] = True
    confidence: bool = True
    unit: Text | None = None

    def judgement(self, name: str, about: About) -> dict[str, Question]:
        """The question `name`, and where it is asked the one of how sure; each has its role."""
        asked: dict[str, Question] = {name: self._answer(name, about)}
        if self.confidence:
            sure = f"{name}_confidence"
            asked[sure] = Confidence(kind="confidence", text=self.say(sure), role=sure)
        return asked

    def _answer(self, name: str, about: About) -> Question:
        text = self.say(name)
        if not about.labels:
            return Number(kind="number", text=text, role=name, unit=self.unit)
        # A label is whatever the checkpoint calls it, so it need not be what a study may write.
        choices = [
            Option.model_construct(value=label, text=dict.fromkeys(text, label))
            for label in about.labels
        ]
        return Choice.model_construct(kind="choice", text=text, role=name, choices=choices)


SURE = {
    "en": "How sure are you, in percent?",
    "de": "Wie sicher sind Sie, in Prozent?",
    "es": "¿Qué tan seguro está, en porcentaje?",
    "zh": "您有多大把握(百分比)?",
}
