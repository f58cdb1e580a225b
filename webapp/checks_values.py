"""Whether an item can have the answers that a condition, a quota or a check waits for."""

from math import inf

from webapp.definition import Value, When
from webapp.items import (
    Choice,
    Confidence,
    Likert,
    Matrix,
    Multiple,
    Number,
    Question,
    SemanticDifferential,
    Slider,
    YesNo,
)
from webapp.problems import Path as KeyPath
from webapp.problems import Problem, Problems, known


def comparable(name: str, item: Question, when: When, path: KeyPath) -> Problems:
    """What is wrong with one comparison of an item's answer, which would never hold."""
    if isinstance(item, Matrix):
        message = f"{name} has an answer for each row; ask the row as an item of its own"
        yield Problem(path, message)
        return
    if item.stored == "json" and not isinstance(item, Multiple):
        yield Problem(path, f"{name} is answered with an order, which is compared with nothing")
        return
    if (when.above is not None or when.below is not None) and item.stored != "number":
        message = f"{name} is not answered with a number; compare by equals or in"
        yield Problem(path, message)
    low, high = _range(item)
    if (when.above is not None and when.above >= high) or (
        when.below is not None and when.below <= low
    ):
        yield Problem(path, f"no answer to {name} is so: it is a number {_between(low, high)}")
    values = [each for each in (when.equals, when.not_equals) if each is not None]
    for value in [*values, *(when.in_ or [])]:
        yield from possible(name, item, value, path)


def possible(name: str, item: Question, value: Value, path: KeyPath) -> Problems:
    """Why nobody can give this answer to an item, and what to write instead."""
    if isinstance(item, YesNo):
        if isinstance(value, str) or value not in (0, 1):
            message = f"{name} is answered with 1 for yes or 0 for no, not with {written(value)}"
            yield Problem(path, message)
    elif item.stored == "number":
        yield from _number(name, item, value, path)
    elif not isinstance(value, str):
        message = f"{name} is answered with text; write {written(value)} in quotation marks"
        yield Problem(path, message)
    elif isinstance(item, Choice | Multiple):
        yield from known(path, value, [choice.value for choice in item.choices])


def written(value: Value) -> str:
    """A value as a researcher writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, str) else f"{value:.12g}"


def _number(name: str, item: Question, value: Value, path: KeyPath) -> Problems:
    if isinstance(value, str):
        yield Problem(path, f"{name} is answered with a number, not with {value!r}")
        return
    points = isinstance(item, Likert | SemanticDifferential | Confidence)
    low, high = _range(item)
    whole = points or (isinstance(item, Number) and item.whole)
    if not low <= value <= high or (whole and value != int(value)):
        expected = f"a {'whole ' if whole else ''}number {_between(low, high)}".rstrip()
        yield Problem(path, f"{name} is answered with {expected}, not with {written(value)}")


def _range(item: Question) -> tuple[float, float]:
    """The least and the largest number that an item takes; infinite where there is no bound."""
    if not isinstance(item, Likert | SemanticDifferential | Confidence | Slider | Number):
        return (0, 1) if isinstance(item, YesNo) else (-inf, inf)
    return -inf if item.min is None else item.min, inf if item.max is None else item.max


def _between(low: float, high: float) -> str:
    if low == -inf and high == inf:
        return ""
    if high == inf:
        return f"of {low:g} or more"
    return f"up to {high:g}" if low == -inf else f"from {low:g} to {high:g}"
