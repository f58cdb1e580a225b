"""The questions of a form: which controls belong together, and what kind of answer they take."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from webapp.simulate.page import Control, Form

REFUSALS = ("", "?")  # nothing, and "prefer not to say"
NUMERIC = ("decimal", "numeric")
TYPED = ("text", "number", "range", "date", "textarea")
INTEGER = r"-?\d+"
NUMBER = r"-?\d+(?:\.\d+)?"


@dataclass(frozen=True)
class Question:
    """Controls that are answered together.

    kind: points (ordered whole numbers), choice, several, order, number, date or words. values:
    what may be sent, for the first four.
    """

    kind: str
    name: str
    controls: Sequence[Control]
    values: Sequence[str] = ()

    @property
    def required(self) -> bool:
        """Whether the page marks it as one that must be answered."""
        return any(control.required for control in self.controls)

    @property
    def message(self) -> str:
        """What the page says is wrong with it."""
        return next((control.message for control in self.controls if control.message), "")

    def limit(self, name: str) -> str:
        """What the control says is its min, max or step, to the browser or to a script."""
        at = self.controls[0].at
        return at.get(name) or at.get(f"data-{name}", "")

    def bounds(self) -> tuple[float, float] | None:
        """The lowest and the highest number, as the control or else the message says."""
        low, high = self.limit("min"), self.limit("max")
        if re.fullmatch(NUMBER, low) and re.fullmatch(NUMBER, high):
            return float(low), float(high)
        said = [float(each) for each in re.findall(NUMBER, self.message.replace(",", ""))]
        return (said[0], said[1]) if len(said) >= 2 else None


def questions(form: Form) -> list[Question]:
    """Every question of a form, in order; hidden fields and refusals are nobody's to fill in."""
    asked: list[Question] = []
    done: set[int] = set()
    usable = [each for each in form.controls if each.name and not each.disabled]
    for control in usable:
        if id(control) in done or control.kind == "hidden" or control.value in REFUSALS[1:]:
            continue
        together = _together(control, usable)
        done |= {id(each) for each in together}
        found = _question(control, together)
        if found is not None:
            asked.append(found)
    return asked


def _together(control: Control, usable: Sequence[Control]) -> list[Control]:
    if control.kind in ("radio", "checkbox"):
        same = [each for each in usable if each.name == control.name and each.kind == control.kind]
        return [each for each in same if each.value not in REFUSALS]
    if control.kind in ("select", "number", "text") and "ranking" in control.words:
        kind, place = control.kind, control.place
        return [each for each in usable if each.place == place and each.kind == kind]
    return [control]


def _question(control: Control, together: Sequence[Control]) -> Question | None:
    values: Sequence[str] = tuple(dict.fromkeys(each.value for each in together))
    kind = "words" if control.kind in TYPED else ""
    if control.kind == "radio":
        whole = all(re.fullmatch(INTEGER, value) for value in values)
        kind = "points" if whole and "choice" not in control.words else "choice"
        values = sorted(values, key=int) if kind == "points" else values
    elif control.kind == "checkbox":
        kind = "several"
    elif "ranking" in control.words:
        kind, values = "order", [str(place) for place in range(1, len(together) + 1)]
    elif control.kind == "select":
        options = [each.value for each in control.options if not each.disabled]
        kind, values = "choice", [value for value in options if value not in REFUSALS]
    elif control.kind == "date":
        kind = "date"
    elif control.kind in ("number", "range") or control.at.get("inputmode") in NUMERIC:
        kind = "number"
    return Question(kind, control.name, together, values) if kind else None
