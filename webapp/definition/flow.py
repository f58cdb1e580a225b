"""The pages of a study, in order: steps, and blocks of trials under conditions."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, FiniteFloat, Tag, model_validator

from webapp.definition.conditions import Value, When
from webapp.definition.display import Display
from webapp.parts import Name, Part, Text, Words
from webapp.tasks.union import Task

# Shuffled: in an order of each participant's own, the same on every page of the entry.
ItemOrder = Literal["fixed", "shuffled"]
Seconds = Annotated[float, Field(gt=0, le=24 * 3600)]


class Factor(Part):
    """A design variable; its levels vary within blocks, from block to block, or between people.

    shows: a text above each trial, by level, for a factor that is a matter of words.
    """

    levels: Annotated[list[Name], Field(min_length=2, max_length=12)]
    vary: Literal["within", "block", "between"]
    shows: dict[Name, Text] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len(set(self.levels)) < len(self.levels):
            raise ValueError("a level stands here twice")
        return self


class _Page(Part):
    """A page that can be skipped, looked at for a least time, or limited in time."""

    when: When | None = None
    time_limit_seconds: Seconds | None = None
    least_seconds: Seconds | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        limit, least = self.time_limit_seconds, self.least_seconds
        if limit is not None and least is not None and least >= limit:
            raise ValueError("least_seconds must be below time_limit_seconds")
        return self


class Consent(Part):
    """The landing page: what the study is, and the choice to take part or not."""

    step: Literal["consent"]


class Instructions(_Page):
    """A page of text; `page` names it when there are several."""

    step: Literal["instructions"]
    page: Name = "instructions"


class Questionnaire(_Page):
    """A scale, or items of the study's own, on one page, `page` a text above it.

    required, may_refuse: of every item of the scale; items of the study's own say so themselves.
    """

    step: Literal["questionnaire"]
    page: Name | None = None
    scale: Name | None = None
    fill: dict[Name, Words] = Field(default_factory=dict)
    required: bool = True
    may_refuse: bool = False
    items: list[Name] = Field(default_factory=list)
    item_order: ItemOrder = "fixed"

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.scale is None) == (not self.items):
            raise ValueError("give either a scale or items")
        if self.items and (self.may_refuse or not self.required):
            raise ValueError("say required and may_refuse at the items themselves")
        return self


class Check(_Page):
    """Questions with right answers: who fails the last attempt is sent to an end, or flagged.

    again: the page of the instructions that are shown once more before another attempt.
    """

    step: Literal["check"]
    page: Name | None = None
    items: Annotated[list[Name], Field(min_length=1, max_length=30)]
    correct: dict[Name, Value | list[Value]]
    attempts: Annotated[int, Field(ge=1, le=10)] = 1
    then: Literal["end", "flag"] = "end"
    again: Name | None = None

    @model_validator(mode="after")
    def _answered(self) -> Self:
        if not self.correct:
            raise ValueError("say in correct what the right answer to an item is")
        for name in self.correct:
            if name not in self.items:
                raise ValueError(f"correct names {name}, which is not among the items")
        return self


class Debrief(Part):
    """The last page: what the study was about, and the completion code."""

    step: Literal["debrief"]


class Order(Part):
    """How trials follow each other; max_run limits equals in a row.

    max_run: by factor, or by model_correct, predicted, truth or difficulty of the stimulus.
    """

    rule: Literal["shuffled", "fixed"] = "shuffled"
    max_run: dict[Name, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)


class AfterBreak(Part):
    """What becomes of a block that somebody comes back to after a longer break than this."""

    longer_than_minutes: Annotated[float, Field(gt=0)]
    then: Literal["resume", "restart", "refuse"]


Trait = Literal["model_correct", "predicted", "truth", "difficulty"]


class Block(_Page):
    """Trials: stimuli under conditions, each with the same task and items.

    strata: what a participant's stimuli are like in the same proportions as all of the set.
    difficulty_bands: where the next band of the model's probability of its label begins.
    not_in: blocks whose stimuli a participant does not meet here again.
    """

    block: Name
    trial: Task
    stimuli: Name
    per_participant: Annotated[int, Field(ge=1, le=1000)]
    show_truth: bool = False
    items: Annotated[list[Name], Field(max_length=30)] = Field(default_factory=list)
    item_order: ItemOrder = "fixed"
    order: Order = Order()
    display: Display = Display()
    strata: tuple[Trait, ...] = ("model_correct",)
    difficulty_bands: list[Annotated[FiniteFloat, Field(gt=0, lt=1)]] = Field(default_factory=list)
    not_in: list[Name] = Field(default_factory=list)
    break_every: Annotated[int, Field(ge=1)] | None = None
    break_page: Name | None = None
    after_break: AfterBreak | None = None

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.difficulty_bands != sorted(set(self.difficulty_bands)):
            raise ValueError("write difficulty_bands in ascending order, each once")
        by_difficulty = "difficulty" in self.strata or "difficulty" in self.order.max_run
        if by_difficulty != bool(self.difficulty_bands):
            raise ValueError("difficulty, and only that, takes difficulty_bands such as [0.6, 0.9]")
        if self.break_page is not None and self.break_every is None:
            raise ValueError("say in break_every after how many trials the break comes")
        return self

    @model_validator(mode="after")
    def _asks(self) -> Self:
        if not self.items and not self.trial.own:
            raise ValueError(f"{self.trial.task} asks nothing by itself; name items")
        if self.show_truth and not self.trial.tells_truth:
            raise ValueError(f"what is right is not shown in {self.trial.task}; remove show_truth")
        return self


class GroupOrder(Part):
    """How the entries of a group follow each other; latin balances over participants."""

    rule: Literal["fixed", "shuffled", "latin"] = "fixed"


class Group(Part):
    """A block of blocks and steps, in an order of their own."""

    block: Name
    order: GroupOrder = GroupOrder()
    when: When | None = None
    blocks: Annotated[list["FlowEntry"], Field(min_length=1, max_length=24)]


def _which(entry: Any) -> str:
    if isinstance(entry, dict):
        if "blocks" in entry:
            return "group"
        return "block" if "block" in entry else str(entry.get("step"))
    if isinstance(entry, Group):
        return "group"
    return "block" if isinstance(entry, Block) else str(getattr(entry, "step", None))


Page = Consent | Instructions | Questionnaire | Check | Debrief | Block
FlowEntry = Annotated[
    Annotated[Consent, Tag("consent")]
    | Annotated[Instructions, Tag("instructions")]
    | Annotated[Questionnaire, Tag("questionnaire")]
    | Annotated[Check, Tag("check")]
    | Annotated[Debrief, Tag("debrief")]
    | Annotated[Block, Tag("block")]
    | Annotated[Group, Tag("group")],
    Discriminator(_which),
]
Group.model_rebuild()


def pages(flow: Sequence[Page | Group]) -> Iterator[tuple[tuple[str | int, ...], Page]]:
    """Every entry that is no group, with its path in the flow, in the order of the file."""
    for index, entry in enumerate(flow):
        if isinstance(entry, Group):
            for path, inner in pages(entry.blocks):
                yield (index, "blocks", *path), inner
        else:
            yield (index,), entry
