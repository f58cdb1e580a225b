"""Registered questionnaires: items, scoring, source and licence, each as one YAML file."""

import re
from functools import cache
from importlib import resources
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from webapp.definition import Item, Likert, Questionnaire
from webapp.parts import Name, Part, Words
from webapp.yamlfile import parse

_FOLDER = resources.files("webapp.scales")


class ScaleResponse(Part):
    """How every item of a scale is answered."""

    type: Literal["likert"]
    min: int
    max: int
    min_label: Words
    max_label: Words


class ScaleItem(Part):
    """One item; `[tool]` in its text is filled by the study."""

    id: Name
    text: Words


class Score(Part):
    """How items make a score: reversed items count as min + max - answer."""

    id: Name
    items: Annotated[list[Name], Field(min_length=1)]
    reverse: tuple[Name, ...] = ()
    how: Literal["mean", "sum"]
    min_answered: Annotated[int, Field(ge=1)]


class Scale(Part):
    """A questionnaire whose items are scored together (`credence/scale/1`)."""

    schema_: Annotated[Literal["credence/scale/1"], Field(alias="schema")]
    id: Name
    name: Words
    source: Words
    licence: Words
    note: Words | None = None
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
    response: ScaleResponse
    items: Annotated[list[ScaleItem], Field(min_length=1)]
    scores: Annotated[list[Score], Field(min_length=1)]

    @model_validator(mode="after")
    def _scores_name_items(self) -> Self:
        known = {item.id for item in self.items}
        for score in self.scores:
            for name in {*score.items, *score.reverse} - known:
                raise ValueError(f"score {score.id} names an unknown item {name}")
            if not set(score.reverse) <= set(score.items):
                raise ValueError(f"score {score.id} reverses an item that it does not count")
            if score.min_answered > len(score.items):
                raise ValueError(f"score {score.id} asks for more answers than it has items")
        return self

    @property
    def placeholders(self) -> set[str]:
        """The words in square brackets that a study has to fill."""
        return {word for item in self.items for word in re.findall(r"\[(\w+)\]", item.text)}

    def to_items(self, fill: dict[str, str]) -> dict[str, Likert]:
        """The items as a study shows them, with every placeholder filled."""
        ends = {
            self.response.min: {self.language: self.response.min_label},
            self.response.max: {self.language: self.response.max_label},
        }
        return {
            item.id: Likert(
                kind="likert",
                text={self.language: re.sub(r"\[(\w+)\]", lambda m: fill[m[1]], item.text)},
                min=self.response.min,
                max=self.response.max,
                labels=ends,
            )
            for item in self.items
        }


def registered() -> list[str]:
    """The ids of the scales that ship with Credence."""
    return sorted(
        file.name.removesuffix(".yaml") for file in _FOLDER.iterdir() if file.name.endswith(".yaml")
    )


@cache
def load(scale_id: str) -> Scale:
    """Read a registered scale. Raises KeyError where there is none with this id."""
    if scale_id not in registered():
        raise KeyError(scale_id)
    name = f"{scale_id}.yaml"
    data, _ = parse(_FOLDER.joinpath(name).read_text("utf-8"), name)
    return Scale.model_validate(data)


def items_of(
    entry: Questionnaire, scales: dict[str, Scale], own: dict[str, Item]
) -> dict[str, Item]:
    """The items of a questionnaire step, in order."""
    if entry.scale is not None:
        return dict(scales[entry.scale].to_items(entry.fill))
    return {name: own[name] for name in entry.items}
