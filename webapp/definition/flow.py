"""The pages of a study, in order: steps, and blocks of trials under conditions."""

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from webapp.parts import Name, Part, Words


class Factor(Part):
    """A design variable; its levels vary within or between participants."""

    levels: Annotated[list[Name], Field(min_length=2, max_length=12)]
    vary: Literal["within", "between"]

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len(set(self.levels)) < len(self.levels):
            raise ValueError("a level stands here twice")
        return self


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
