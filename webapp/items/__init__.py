"""Items: every kind of question, how it is asked, and what of a sent form is an answer."""

from typing import Annotated

from pydantic import Field

from webapp.items.choices import Choice, Multiple, Option, Ranking
from webapp.items.matrix import Matrix, Row
from webapp.items.numbers import Confidence, Number, Slider
from webapp.items.points import Likert, SemanticDifferential, YesNo
from webapp.items.question import Question
from webapp.items.words import Date, FreeText

__all__ = [
    "Choice",
    "Confidence",
    "Date",
    "FreeText",
    "Item",
    "Likert",
    "Matrix",
    "Multiple",
    "Number",
    "Option",
    "Question",
    "Ranking",
    "Row",
    "SemanticDifferential",
    "Slider",
    "YesNo",
]

Item = Annotated[
    Likert
    | SemanticDifferential
    | Slider
    | YesNo
    | Choice
    | Multiple
    | Ranking
    | Matrix
    | Number
    | Date
    | FreeText
    | Confidence,
    Field(discriminator="kind"),
]
