"""How the items of a scale are answered: each way makes an item of a kind that studies know."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, FiniteFloat, model_validator

from webapp.items import Likert, Question, Slider, YesNo
from webapp.items.points import Point, expect_points
from webapp.parts import Part, Words


class LikertResponse(Part):
    """A point from min to max; labels for the ends, or for every point in `labels`."""

    type: Literal["likert"]
    min: Point
    max: Point
    min_label: Words | None = None
    max_label: Words | None = None
    labels: dict[int, Words] | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        expect_points(self.min, self.max, self.labels or ())
        return self

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest answer."""
        return self.min, self.max

    def to_item(self, language: str, **more: Any) -> Question:
        """A Likert item."""
        words = {self.min: self.min_label, self.max: self.max_label} | (self.labels or {})
        labels = {point: {language: word} for point, word in words.items() if word}
        return Likert(kind="likert", min=self.min, max=self.max, labels=labels, **more)


class SliderResponse(Part):
    """A number from min to max in steps, on a line."""

    type: Literal["slider"]
    min: FiniteFloat
    max: FiniteFloat
    step: Annotated[FiniteFloat, Field(gt=0)]
    min_label: Words
    max_label: Words

    @model_validator(mode="after")
    def _possible(self) -> Self:
        self.to_item("en", text={"en": "-"})
        return self

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest answer."""
        return self.min, self.max

    def to_item(self, language: str, **more: Any) -> Question:
        """A slider."""
        return Slider(
            kind="slider",
            min=self.min,
            max=self.max,
            step=self.step,
            min_label={language: self.min_label},
            max_label={language: self.max_label},
            **more,
        )


class YesNoResponse(Part):
    """Yes, which counts as 1, or no, which counts as 0."""

    type: Literal["yes_no"]
    ends: ClassVar[tuple[float, float]] = (0, 1)

    def to_item(self, _language: str, **more: Any) -> Question:
        """A yes or no item."""
        return YesNo(kind="yes_no", **more)


ScaleResponse = Annotated[
    LikertResponse | SliderResponse | YesNoResponse, Field(discriminator="type")
]
