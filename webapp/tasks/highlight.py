"""highlight: the participant marks what matters, so that people and explanations can be compared.

Source: Mohseni et al. 2021, arXiv:1801.05075 (masks drawn by many people as a human benchmark).
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from webapp.items import Question
from webapp.tasks.base import About, Page
from webapp.tasks.mask import Mask
from webapp.tasks.words import Texts, Wording

WORDS: dict[str, Texts] = {
    "told": {
        "en": "Mark the parts that you think the model's answer rests on.",
        "de": "Markieren Sie die Teile, auf denen die Antwort des Modells Ihrer Meinung nach "
        "beruht.",
        "es": "Marque las partes en las que cree que se basa la respuesta del modelo.",
        "zh": "请标出您认为模型的回答所依据的部分。",
    },
    "untold": {
        "en": "Mark the parts that matter for the right answer.",
        "de": "Markieren Sie die Teile, auf die es für die richtige Antwort ankommt.",
        "es": "Marque las partes que importan para la respuesta correcta.",
        "zh": "请标出对正确答案重要的部分。",
    },
}


class Highlight(Wording):
    """The stimulus without an explanation, of which the participant marks parts.

    answer: whether the model's answer is shown. Words of a text, patches x patches squares of an
    image, or segments of a series can be marked.
    """

    task: Literal["highlight"]
    answer: bool = True
    patches: Annotated[int, Field(ge=4, le=8)] = 7
    segments: Annotated[int, Field(ge=2, le=16)] = 12
    varied: ClassVar[bool] = False
    layout: ClassVar[str] = "highlight"
    spoken: ClassVar[Mapping[str, Texts]] = WORDS

    @property
    def pages(self) -> tuple[Page, ...]:
        """One page."""
        return (Page("mark", answer=self.answer, asks=True),)

    def questions(self, page: Page, about: About) -> dict[str, Question]:
        """The mask."""
        text = self.say("told" if self.answer else "untold")
        return {
            "marks": Mask(text=text, role="marks", patches=self.patches, segments=self.segments)
        }
