"""The shape of a study definition (`credence/study/1`): what study.yaml may say."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    ConfigDict,
    Discriminator,
    Field,
    FiniteFloat,
    StringConstraints,
    Tag,
    model_validator,
)

from webapp.parts import File, Name, Part, RelativePath, Text, Words
from webapp.planned import Explanation, StimulusSet


class Outcome(Part):
    """What a participant takes back to the recruitment platform at one kind of end."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[\w.-]+$")]


class Outcomes(Part):
    """The ends a participation can come to."""

    complete: Outcome | None = None
    declined: Outcome | None = None


class RecruitmentSite(Part):
    """Where participants come from: the URL parameter with their id, and codes to return."""

    id_parameter: (
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")] | None
    ) = None
    outcomes: Outcomes = Outcomes()


class Factor(Part):
    """A design variable; its levels vary within or between participants."""

    levels: Annotated[list[Name], Field(min_length=2, max_length=12)]
    vary: Literal["within", "between"]

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len(set(self.levels)) < len(self.levels):
            raise ValueError("a level stands here twice")
        return self


class _Item(Part):
    text: Text
    required: bool = True


class Likert(_Item):
    """One of the whole numbers from min to max; labels for the ends or for every point."""

    kind: Literal["likert"]
    min: Annotated[int, Field(ge=-100, le=100)]
    max: Annotated[int, Field(ge=-100, le=100)]
    labels: dict[int, Text] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _in_range(self) -> Self:
        if not 1 <= self.max - self.min <= 20:
            raise ValueError("max must be 1 to 20 above min")
        for point in self.labels:
            if not self.min <= point <= self.max:
                raise ValueError(f"label {point} lies outside {self.min} to {self.max}")
        return self


class YesNo(_Item):
    """Yes, stored as 1, or no, stored as 0."""

    kind: Literal["yes_no"]


class Option(Part):
    """One choice: the value that is stored and the text that is shown."""

    value: Annotated[str, StringConstraints(pattern=r"^[\w.+-]{1,64}$")]
    text: Text


class Choice(_Item):
    """Exactly one of the choices."""

    kind: Literal["choice"]
    choices: Annotated[list[Option], Field(min_length=2, max_length=50)]

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len({choice.value for choice in self.choices}) < len(self.choices):
            raise ValueError("a value stands among the choices twice")
        return self


class FreeText(_Item):
    """What the participant writes, up to max_length characters."""

    kind: Literal["text"]
    max_length: Annotated[int, Field(ge=1, le=20_000)] = 2000


class Number(_Item):
    """A number from min to max; whole numbers only where `whole` says so."""

    kind: Literal["number"]
    min: FiniteFloat | None = None
    max: FiniteFloat | None = None
    whole: bool = False
    unit: Text | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min is not None and self.max is not None and self.min >= self.max:
            raise ValueError("max must be above min")
        return self


Item = Annotated[Likert | YesNo | Choice | FreeText | Number, Field(discriminator="kind")]


class Consent(Part):
    """The landing page: what the study is, and the choice to take part or not."""

    step: Literal["consent"]


class Instructions(Part):
    """A page of text; `page` names it when there are several."""

    step: Literal["instructions"]
    page: Name = "instructions"


class Questionnaire(Part):
    """A registered scale, or items of the study's own, on one page, `page` a text above it."""

    step: Literal["questionnaire"]
    page: Name | None = None
    scale: Name | None = None
    fill: dict[Name, Words] = Field(default_factory=dict)
    items: list[Name] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.scale is None) == (not self.items):
            raise ValueError("give either a scale or items")
        return self


class Debrief(Part):
    """The last page: what the study was about, and the completion code."""

    step: Literal["debrief"]


class Order(Part):
    """How trials follow each other; max_run limits equal levels of a factor in a row."""

    rule: Literal["shuffled", "fixed"] = "shuffled"
    max_run: dict[Name, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)


class Block(Part):
    """Trials: stimuli under conditions, each with the same items."""

    block: Name
    trial: Literal["rate"]
    stimuli: Name
    per_participant: Annotated[int, Field(ge=1, le=1000)]
    show_truth: bool = False
    items: Annotated[list[Name], Field(min_length=1, max_length=30)]
    order: Order = Order()


def _which_exclusion(entry: Any) -> str:
    by_answer = "item" in entry if isinstance(entry, dict) else isinstance(entry, Answered)
    return "answer" if by_answer else "speed"


def _which(entry: Any) -> str:
    if isinstance(entry, dict):
        return "block" if "block" in entry else str(entry.get("step"))
    return "block" if isinstance(entry, Block) else str(getattr(entry, "step", None))


FlowEntry = Annotated[
    Annotated[Consent, Tag("consent")]
    | Annotated[Instructions, Tag("instructions")]
    | Annotated[Questionnaire, Tag("questionnaire")]
    | Annotated[Debrief, Tag("debrief")]
    | Annotated[Block, Tag("block")],
    Discriminator(_which),
]


class TooFast(Part):
    """Leaves out who took less time for the median trial than anyone who looks can take."""

    id: Name
    median_trial_ms_below: Annotated[int, Field(ge=1)]


class Answered(Part):
    """Leaves out who gave this answer: a choice's value, or a number (yes is 1, no is 0)."""

    id: Name
    item: Name
    equals: int | str


Exclusion = Annotated[
    Annotated[TooFast, Tag("speed")] | Annotated[Answered, Tag("answer")],
    Discriminator(_which_exclusion),
]


class Hypothesis(Part):
    """A question asked before the data: an outcome, a model, and two levels to compare."""

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][\w-]{0,31}$")]
    outcome: Name
    formula: Words
    contrast: Annotated[list[Name], Field(min_length=2, max_length=2)]
    confirmatory: bool


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
