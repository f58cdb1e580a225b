"""Questionnaires: items, scoring, source and licence, each as one YAML file.

Those that ship with Credence lie here; a study's own lie in the folder scales/ beside study.yaml.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal, Self

from pydantic import Field, FiniteFloat, model_validator

from webapp.definition import Questionnaire
from webapp.items import Question
from webapp.parts import Name, Part, Words
from webapp.scales.responses import ScaleResponse
from webapp.yamlfile import parse

_FOLDER = resources.files("webapp.scales")


class ScaleItem(Part):
    """One item; `[tool]` in its text is filled by the study, `response` replaces the scale's."""

    id: Name
    text: Words
    section: Words | None = None
    response: ScaleResponse | None = None


class Score(Part):
    """How items make a score: scale_by x (mean or sum) + offset.

    reverse: items that count as lowest + highest answer - answer. min_answered: fewer answers make
    no score.
    """

    id: Name
    items: Annotated[list[Name], Field(min_length=1)]
    reverse: tuple[Name, ...] = ()
    how: Literal["mean", "sum"]
    scale_by: FiniteFloat | None = None
    offset: FiniteFloat | None = None
    min_answered: Annotated[int, Field(ge=1)]


class Scale(Part):
    """A questionnaire whose items are scored together (`credence/scale/1`).

    response: how every item is answered that does not say so itself.
    """

    schema_: Annotated[Literal["credence/scale/1"], Field(alias="schema")]
    id: Name
    name: Words
    source: Words
    licence: Words
    note: Words | None = None
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
    response: ScaleResponse | None = None
    items: Annotated[list[ScaleItem], Field(min_length=1)]
    scores: list[Score]

    @model_validator(mode="after")
    def _items_can_be_answered(self) -> Self:
        ids = [item.id for item in self.items]
        for item in self.items:
            if ids.count(item.id) > 1:
                raise ValueError(f"two items have the id {item.id}; rename one")
            if item.response is None and self.response is None:
                raise ValueError(f"say how {item.id} is answered: give it or the scale a response")
        return self

    @model_validator(mode="after")
    def _scores_name_items(self) -> Self:
        known = {item.id for item in self.items}
        for score in self.scores:
            for name in {*score.items, *score.reverse} - known:
                raise ValueError(f"score {score.id} names an unknown item {name}")
            if len(set(score.items)) < len(score.items):
                raise ValueError(f"score {score.id} counts an item twice")
            if not set(score.reverse) <= set(score.items):
                raise ValueError(f"score {score.id} reverses an item that it does not count")
            if score.min_answered > len(score.items):
                raise ValueError(f"score {score.id} asks for more answers than it has items")
        return self

    @property
    def placeholders(self) -> set[str]:
        """The words in square brackets that a study has to fill."""
        return {word for item in self.items for word in re.findall(r"\[(\w+)\]", item.text)}

    def to_items(self, fill: dict[str, str], **more: bool) -> dict[str, Question]:
        """The items as a study shows them, with every placeholder filled.

        more: required, and may_refuse, of every item.
        """
        return {
            item.id: self._response_of(item).to_item(
                self.language,
                text={self.language: re.sub(r"\[(\w+)\]", lambda m: fill[m[1]], item.text)},
                section={self.language: item.section} if item.section else None,
                **more,
            )
            for item in self.items
        }

    def to_design(self) -> dict[str, Any]:
        """The scale as the analysis reads it; `ends` are the lowest and highest answer by item."""
        return {
            "id": self.id,
            "name": self.name,
            "source": self.source,
            "licence": self.licence,
            "items": [item.id for item in self.items],
            "ends": {item.id: list(self._response_of(item).ends) for item in self.items},
            "scores": [score.model_dump(mode="json") for score in self.scores],
        }

    def _response_of(self, item: ScaleItem) -> ScaleResponse:
        response = item.response or self.response
        if response is None:
            raise LookupError(f"{item.id} has no response")  # the validator lets none through
        return response


@cache
def shipped() -> Mapping[str, Scale]:
    """The scales that ship with Credence, by id."""
    names = sorted(file.name for file in _FOLDER.iterdir() if file.name.endswith(".yaml"))
    found = (parse(_FOLDER.joinpath(name).read_text("utf-8"), name)[0] for name in names)
    return {scale.id: scale for scale in map(Scale.model_validate, found)}


def items_of(
    entry: Questionnaire, scales: Mapping[str, Scale], own: Mapping[str, Question]
) -> dict[str, Question]:
    """The items of a questionnaire step, in order."""
    if entry.scale is not None:
        scale = scales[entry.scale]
        return scale.to_items(entry.fill, required=entry.required, may_refuse=entry.may_refuse)
    return {name: own[name] for name in entry.items}
