"""The form of a step: one WTForms field for each item, with messages that say what to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wtforms import Form
from wtforms.fields.core import Field as BaseField

from webapp import observed
from webapp.items import Question
from webapp.items.answer import Answer
from webapp.items.question import Sent, Wrong
from webapp.languages import said
from webapp.parts import say


class ItemField(BaseField):
    """One item of a form, with all its parts: `item-NAME`, and `item-NAME.PART` for each part."""

    def __init__(self, item: Question, **more: Any) -> None:
        """Keep the item, which knows what of a form is an answer to it."""
        super().__init__(**more)
        self.item = item
        self.sent = Sent({})
        self.answers: dict[str, Answer] = {}
        self.wrong_parts: tuple[str, ...] = ()

    def process(self, formdata: Any, *_: Any, **__: Any) -> None:
        """Take what was sent for the item, as it is."""
        if formdata is not None:
            inside = f"{self.name}."
            values = {"": formdata.getlist(self.name)}
            values |= {
                name.removeprefix(inside): formdata.getlist(name)
                for name in formdata
                if name.startswith(inside)
            }
            self.sent = Sent(values)

    def validate(self, *_: Any) -> bool:
        """Whether it is an answer, or may be left out."""
        self.errors: Sequence[str] = ()
        try:
            self.answers = self.item.read(self.sent)
        except Wrong as wrong:
            self.errors = (said(wrong.message, wrong.values),)
            self.wrong_parts = wrong.parts
        return not self.errors


@dataclass(frozen=True)
class Field:
    """One item as a page shows it: its definition, its words and its WTForms field."""

    item_id: str
    item: Question
    language: str
    bound: Any
    heading: bool = False

    @property
    def text(self) -> str:
        """The question."""
        return self.say(self.item.text)

    @property
    def sent(self) -> Sent:
        """What the participant sent last, to show it again."""
        sent: Sent = self.bound.sent
        return sent

    @property
    def first_id(self) -> str:
        """The id of the first control that a message is about, where it leads to."""
        part = next(iter(self.bound.wrong_parts or self.item.parts), None)
        return f"{self.bound.name}-1" if part is None else f"{self.bound.name}.{part}-1"

    def say(self, text: Mapping[str, str]) -> str:
        """A text in the participant's language, or the first it is written in."""
        return say(dict(text), self.language)

    def language_of(self, text: Mapping[str, str]) -> str:
        """The language that a text is really written in."""
        return self.language if self.language in text else next(iter(text))

    @property
    def language_of_text(self) -> str:
        """The language that the question is really written in."""
        return self.language_of(self.item.text)

    @property
    def unit(self) -> str | None:
        """The unit of a number, if it has one."""
        unit = getattr(self.item, "unit", None)
        return self.say(unit) if unit else None


class StepForm:
    """The items of a step, what was sent for them, and what is wrong with it."""

    def __init__(self, items: Mapping[str, Question], language: str, sent: Any = None) -> None:
        """Build the fields; `sent` is a request's form, or None for an empty page."""
        fields: dict[str, Any] = {
            f"item-{item_id}": ItemField(item) for item_id, item in items.items()
        }
        kind = type("Items", (Form,), fields)
        self._form = kind(sent)
        self._observed = observed.read(sent or {})
        self.fields = []
        section = None
        for item_id, item in items.items():
            heading = item.section is not None and item.section != section
            section = item.section
            bound = self._form[f"item-{item_id}"]
            self.fields.append(Field(item_id, item, language, bound, heading))

    def validate(self) -> bool:
        """Whether every answer is one; the messages stand beside the fields afterwards."""
        return bool(self._form.validate())

    @property
    def wrong(self) -> list[Field]:
        """The fields with a message, in order."""
        return [field for field in self.fields if field.bound.errors]

    @property
    def modules(self) -> list[str]:
        """The scripts that these items add to the page."""
        return sorted({field.item.module for field in self.fields if field.item.module})

    def answers(self) -> dict[str, Answer]:
        """The validated answer to every item or row; an optional one that was left out is empty."""
        after = self._last_input()
        found = {}
        for field in self.fields:
            for part, answer in field.bound.answers.items():
                name = f"{field.item_id}.{part}" if part else field.item_id
                given = answer != Answer()
                found[name] = replace(answer, after_ms=after.get(name)) if given else answer
        return found

    def answers_in_time(self) -> dict[str, Answer]:
        """The answers when the time is over: what is none, or is missing, was not given in time."""
        found = {}
        for field in self.fields:
            lenient = field.item.model_copy(update={"required": False})
            try:
                answers = lenient.read(field.sent)
            except Wrong:
                answers = {}
            after = self._last_input()
            for name in field.item.split(field.item_id):
                part = name.removeprefix(field.item_id).removeprefix(".")
                answer = answers.get(part, Answer())
                given = replace(answer, after_ms=after.get(name))
                found[name] = Answer(missing="timed_out") if answer == Answer() else given
        return found

    def observed(self) -> observed.Observed:
        """What the browser said about the page, as far as it is well-formed and bounded."""
        return self._observed

    def _last_input(self) -> dict[str, int]:
        """When each item or row was changed last, by name; the parts of a ranking are its own."""
        last: dict[str, int] = {}
        for event in self._observed.events:
            if event.kind == "input" and event.item_id:
                last[event.item_id] = last[event.item_id.split(".")[0]] = event.at_ms
        return last
