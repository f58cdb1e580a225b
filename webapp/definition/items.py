"""Questions, and how each is answered."""

from typing import Annotated, Literal, Self

from pydantic import Field, FiniteFloat, StringConstraints, model_validator

from webapp.parts import Part, Text


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
