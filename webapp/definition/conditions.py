"""When a step or block is shown: a condition on earlier answers, or on a level of the design."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Self

from pydantic import Field, FiniteFloat, model_validator

from webapp.parts import Name, Part

# YAML reads yes and 3 as themselves, so both a number and a choice's value fit here.
Value = bool | FiniteFloat | str


class When(Part):
    """One comparison of an item's answer or a factor's level, or several under all or any.

    An item without an answer equals nothing, is in no list and lies neither above nor below.
    """

    item: Name | None = None
    factor: Name | None = None
    equals: Value | None = None
    not_equals: Value | None = None
    in_: Annotated[list[Value] | None, Field(alias="in", min_length=1)] = None
    above: FiniteFloat | None = None
    below: FiniteFloat | None = None
    all: Annotated[list["When"] | None, Field(min_length=1)] = None
    any: Annotated[list["When"] | None, Field(min_length=1)] = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        named = [each for each in (self.item, self.factor, self.all, self.any) if each is not None]
        if len(named) != 1:
            raise ValueError("give one of: item, factor, all, any")
        compared = (self.equals, self.not_equals, self.in_, self.above, self.below)
        wanted = 0 if self.all or self.any else 1
        if sum(each is not None for each in compared) != wanted:
            if wanted:
                raise ValueError("compare by one of: equals, not_equals, in, above, below")
            raise ValueError("the comparisons stand inside all or any, not beside it")
        return self

    def parts(self) -> Iterator["When"]:
        """Every comparison in it."""
        inside = self.all or self.any
        if not inside:
            yield self
        for each in inside or ():
            yield from each.parts()

    def holds(self, answers: Mapping[str, object], levels: Mapping[str, str]) -> bool:
        """Whether it is so, by the answer to each item (numbers, values, lists) and each level."""
        if self.all is not None:
            return all(each.holds(answers, levels) for each in self.all)
        if self.any is not None:
            return any(each.holds(answers, levels) for each in self.any)
        return self._compares(answers.get(self.item) if self.item else levels.get(str(self.factor)))

    def _compares(self, given: object) -> bool:
        if self.not_equals is not None:
            return not same(given, self.not_equals)
        values = [self.equals] if self.equals is not None else self.in_
        if values is not None:
            return any(same(given, each) for each in values)
        if not isinstance(given, int | float):
            return False
        return given > self.above if self.above is not None else given < (self.below or 0)


def same(given: object, value: Value) -> bool:
    """Whether an answer is this value; yes and no are stored as 1 and 0, and lists hold values."""
    if isinstance(given, list):
        return value in given
    return given == value
