"""Questions answered by one point of a scale: Likert, semantic differential, yes or no."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from webapp.items.question import OneOf, Wrong
from webapp.parts import Text

Point = Annotated[int, Field(ge=-100, le=100)]


def expect_points(low: int, high: int, labels: Iterable[int] = ()) -> None:
    """Raises ValueError where there are too many points, too few, or a label beside them."""
    if not 1 <= high - low <= 20:
        raise ValueError("max must be 1 to 20 above min")
    for point in labels:
        if not low <= point <= high:
            raise ValueError(f"label {point} lies outside {low} to {high}")


class _Points(OneOf):
    min: Point
    max: Point

    def values(self) -> Sequence[str]:
        """The points, lowest first."""
        return [str(point) for point in range(self.min, self.max + 1)]

    def _missing(self) -> Wrong:
        return Wrong("Choose one of the points.")


class Likert(_Points):
    """One of the whole numbers from min to max; labels for the ends or for every point."""

    kind: Literal["likert"]
    labels: dict[int, Text] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _in_range(self) -> Self:
        expect_points(self.min, self.max, self.labels)
        return self


class SemanticDifferential(_Points):
    """One of the whole numbers from min to max, between two words that are opposites."""

    kind: Literal["semantic_differential"]
    left: Text
    right: Text

    @model_validator(mode="after")
    def _in_range(self) -> Self:
        expect_points(self.min, self.max)
        return self


class YesNo(OneOf):
    """Yes, stored as 1, or no, stored as 0."""

    kind: Literal["yes_no"]

    def values(self) -> Sequence[str]:
        """Yes, then no."""
        return ("1", "0")

    def _missing(self) -> Wrong:
        return Wrong("Choose yes or no.")
