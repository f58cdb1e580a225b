"""Questions answered from a list: one of it, several of it, or all of it in order."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from webapp.items.answer import Answer
from webapp.items.question import OneOf, Question, Sent, Wrong
from webapp.parts import Part, Text


class Option(Part):
    """One choice: the value that is stored and the text that is shown."""

    value: Annotated[str, StringConstraints(pattern=r"^[\w.+-]{1,64}$")]
    text: Text


def _distinct(choices: list[Option]) -> list[Option]:
    if len({choice.value for choice in choices}) < len(choices):
        raise ValueError("a value stands among the choices twice")
    return choices


class Choice(OneOf):
    """Exactly one of the choices."""

    kind: Literal["choice"]
    choices: Annotated[list[Option], Field(min_length=2, max_length=50), AfterValidator(_distinct)]
    stored = "text"

    def values(self) -> Sequence[str]:
        """The values of the choices."""
        return [choice.value for choice in self.choices]

    def _missing(self) -> Wrong:
        return Wrong("Choose one of the answers.")


class Multiple(Question):
    """From min_chosen to max_chosen of the choices; stored as a list in the order of the study."""

    kind: Literal["multiple"]
    choices: Annotated[list[Option], Field(min_length=2, max_length=50), AfterValidator(_distinct)]
    min_chosen: Annotated[int, Field(ge=1)] = 1
    max_chosen: Annotated[int, Field(ge=1)] | None = None
    stored = "json"

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not self.min_chosen <= self.most <= len(self.choices):
            raise ValueError("choose min_chosen, max_chosen and choices so that one can choose so")
        return self

    @property
    def most(self) -> int:
        """How many may be chosen."""
        return len(self.choices) if self.max_chosen is None else self.max_chosen

    def _given(self, sent: Sent) -> bool:
        return any(value.strip() for value in sent.all())

    def _missing(self) -> Wrong:
        least, most = self.min_chosen, self.most
        if least == most:
            return Wrong("Choose {least} of the answers.", least=least)
        if most < len(self.choices):
            return Wrong("Choose {least} to {most} of the answers.", least=least, most=most)
        if least == 1:
            return Wrong("Choose one or more of the answers.")
        return Wrong("Choose {least} or more of the answers.", least=least)

    def _answer(self, sent: Sent) -> Answer:
        chosen = set(sent.all())
        values = [choice.value for choice in self.choices if choice.value in chosen]
        if chosen - set(values) or not self.min_chosen <= len(values) <= self.most:
            raise self._missing()
        return Answer(json=values)


class Ranking(Question):
    """All choices in order; stored as the list of their values, the first place first."""

    kind: Literal["ranking"]
    choices: Annotated[list[Option], Field(min_length=2, max_length=20), AfterValidator(_distinct)]
    stored = "json"
    module: ClassVar[str | None] = "ranking"

    @property
    def parts(self) -> tuple[str, ...]:
        """Each choice has a control for its place."""
        return tuple(choice.value for choice in self.choices)

    def _missing(self) -> Wrong:
        return Wrong(
            "Give every entry a place of its own, from 1 to {last}.", last=len(self.choices)
        )

    def _answer(self, sent: Sent) -> Answer:
        places = {value: sent.first(value) for value in self.parts}
        wanted = [str(place) for place in range(1, len(places) + 1)]
        taken = list(places.values())
        wrong = [v for v, place in places.items() if place not in wanted or taken.count(place) > 1]
        if wrong:
            error = self._missing()
            raise Wrong(error.message, parts=wrong, **error.values)
        return Answer(json=sorted(places, key=lambda value: int(places[value])))
