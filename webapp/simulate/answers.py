"""What a simulated person answers to the questions of a page."""

import re
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from webapp.simulate.chance import chance, logistic
from webapp.simulate.facts import Facts
from webapp.simulate.model import ATTENTION, EXCLUDED, rate
from webapp.simulate.page import Form
from webapp.simulate.person import Person
from webapp.simulate.questions import Question, questions

Pairs = list[tuple[str, str]]
LEFT_OUT, LEFT_OUT_WORDS = 0.2, 0.6  # shares of optional questions that are not answered
WORDS = (
    "I looked at the picture first and then at what the model said about it",
    "The drawing helped me sometimes but not always",
    "I was not sure about some of them",
    "Nothing more to say thank you",
)


@dataclass(frozen=True)
class Answers:
    """What is sent for each question, the question's name first, in the order of the page."""

    given: list[tuple[str, Pairs]]

    @property
    def names(self) -> list[str]:
        """The questions with an answer."""
        return [name for name, pairs in self.given if pairs]

    def over(self, form: Form) -> Pairs:
        """What the browser sends: the answers, and every other control as it was."""
        asked = {control.name for each in questions(form) for control in each.controls}
        kept = [(name, value) for name, value in form.untouched() if name not in asked]
        return kept + [pair for _, pairs in self.given for pair in pairs]


def answer(form: Form, person: Person, at: Facts, attempt: int = 0) -> Answers:
    """Answer every question of a form; another attempt draws anew, minding what was said wrong."""
    return Answers(
        [(each.name, _Answering(each, person, at, attempt).pairs()) for each in questions(form)]
    )


class _Answering:
    def __init__(self, question: Question, person: Person, at: Facts, attempt: int) -> None:
        self.question, self.person, self.at = question, person, at
        self.draw = self._chance(at.position, at.attempt, question.name, attempt)
        self.hasty = person.kind == "hasty"

    def _chance(self, *purpose: object) -> np.random.Generator:
        return chance(self.person.model.seed, "answer", self.person.number, *purpose)

    def pairs(self) -> Pairs:
        question = self.question
        item = question.name.removeprefix("item-")
        right, excluding = self.at.correct.get(item), self.at.excluding.get(item)
        if right is not None and self.person.attentive and self.draw.random() < ATTENTION:
            return [(question.name, value) for value in right]
        if excluding in question.values:
            others = [value for value in question.values if value != excluding]
            value = excluding if self.draw.random() < EXCLUDED else self.draw.choice(others)
            return [(question.name, str(value))]
        if self._leaves_out():
            # A text that was left out is sent empty, a radio button not at all.
            nothing = [] if question.controls[0].kind == "radio" else question.controls
            return [(each.name, "") for each in nothing]
        if question.kind == "several":
            return [(question.name, value) for value in self._several()]
        if question.kind == "order":
            order = self.draw.permutation(len(question.values))
            named = zip(question.controls, order, strict=True)
            return [(control.name, question.values[place]) for control, place in named]
        one = {
            "points": lambda: question.values[self._place(len(question.values))],
            "choice": self._choice,
            "number": self._number,
            "date": self._date,
            "words": self._words,
        }
        return [(question.name, one[question.kind]())]

    def _leaves_out(self) -> bool:
        """Whether somebody who need not answer does not; what was said wrong is put right."""
        question = self.question
        if question.required or question.kind == "several" or question.message:
            return False
        share = LEFT_OUT_WORDS if question.kind == "words" else LEFT_OUT
        return bool(self.draw.random() < share)

    def _place(self, points: int) -> int:
        if self.person.kind == "straight":
            return round(self.person.line * (points - 1))
        if self.hasty:
            return int(self.draw.integers(points))
        latent = self.person.latent(self.at.condition, self.at.stimulus)
        return rate(latent, points, self.draw)

    def _choice(self) -> str:
        values, at = self.question.values, self.at
        # What a task asks ends with what it asks for.
        asked = self.question.name.rpartition("-")[2]
        said = {"simulated": at.predicted, "foreseen": at.predicted_of_change}
        target = said.get(asked, at.truth)
        if target not in values or self.hasty:
            return str(self.draw.choice(values))
        advised = asked == "final" and at.predicted in values
        if advised and self.draw.random() < self.person.model.follow:
            return str(at.predicted)
        # The first decision about a stimulus and the last come from one draw: they can agree.
        decision = self._chance("decision", at.stimulus, target)
        if decision.random() < self.person.model.accuracy:
            return str(target)
        return str(decision.choice([value for value in values if value != target]))

    def _several(self) -> list[str]:
        values = self.question.values
        said = self.question.bounds()
        if said is not None:
            most = min(int(said[1]), len(values))
            wanted = int(self.draw.integers(int(said[0]), most + 1))
        elif self.question.message:
            digits = [int(each) for each in self.question.message.split() if each.isdigit()]
            wanted = digits[0] if digits else 1
        else:
            wanted = max(1, int(self.draw.binomial(len(values), 0.3)))
        chosen = set(self.draw.permutation(len(values))[:wanted])
        return [value for place, value in enumerate(values) if place in chosen]

    def _number(self) -> str:
        bounds, name = self.question.bounds(), self.question.name
        if bounds is None and "confidence" in name:
            bounds = (0.0, 100.0)
        if bounds is None:
            return str(round(float(self.draw.lognormal(1.5, 0.6))))
        low, high = bounds
        step = self.question.limit("step")
        width = float(step) if step not in ("", "any") else 1.0 if high - low >= 2 else 0.01
        steps = max(1, round((high - low) / width))
        if self.at.stimulus is None or self.hasty:
            place = int(self.draw.integers(steps + 1))
        elif self.person.kind == "straight":
            place = round(self.person.line * steps)
        else:
            felt = self.person.latent(self.at.condition, self.at.stimulus)
            place = round(logistic(felt + float(self.draw.logistic())) * steps)
        return f"{low + place * width:.10g}"

    def _date(self) -> str:
        first = date.fromisoformat(self.question.limit("min") or "1960-01-01")
        last = max(first, date.fromisoformat(self.question.limit("max") or "2005-12-31"))
        return (first + timedelta(int(self.draw.integers((last - first).days + 1)))).isoformat()

    def _words(self) -> str:
        said = [int(each) for each in re.findall(r"\d+", self.question.message.replace(",", ""))]
        longest = int(self.question.limit("maxlength") or min(said, default=1000))
        text = str(self.draw.choice(WORDS))
        return text.split(maxsplit=1)[0][:longest] if self.hasty else text[:longest]
