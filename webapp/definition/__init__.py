"""The shape of a study definition (`credence/study/1`): what study.yaml may say."""

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, StringConstraints, Tag

from webapp.definition.analysis import (
    Answered,
    Exclusion,
    FailedChecks,
    Hypothesis,
    StraightLining,
    TooFast,
)
from webapp.definition.conditions import Value, When
from webapp.definition.design import Assign, Covariate, Quota
from webapp.definition.flow import (
    AfterBreak,
    Block,
    Check,
    Consent,
    Debrief,
    Factor,
    FlowEntry,
    Group,
    Instructions,
    Order,
    Page,
    Questionnaire,
    pages,
)
from webapp.definition.recruitment import Outcome, Outcomes, RecruitmentSite
from webapp.items import Choice, FreeText, Item, Likert, Number, Option, YesNo
from webapp.parts import File, Language, Name, Part, RelativePath, Text, say
from webapp.planned import Explanation, StimulusSet

__all__ = [
    "AfterBreak",
    "Answered",
    "Assign",
    "Block",
    "Check",
    "Choice",
    "Consent",
    "Covariate",
    "Debrief",
    "Definition",
    "Exclusion",
    "Factor",
    "FailedChecks",
    "FlowEntry",
    "FreeText",
    "Group",
    "Hypothesis",
    "Instructions",
    "Item",
    "Likert",
    "Number",
    "Option",
    "Order",
    "Outcome",
    "Outcomes",
    "Page",
    "Questionnaire",
    "Quota",
    "RecruitmentSite",
    "StraightLining",
    "TooFast",
    "Value",
    "When",
    "YesNo",
    "json_schema",
    "pages",
    "say",
]


def _files(given: object) -> str:
    return "by language" if isinstance(given, dict) else "for all"


# One file for every language, or one for each.
PageFiles = Annotated[
    Annotated[RelativePath, Tag("for all")]
    | Annotated[dict[Language, RelativePath], Field(min_length=1), Tag("by language")],
    Discriminator(_files),
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
    pages: dict[Name, PageFiles]
    recruitment: RecruitmentSite = RecruitmentSite()
    checkpoints: dict[Name, File] = Field(default_factory=dict)
    stimuli: dict[Name, StimulusSet] = Field(default_factory=dict)
    explanations: dict[Name, Explanation] = Field(default_factory=dict)
    factors: dict[Name, Factor] = Field(default_factory=dict)
    items: dict[Name, Item] = Field(default_factory=dict)
    assign: Assign = Assign()
    quotas: list[Quota] = Field(default_factory=list)
    release_after_hours: Annotated[float, Field(gt=0)] | None = None
    flow: Annotated[list[FlowEntry], Field(min_length=2)]
    exclusions: list[Exclusion] = Field(default_factory=list)
    hypotheses: list[Hypothesis] = Field(default_factory=list)

    @cached_property
    def entries(self) -> tuple[Page, ...]:
        """Every entry of the flow but for groups, in the file's order; `Step.flow` counts these."""
        return tuple(entry for _, entry in pages(self.flow))

    @property
    def blocks(self) -> list[Block]:
        """The blocks of trials, in order."""
        return [entry for entry in self.entries if isinstance(entry, Block)]

    @property
    def questionnaires(self) -> list[Questionnaire]:
        """The questionnaires, in order."""
        return [entry for entry in self.entries if isinstance(entry, Questionnaire)]

    @property
    def checks(self) -> list[Check]:
        """The attention and comprehension checks, in order."""
        return [entry for entry in self.entries if isinstance(entry, Check)]

    @property
    def languages(self) -> list[str]:
        """The languages of the study; the title's decide, the first is the default."""
        return list(self.title)


def json_schema() -> dict[str, Any]:
    """JSON Schema of study.yaml, for editors that complete and check while typing."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Definition.model_json_schema(by_alias=True),
    }
