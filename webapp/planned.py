"""What study.yaml may say of stimuli, and of explanations by any method of the catalogue."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, Union

from pydantic import (
    Discriminator,
    Field,
    PlainValidator,
    Tag,
    WithJsonSchema,
    create_model,
    model_validator,
)

from explainer.methods import Method, Parameter, count_players
from explainer.methods.catalogue import METHODS
from webapp.parts import File, Name, Part, Seed


class ByAnswer(Part):
    """How many stimuli to take that the model gets right, and how many that it gets wrong."""

    right: Annotated[int, Field(ge=0, le=10_000)]
    wrong: Annotated[int, Field(ge=0, le=10_000)]
    seed: Seed

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.total == 0:
            raise ValueError("right and wrong are both 0: select at least one stimulus")
        return self

    @property
    def total(self) -> int:
        """How many in all."""
        return self.right + self.wrong


class ByNumber(Part):
    """How many stimuli to take, where nobody knows or minds which answer is right."""

    count: Annotated[int, Field(ge=1, le=10_000)]
    seed: Seed

    @property
    def total(self) -> int:
        """How many in all."""
        return self.count


def _which(given: Any) -> str:
    by_number = "count" in given if isinstance(given, dict) else isinstance(given, ByNumber)
    return "by_number" if by_number else "by_answer"


Selection = Annotated[
    Annotated[ByAnswer, Tag("by_answer")] | Annotated[ByNumber, Tag("by_number")],
    Discriminator(_which),
]


class Generation(Part):
    """For how many tokens a language model goes on from each text; the seed draws them."""

    tokens: Annotated[int, Field(ge=1, le=1000)]
    seed: Seed = 0


class StimulusSet(Part):
    """Inputs of one checkpoint; `background` has data that masks of this name draw from."""

    checkpoint: Name
    data: File
    select: Selection
    background: File | None = None
    generation: Generation | None = None


class Explained(Part):
    """One way to explain every stimulus; `parameters` are the method's."""

    method: str
    parameters: Part
    output: Literal["predicted", "all"] = "predicted"
    seed: Seed = 0


class Control(Part):
    """An explanation that is wrong on purpose, or says nothing: made of the one it is `of`."""

    method: str
    of: Name
    seed: Seed = 0


def kinds(explanation: Explained | Control) -> tuple[str, ...]:
    """What its method applies to: image, text (classified), prompt (gone on from), series."""
    return METHODS[explanation.method].kinds


def languages(explanation: Explained | Control) -> set[str] | None:
    """The languages of the words that it gives; None where it gives values."""
    words = METHODS[explanation.method].words
    return None if words is None else words.languages(explanation.model_dump()["words"])


def drawn(explanation: Explained | Control) -> bool:
    """Whether it is drawn; otherwise it is words that stand in a drawing's place."""
    return METHODS[explanation.method].words is None


def adds_up(explanation: Explained | Control) -> bool:
    """Whether its parts add up to what the model says."""
    return METHODS[explanation.method].adds_up


def unfit(explanation: Explained, card: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Parameters that cannot work for a checkpoint's inputs, each with what to do.

    It says nothing where that is known only once the inputs are read: how many words a text has,
    and how many players a mask leaves as they are, which these do not.
    """
    method, given = METHODS[explanation.method], explanation.parameters.model_dump()
    players = count_players(card, given)
    if players is None:
        return
    too_few, too_many = method.too_few(given, players), method.too_many(given, players)
    if too_few is not None:
        yield "evaluations", too_few
    if too_many is not None and given["mask"] in ("default", "mean"):
        yield "players", too_many


def _field(parameter: Parameter) -> Any:
    """A parameter's type and default, as pydantic wants them."""

    def check(value: Any) -> Any:
        if not parameter.accepts(value):
            raise ValueError(f"expected {parameter}, got {value!r:.200}")
        return value

    schema = WithJsonSchema(parameter.schema())
    return Annotated[Any, PlainValidator(check), schema], parameter.default


def _shape(method: Method) -> type[Part]:
    """What an explanation by one method may say."""
    title = "".join(word.capitalize() for word in method.name.split("_"))
    parameters: dict[str, Any] = {name: _field(each) for name, each in method.parameters.items()}
    named: Any = (Literal[method.name], ...)
    about = f"{method.source}. Cost: {method.cost}."
    if method.control:
        return create_model(title, __base__=Control, __doc__=about, method=named, **parameters)
    given: Any = create_model(f"{title}Parameters", __base__=Part, **parameters)
    return create_model(
        title, __base__=Explained, __doc__=about, method=named, parameters=(given, given())
    )


if TYPE_CHECKING:
    Explanation = Explained | Control
else:
    Explanation = Annotated[
        Union[tuple(_shape(each) for each in METHODS.values())],  # noqa: UP007
        Field(discriminator="method"),
    ]
