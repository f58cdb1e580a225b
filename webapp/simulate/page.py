"""What a browser makes of a page: its forms, their controls, and what would be sent for them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = frozenset(
    "area base br col embed hr img input link meta param source track wbr".split()  # noqa: SIM905
)
_BUTTONS = ("submit", "image", "button", "reset")
Attributes = Mapping[str, str]


@dataclass
class Option:
    """One option of a select; without a value of its own, its text is sent."""

    value: str
    chosen: bool
    disabled: bool


@dataclass
class Control:
    """One control of a form.

    kind: the type of an input, else textarea or select. value: what it holds; of a radio button or
    a checkbox, what it sends when it is on. place: which item of the page it belongs to, from 0
    (None outside of all); words: the classes of that item, which name its kind. required: whether
    it or its group is marked so. described_by: ids of what is said about it or its group; message:
    what of that says what is wrong.
    """

    kind: str
    name: str
    value: str
    at: Attributes
    place: int | None
    words: tuple[str, ...]
    required: bool
    described_by: tuple[str, ...]
    on: bool = False
    options: list[Option] = field(default_factory=list)
    message: str = ""

    @property
    def disabled(self) -> bool:
        """Whether a browser would not send it."""
        return "disabled" in self.at

    def sent(self) -> Iterator[tuple[str, str]]:
        """What a browser sends for it as it is."""
        if self.disabled or not self.name:
            return
        if self.kind == "select":
            chosen = [each.value for each in self.options if each.chosen]
            usable = [each.value for each in self.options if not each.disabled]
            if not chosen and "multiple" not in self.at:
                chosen = usable[:1]
            yield from ((self.name, value) for value in chosen)
        elif self.kind not in ("radio", "checkbox") or self.on:
            yield self.name, self.value


@dataclass
class Form:
    """One form: where it goes, what is in it, and the name and value of each button.

    wait: milliseconds that its page is to be looked at before it is sent.
    """

    action: str
    wait: int
    controls: list[Control] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    def has(self, name: str) -> bool:
        """Whether there is a control of this name."""
        return any(control.name == name for control in self.controls)

    def untouched(self) -> list[tuple[str, str]]:
        """What a browser sends when nobody has touched anything."""
        return [pair for control in self.controls for pair in control.sent()]


class Page(HTMLParser):
    """A parsed page: its forms, its heading, and its messages about what is wrong, by id."""

    def __init__(self, html: str) -> None:
        """Read the page at once."""
        super().__init__()
        self.forms: list[Form] = []
        self.messages: dict[str, str] = {}
        self.heading = ""
        self._open: list[tuple[str, Attributes]] = []
        self._items = 0
        self._places: list[tuple[int, int, tuple[str, ...]]] = []  # depth, place, classes
        self._form: Form | None = None
        self.feed(html)
        self.close()
        for form in self.forms:
            for control in form.controls:
                found = (self.messages.get(each, "") for each in control.described_by)
                control.message = " ".join(" ".join(found).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element; of a form's controls, keep what they are."""
        at = {name: value or "" for name, value in attrs}
        if tag not in _VOID:
            self._open.append((tag, at))
            classes = tuple(at.get("class", "").split())
            if "item" in classes:
                self._places.append((len(self._open), self._items, classes))
                self._items += 1
        if tag == "form":
            self._form = Form(at.get("action", ""), int(at.get("data-wait") or 0))
            self.forms.append(self._form)
        elif self._form is not None:
            self._take(self._form, tag, at)

    def handle_endtag(self, tag: str) -> None:
        """Close an element, and with it those inside that were left open."""
        if tag == "form":
            self._form = None
        if tag == "textarea" and self._form and self._form.controls:
            # HTML drops the first line break of a textarea.
            control = self._form.controls[-1]
            control.value = control.value.removeprefix("\n")
        if any(name == tag for name, _ in self._open):
            while self._open.pop()[0] != tag:
                pass
            while self._places and self._places[-1][0] > len(self._open):
                self._places.pop()

    def handle_data(self, data: str) -> None:
        """Give the text to every element around it that is asked about later."""
        tag = self._open[-1][0] if self._open else ""
        if any(name == "h1" for name, _ in self._open):
            self.heading = " ".join(f"{self.heading} {data}".split())
        for _, at in self._open:
            if "id" in at and "wrong" in at.get("class", "").split():
                self.messages[at["id"]] = self.messages.get(at["id"], "") + data
        control = self._form.controls[-1] if self._form and self._form.controls else None
        if control is None:
            return
        if tag == "textarea":
            control.value += data
        elif tag == "option" and "value" not in self._open[-1][1]:
            control.options[-1].value += data.strip()

    def _take(self, form: Form, tag: str, at: Attributes) -> None:
        if tag == "button" and at.get("type", "submit") == "submit":
            form.buttons.append((at.get("name", ""), at.get("value", "")))
        elif tag == "input" and at.get("type") in _BUTTONS:
            if at["type"] == "submit":
                form.buttons.append((at.get("name", ""), at.get("value", "")))
        elif tag in ("input", "textarea", "select"):
            kind = at.get("type", "text").lower() if tag == "input" else tag
            default = "on" if kind in ("radio", "checkbox") else ""
            form.controls.append(
                Control(
                    kind,
                    at.get("name", ""),
                    at.get("value", default),
                    at,
                    self._places[-1][1] if self._places else None,
                    self._places[-1][2] if self._places else (),
                    self._required(at),
                    self._described(at),
                    on="checked" in at,
                )
            )
        elif tag == "option" and form.controls and form.controls[-1].kind == "select":
            option = Option(at.get("value", ""), "selected" in at, "disabled" in at)
            form.controls[-1].options.append(option)

    def _around(self, at: Attributes) -> Iterator[Attributes]:
        """The attributes of a control, then of what it stands in, from the inside."""
        yield at
        yield from (each for _, each in reversed(self._open))

    def _required(self, at: Attributes) -> bool:
        marks = (each.get("aria-required") for each in self._around(at))
        return "required" in at or next((mark for mark in marks if mark), "") == "true"

    def _described(self, at: Attributes) -> tuple[str, ...]:
        said = (each.get("aria-describedby", "") for each in self._around(at))
        return tuple(each for ids in said for each in ids.split())
