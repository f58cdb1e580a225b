"""The shape of a study definition (`credence/study/1`): what study.yaml may say."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    FiniteFloat,
    StringConstraints,
    Tag,
    model_validator,
)

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Language = Annotated[
    str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=16)
]
Words = Annotated[str, StringConstraints(min_length=1, max_length=5000, strip_whitespace=True)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
Text = Annotated[dict[Language, Words], Field(min_length=1)]


def _stays_inside(path: str) -> str:
    if path.startswith("/") or ".." in path.split("/") or "\\" in path or "\x00" in path:
        raise ValueError("write a path relative to the study, with / and without ..")
    return path


RelativePath = Annotated[
    str, StringConstraints(min_length=1, max_length=200), AfterValidator(_stays_inside)
]


class Part(BaseModel):
    """A piece of a study file: unknown keys are mistakes, and nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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


class File(Part):
    """A file or checkpoint, found beside the study, in instance/, or among the shipped ones."""

    path: RelativePath
    sha256: Digest


class Selection(Part):
    """How many stimuli to take that the model gets right, and how many that it gets wrong."""

    right: Annotated[int, Field(ge=0, le=10_000)]
    wrong: Annotated[int, Field(ge=0, le=10_000)]
    seed: Seed

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.right + self.wrong == 0:
            raise ValueError("right and wrong are both 0: select at least one stimulus")
        return self


class StimulusSet(Part):
    """Inputs of one checkpoint, selected by whether it gets them right."""

    checkpoint: Name
    data: File
    select: Selection


class ShapleyParameters(Part):
    """What a masked pixel becomes, and how many evaluations of the model to spend."""

    mask: Literal["mean", "zero"] | Annotated[float, Field(ge=0, le=1)] = "mean"
    evaluations: Annotated[int, Field(ge=10, le=10_000_000)]


class Shapley(Part):
    """Shapley values by shap's partition or permutation explainer."""

    method: Literal["partition", "permutation"]
    parameters: ShapleyParameters
    output: Literal["predicted", "all"] = "predicted"
    seed: Seed


class Mismatched(Part):
    """A control: the real explanation of another stimulus with the same predicted class."""

    method: Literal["mismatched"]
    of: Name
    match: Literal["predicted"] = "predicted"
    seed: Seed


class Shuffled(Part):
    """A control: the values of a real explanation, dealt out to other players."""

    method: Literal["shuffled"]
    of: Name
    seed: Seed


ExplanationPlan = Annotated[Shapley | Mismatched | Shuffled, Field(discriminator="method")]


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
    labels: dict[int, Text] = {}

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
    fill: dict[Name, Words] = {}
    items: list[Name] = []

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
    max_run: dict[Name, Annotated[int, Field(ge=1)]] = {}


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
    checkpoints: dict[Name, File] = {}
    stimuli: dict[Name, StimulusSet] = {}
    explanations: dict[Name, ExplanationPlan] = {}
    factors: dict[Name, Factor] = {}
    items: dict[Name, Item] = {}
    flow: Annotated[list[FlowEntry], Field(min_length=2)]
    exclusions: list[Exclusion] = []
    hypotheses: list[Hypothesis] = []

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
