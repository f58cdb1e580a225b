"""The shape of a study definition (`credence/study/1`): what study.yaml may say."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from webapp.definition.analysis import Answered, Exclusion, Hypothesis, TooFast
from webapp.definition.flow import (
    Block,
    Consent,
    Debrief,
    Factor,
    FlowEntry,
    Instructions,
    Order,
    Questionnaire,
)
from webapp.definition.items import Choice, FreeText, Item, Likert, Number, Option, YesNo
from webapp.definition.recruitment import Outcome, Outcomes, RecruitmentSite
from webapp.parts import File, Name, Part, RelativePath, Text
from webapp.planned import Explanation, StimulusSet

__all__ = [
    "Answered",
    "Block",
    "Choice",
    "Consent",
    "Debrief",
    "Definition",
    "Exclusion",
    "Factor",
    "FlowEntry",
    "FreeText",
    "Hypothesis",
    "Instructions",
    "Item",
    "Likert",
    "Number",
    "Option",
    "Order",
    "Outcome",
    "Outcomes",
    "Questionnaire",
    "RecruitmentSite",
    "TooFast",
    "YesNo",
    "json_schema",
    "say",
]


class Definition(Part):
    """A whole study."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, serialize_by_alias=True, title="A Credence study"
    )

    schema_: Annotated[Literal["credence/study/1"], Field(alias="schema")]
    slug: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    title: Text
    seed: int
    pages: dict[Name, RelativePath]
    recruitment: RecruitmentSite = RecruitmentSite()
    checkpoints: dict[Name, File] = Field(default_factory=dict)
    stimuli: dict[Name, StimulusSet] = Field(default_factory=dict)
    explanations: dict[Name, Explanation] = Field(default_factory=dict)
    factors: dict[Name, Factor] = Field(default_factory=dict)
    items: dict[Name, Item] = Field(default_factory=dict)
    flow: Annotated[list[FlowEntry], Field(min_length=2)]
    exclusions: list[Exclusion] = Field(default_factory=list)
    hypotheses: list[Hypothesis] = Field(default_factory=list)

    @property
    def blocks(self) -> list[Block]:
        """The blocks of trials, in order."""
        return [entry for entry in self.flow if isinstance(entry, Block)]

    @property
    def questionnaires(self) -> list[Questionnaire]:
        """The questionnaires, in order."""
        return [entry for entry in self.flow if isinstance(entry, Questionnaire)]

    @property
    def languages(self) -> list[str]:
        """The languages of the study; the title's decide, the first is the default."""
        return list(self.title)


def say(text: dict[str, str], language: str) -> str:
    """Return the text in a language, or in the first one it is written in."""
    return text.get(language) or next(iter(text.values()))


def json_schema() -> dict[str, Any]:
    """JSON Schema of study.yaml, for editors that complete and check while typing."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Definition.model_json_schema(by_alias=True),
    }
