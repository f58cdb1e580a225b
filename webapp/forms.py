"""The form of a step: one WTForms field for each item, with messages that say what to do."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wtforms import Form, HiddenField, RadioField, TextAreaField
from wtforms.fields.core import Field as BaseField
from wtforms.validators import Optional, StopValidation
from wtforms.widgets import TextInput

from webapp.definition import Choice, FreeText, Item, Likert, Number, YesNo, say
from webapp.participation import Answer, Observed

LARGEST_EVENTS = 20_000
MOST_EVENTS = 500
LONGEST_PAGE_MS = 24 * 24 * 3600 * 1000  # a database's integer ends before 25 days
EVENT_KINDS = ("shown", "focus", "blur", "input", "resize", "submit")


@dataclass(frozen=True)
class Field:
    """One item as a page shows it: its definition, its words and its WTForms field."""

    item_id: str
    item: Item
    language: str
    bound: Any

    @property
    def text(self) -> str:
        """The question."""
        return say(self.item.text, self.language)

    @property
    def first_id(self) -> str:
        """The id of the first control, where a message leads to."""
        return f"{self.bound.name}-1"

    @property
    def unit(self) -> str | None:
        """The unit of a number, if it has one."""
        unit = getattr(self.item, "unit", None)
        return say(unit, self.language) if unit else None

    def label_of(self, value: str) -> str | None:
        """The words at a point of a Likert item, if it has any."""
        labels = getattr(self.item, "labels", {})
        return say(labels[int(value)], self.language) if value in map(str, labels) else None

    @property
    def language_of_text(self) -> str:
        """The language that the question is really written in."""
        return self.language if self.language in self.item.text else next(iter(self.item.text))


class StepForm:
    """The items of a step, what was sent for them, and what is wrong with it."""

    def __init__(self, items: Mapping[str, Item], language: str, sent: Any = None) -> None:
        """Build the fields; `sent` is a request's form, or None for an empty page."""
        fields: dict[str, Any] = {
            f"item-{item_id}": _field(item, language) for item_id, item in items.items()
        }
        kind = type(
            "Items", (Form,), {**fields, "events": HiddenField(), "viewport": HiddenField()}
        )
        self._form = kind(sent)
        self.fields = [
            Field(item_id, item, language, self._form[f"item-{item_id}"])
            for item_id, item in items.items()
        ]

    def validate(self) -> bool:
        """Whether every answer is one; the messages stand beside the fields afterwards."""
        return bool(self._form.validate())

    @property
    def wrong(self) -> list[Field]:
        """The fields with a message, in order."""
        return [field for field in self.fields if field.bound.errors]

    def answers(self) -> dict[str, Answer]:
        """The validated answer to every item; an optional one that was left out is empty."""
        after = self._last_input()
        return {
            field.item_id: _answer(field.item, field.bound.data, after.get(field.item_id))
            for field in self.fields
        }

    def observed(self) -> Observed:
        """What the browser said about the page, as far as it is well-formed and bounded."""
        viewport = self._form["viewport"].data or ""
        return Observed(
            viewport=viewport if re.fullmatch(r"[0-9]{1,5}x[0-9]{1,5}", viewport) else None,
            events=[(kind, at) for kind, at, _ in self._events()],
        )

    def _last_input(self) -> dict[str, int]:
        return {item: at for kind, at, item in self._events() if kind == "input" and item}

    def _events(self) -> list[tuple[str, int, str]]:
        """Only a page's own script writes these, so what does not fit is dropped, not reported."""
        text = self._form["events"].data or ""
        if len(text) > LARGEST_EVENTS:
            return []
        try:
            sent = json.loads(text) if text else []
        except (ValueError, RecursionError):
            return []
        if not isinstance(sent, list):
            return []
        return [
            (each[0], each[1], each[2])
            for each in sent[:MOST_EVENTS]
            if isinstance(each, list)
            and len(each) == 3
            and each[0] in EVENT_KINDS
            and type(each[1]) is int
            and 0 <= each[1] <= LONGEST_PAGE_MS
            and isinstance(each[2], str)
        ]


