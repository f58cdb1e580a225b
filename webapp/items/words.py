"""Questions answered in words, or by a date."""

import re
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from webapp.items.answer import Answer
from webapp.items.question import Question, Sent, Wrong


class FreeText(Question):
    """What the participant writes, up to max_length characters; `short` is one line of it."""

    kind: Literal["text"]
    max_length: Annotated[int, Field(ge=1, le=20_000)] = 2000
    short: bool = False
    stored = "text"
    one_control = True

    def _missing(self) -> Wrong:
        return Wrong("Write an answer.")

    def _answer(self, sent: Sent) -> Answer:
        # One newline for every line ending, whatever the browser or a paste made it.
        text = sent.first().replace("\r\n", "\n").replace("\r", "\n")
        if "\x00" in text:
            raise Wrong("The text holds a character that cannot be stored; write it anew.")
        if self.short and "\n" in text.strip("\n"):
            raise Wrong("Write the answer on one line.")
        if len(text) > self.max_length:
            raise Wrong(
                "The text has {length:,} characters; shorten it to {most:,} or fewer.",
                length=len(text),
                most=self.max_length,
            )
        return Answer(text=text)


def _iso(text: str) -> str:
    """A day that the calendar has, as 2026-11-24. Raises ValueError."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        raise ValueError("write a date as year-month-day, such as 2026-11-24")
    return date.fromisoformat(text).isoformat()


Day = Annotated[str, AfterValidator(_iso)]


class Date(Question):
    """A day from min to max, stored as 2026-11-24."""

    kind: Literal["date"]
    min: Day | None = None
    max: Day | None = None
    stored = "text"
    one_control = True

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min is not None and self.max is not None and self.min >= self.max:
            raise ValueError("max must be after min")
        return self

    def _missing(self) -> Wrong:
        return Wrong("Give a date.")

    def _answer(self, sent: Sent) -> Answer:
        try:
            day = _iso(sent.first().strip())
        except ValueError:
            raise Wrong("Write the date as year-month-day, such as 2026-11-24.") from None
        if self.min is not None and day < self.min:
            raise Wrong("Give a date from {first} on.", first=self.min)
        if self.max is not None and day > self.max:
            raise Wrong("Give a date up to {last}.", last=self.max)
        return Answer(text=day)
