"""Questions answered by a number: in digits, on a slider, or as confidence in percent."""

import math
import re
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, FiniteFloat, model_validator

from webapp.items.answer import Answer
from webapp.items.question import Question, Sent, Wrong
from webapp.languages import local
from webapp.parts import Text

MOST_STEPS = 1000


def parse(text: str, *, whole: bool = False) -> float:
    """A number in digits, with a comma or a point. Raises Wrong."""
    text = text.strip()
    if not re.fullmatch(r"[+-]?(\d{1,15}([.,]\d{0,15})?|[.,]\d{1,15})", text, re.ASCII):
        raise Wrong("Write a number in digits, such as 12.")
    # 1.000 is a thousand to those who write 1,5 for one and a half.
    unclear = r"[.,]" if whole or local(".") == "," else ","
    if re.fullmatch(r"[+-]?[1-9]\d{0,2}" + unclear + r"\d{3}", text):
        raise Wrong("Write the number without a mark between thousands, such as 1000.")
    number = float(text.replace(",", "."))
    if whole and not number.is_integer():
        raise Wrong("Write a whole number, such as 12.")
    return number


class Number(Question):
    """A number from min to max; whole numbers only where `whole` says so."""

    kind: Literal["number"]
    min: FiniteFloat | None = None
    max: FiniteFloat | None = None
    whole: bool = False
    unit: Text | None = None
    one_control = True

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min is not None and self.max is not None and self.min >= self.max:
            raise ValueError("max must be above min")
        return self

    def _missing(self) -> Wrong:
        return Wrong("Write a number.")

    def _answer(self, sent: Sent) -> Answer:
        number = parse(sent.first(), whole=self.whole)
        low = -math.inf if self.min is None else self.min
        high = math.inf if self.max is None else self.max
        if not low <= number <= high:
            raise self._outside()
        return Answer(number=number)

    def _outside(self) -> Wrong:
        if self.max is None:
            return Wrong("Write a number of {low:g} or more.", low=self.min)
        if self.min is None:
            return Wrong("Write a number up to {high:g}.", high=self.max)
        return Wrong("Write a number from {low:g} to {high:g}.", low=self.min, high=self.max)


class _Slider(Question):
    """A number on a line, which has none until the participant touches it."""

    min_label: Text | None = None
    max_label: Text | None = None
    one_control = True
    module: ClassVar[str | None] = "slider"

    @property
    def line(self) -> tuple[float, float, float]:
        """Lowest value, highest value and step."""
        raise NotImplementedError

    def _missing(self) -> Wrong:
        low, high, step = self.line
        if step == 1:
            return Wrong("Write a whole number from {low:g} to {high:g}.", low=low, high=high)
        return Wrong(
            "Write a number from {low:g} to {high:g}, in steps of {step:g}.",
            low=low,
            high=high,
            step=step,
        )

    def _answer(self, sent: Sent) -> Answer:
        low, high, step = self.line
        number = parse(sent.first())
        steps = (number - low) / step
        if not low <= number <= high or not math.isclose(steps, round(steps), abs_tol=1e-9):
            raise self._missing()
        return Answer(number=number)


class Slider(_Slider):
    """A number from min to max in steps of `step`, on a slider."""

    kind: Literal["slider"]
    min: FiniteFloat
    max: FiniteFloat
    step: Annotated[FiniteFloat, Field(gt=0)] = 1
    unit: Text | None = None

    @model_validator(mode="after")
    def _in_steps(self) -> Self:
        steps = (self.max - self.min) / self.step
        if not 1 <= steps <= MOST_STEPS or not math.isclose(steps, round(steps), rel_tol=1e-9):
            raise ValueError(f"from min to max must be a whole number of steps, 1 to {MOST_STEPS}")
        return self

    @property
    def line(self) -> tuple[float, float, float]:
        """Lowest value, highest value and step."""
        return self.min, self.max, self.step


class Confidence(_Slider):
    """Confidence in whole percent; `min` is 50 where a guess between two is right half the time."""

    kind: Literal["confidence"]
    min: Annotated[int, Field(ge=0, lt=100)] = 0
    max: ClassVar[int] = 100
    unit: ClassVar[dict[str, str]] = {"en": "%"}

    @property
    def line(self) -> tuple[float, float, float]:
        """Lowest value, highest value and step."""
        return self.min, self.max, 1
