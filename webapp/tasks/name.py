"""name: put one of the model's own ideas into words, or pick the word that others gave it.

What others wrote is shown to nobody unseen: the researcher lists the words, for instance from an
earlier study that asked for them.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from webapp.items import Option, Question
from webapp.parts import Name as Known
from webapp.tasks.base import About, Page
from webapp.tasks.naming import FromList, InWords
from webapp.tasks.words import Texts, Wording

METHODS = ("senn_concepts", "channels")
NONE = "none_of_these"
WORDS: dict[str, Texts] = {
    "idea": {
        "en": "What does the model's idea {number} stand for?",
        "de": "Wofür steht die Idee {number} des Modells?",
        "es": "¿Qué representa la idea {number} del modelo?",
        "zh": "模型的概念 {number} 代表什么?",
    },
    "channel": {
        "en": "What is channel {number} of the model active for?",
        "de": "Wofür ist der Kanal {number} des Modells aktiv?",
        "es": "¿Para qué se activa el canal {number} del modelo?",
        "zh": "模型的通道 {number} 对什么有反应?",
    },
    "none": {
        "en": "None of these",
        "de": "Nichts davon",
        "es": "Ninguna de estas",
        "zh": "都不是",
    },
}


class NameTask(Wording):
    """A stimulus with what the model says of itself, and a name for what counts most there.

    explanation: by the method senn_concepts or channels. choices: words to pick from.
    """

    task: Literal["name"]
    explanation: Known
    choices: Annotated[list[Option], Field(max_length=40)] = Field(default_factory=list)
    varied: ClassVar[bool] = False
    spoken: ClassVar[Mapping[str, Texts]] = WORDS

    @property
    def pages(self) -> tuple[Page, ...]:
        """One page."""
        return (Page("name", explained=True, answer=True, asks=True),)

    @property
    def named(self) -> tuple[str, ...]:
        """The explanation whose ideas are named."""
        return (self.explanation,)

    def shown(self, page: Page, condition: Mapping[str, str]) -> tuple[str, ...]:
        """The named explanation, whatever the condition."""
        return (self.explanation,)

    def line(self, name: str) -> Texts | None:
        """The page leads with nothing: its question says all."""
        return None

    def questions(self, page: Page, about: About) -> dict[str, Question]:
        """The name."""
        texts = {kind: self.say(kind) for kind in ("idea", "channel")}
        item: InWords | FromList
        if self.choices:
            listed = [*self.choices, Option(value=NONE, text=self.say("none"))]
            item = FromList(kind="choice", text=texts["idea"], texts=texts, choices=listed)
        else:
            item = InWords(kind="text", text=texts["idea"], texts=texts, max_length=120, short=True)
        return {"name": item.model_copy(update={"role": "name"})}