class _NumberField(BaseField):
    """A number in digits, with a comma or a point; what was typed stays in the field."""

    widget = TextInput()
    whole = False

    def process_formdata(self, valuelist: list[str]) -> None:
        text = valuelist[0].strip() if valuelist else ""
        self.data = None
        if not text:
            return
        if not re.fullmatch(r"[+-]?(\d{1,15}([.,]\d{0,15})?|[.,]\d{1,15})", text, re.ASCII):
            raise ValueError("Write a number in digits, such as 12.")
        if re.fullmatch(r"[+-]?[1-9]\d{0,2}" + (r"[.,]" if self.whole else ",") + r"\d{3}", text):
            raise ValueError("Write the number without a mark between thousands, such as 1000.")
        number = float(text.replace(",", "."))
        if self.whole and not number.is_integer():
            raise ValueError("Write a whole number, such as 12.")
        self.data = number

    def _value(self) -> str:
        return str(self.raw_data[0]) if self.raw_data else ""


class _WholeNumberField(_NumberField):
    whole = True


def _field(item: Item, language: str) -> Any:
    match item:
        case Likert():
            points = {str(point): str(point) for point in range(item.min, item.max + 1)}
            return _choose(points, item, "Choose one of the points.")
        case YesNo():
            return _choose({"1": "Yes", "0": "No"}, item, "Choose yes or no.")
        case Choice():
            options = {each.value: say(each.text, language) for each in item.choices}
            return _choose(options, item, "Choose one of the answers.")
        case FreeText():
            return TextAreaField(
                validators=[_required(item, "Write an answer."), _plain_text(item.max_length)]
            )
        case Number():
            kind = _WholeNumberField if item.whole else _NumberField
            return kind(validators=[_required(item, "Write a number."), _in_range(item)])


def _choose(choices: dict[str, str], item: Item, message: str) -> RadioField:
    def listed(_form: Form, field: Any) -> None:
        if field.data not in choices:
            raise StopValidation(message)

    return RadioField(
        choices=choices,
        validators=[_required(item, message), listed],
        validate_choice=False,
        default=None,
        coerce=str,
    )


def _required(item: Item, message: str) -> Any:
    def check(_form: Form, field: Any) -> None:
        if not field.raw_data or not field.raw_data[0].strip():
            raise StopValidation(message)

    return check if item.required else Optional()


def _plain_text(longest: int) -> Any:
    def check(_form: Form, field: Any) -> None:
        text = field.data or ""
        if "\x00" in text:
            raise StopValidation("The text holds a character that cannot be stored; write it anew.")
        length = len(_lines(text))
        if length > longest:
            raise StopValidation(
                f"The text has {length:,} characters; shorten it to {longest:,} or fewer."
            )

    return check


def _in_range(item: Number) -> Any:
    def check(_form: Form, field: Any) -> None:
        low = -math.inf if item.min is None else item.min
        high = math.inf if item.max is None else item.max
        if field.data is not None and not low <= field.data <= high:
            raise StopValidation(f"Write a number {_between(item)}.")

    return check


def _between(item: Number) -> str:
    if item.max is None:
        return f"of {item.min:g} or more"
    return f"up to {item.max:g}" if item.min is None else f"from {item.min:g} to {item.max:g}"


def _answer(item: Item, data: Any, after: int | None) -> Answer:
    if data is None or not str(data).strip():
        return Answer()
    if isinstance(item, Likert | YesNo):
        return Answer(number=float(int(data)), after_ms=after)
    if isinstance(item, Number):
        return Answer(number=float(data), after_ms=after)
    return Answer(text=_lines(str(data)), after_ms=after)


def _lines(text: str) -> str:
    """The text with every line ending as one newline, whatever the browser or a paste made it."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
