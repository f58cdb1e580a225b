"""What every kind of question has, and how what a form sent for it becomes an answer.

A kind is one file here and one template in templates/participate/items/. It says which control
holds its answer: the item itself, or parts of it (rows, entries), each with a name of its own.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator

from webapp.items.answer import Answer
from webapp.parts import Name, Part, Text

REFUSE = "?"  # no choice, row or entry can have this value


class Wrong(Exception):  # noqa: N818  # a message for a participant, not a failure
    """What was sent is no answer; the message says what to do.

    message: with {names} in it for `values`, so that it can be said in another language. parts: the
    rows or entries that are meant, where not all of them are.
    """

    def __init__(self, message: str, *, parts: Sequence[str] = (), **values: object) -> None:
        """Keep the message apart from what stands in it."""
        self.message, self.values, self.parts = message, values, tuple(parts)
        super().__init__(message.format(**values))


class Sent:
    """What a form sent for one item: for the item itself (part ""), and for parts of it."""

    def __init__(self, values: Mapping[str, Sequence[str]]) -> None:
        """`values` maps each part to everything that was sent for it, in order."""
        self._values = values

    def first(self, part: str = "") -> str:
        """The first value of a part, or nothing."""
        return next(iter(self._values.get(part, ())), "")

    def all(self, part: str = "") -> Sequence[str]:
        """Every value of a part."""
        return self._values.get(part, ())

    def of(self, part: str) -> "Sent":
        """The part alone, as an item of its own has it."""
        return Sent({"": self.all(part)})


def _not_given_by_the_platform(role: str) -> str:
    if role == "scale":
        raise ValueError("items of a scale have this role by themselves; name another")
    return role


Role = Annotated[Name, AfterValidator(_not_given_by_the_platform)]


class Question(Part):
    """A question; `section` is a heading above it, `role` what the export says it is for."""

    kind: str
    text: Text
    section: Text | None = None
    role: Role | None = None
    required: bool = True
    may_refuse: bool = False

    stored: ClassVar[Literal["number", "text", "json"]] = "number"
    one_control: ClassVar[bool] = False  # a label for one control, not a group with a legend
    module: ClassVar[str | None] = None  # what static/MODULE.js adds to the page

    def read(self, sent: Sent) -> dict[str, Answer]:
        """The answer by part, "" for the item itself. Raises Wrong."""
        given = self._given(sent)
        if self.may_refuse and self._refused(sent):
            if given:
                raise Wrong("Give an answer, or prefer not to say, but not both.")
            return {"": Answer(missing="refused")}
        if not given:
            if self.required:
                raise self._missing()
            return {"": Answer()}
        return {"": self._answer(sent)}

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the parts that have controls of their own."""
        return ()

    def split(self, name: str) -> "Mapping[str, Question]":
        """The items that answers are stored for, by name: this one, or one for each row."""
        return {name: self}

    def _given(self, sent: Sent) -> bool:
        return any(sent.first(part).strip() for part in self.parts or ("",))

    def _refused(self, sent: Sent) -> bool:
        return sent.first(REFUSE) == REFUSE

    def _missing(self) -> Wrong:
        raise NotImplementedError

    def _answer(self, sent: Sent) -> Answer:
        raise NotImplementedError


class OneOf(Question):
    """A question that is answered by one radio button, of which one may be a refusal."""

    def values(self) -> Sequence[str]:
        """What each radio button sends, in order."""
        raise NotImplementedError

    def _given(self, sent: Sent) -> bool:
        return bool(sent.first().strip()) and not (self.may_refuse and self._refused(sent))

    def _refused(self, sent: Sent) -> bool:
        return sent.first() == REFUSE

    def _answer(self, sent: Sent) -> Answer:
        value = sent.first()
        if value not in self.values():
            raise self._missing()
        return Answer(text=value) if self.stored == "text" else Answer(number=float(int(value)))
