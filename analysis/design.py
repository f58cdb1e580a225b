"""The design of a study as the bundle tells it (`credence/design/1`)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from analysis.bundle import BundleError
from analysis.rules import Answered, Exclusion, StraightLining, exclusion_of

MOST_POINTS = 100
# Kinds of items as studies name them -> what their answers are like.
KINDS = {
    "likert": "likert",
    "semantic_differential": "likert",
    "yes_no": "yes_no",
    "number": "number",
    "slider": "number",
    "confidence": "number",
    "choice": "choice",
    "text": "text",
    "date": "text",
    "multiple": "list",
    "ranking": "list",
    "mask": "list",
}
NUMERIC = ("likert", "yes_no", "number")
# Which column of the responses holds the answers of each kind.
COLUMN = dict.fromkeys(NUMERIC, "value_number") | {
    "choice": "value_text",
    "text": "value_text",
    "list": "value_json",
}

Value = TypeVar("Value")


@dataclass(frozen=True)
class Factor:
    """A design variable; vary is "within" or "between" participants.

    A factor that varies from block to block is within: the same people meet its levels in turn.
    """

    name: str
    levels: tuple[str, ...]
    vary: str


@dataclass(frozen=True)
class Item:
    """One question. ends: the lowest and highest point of a Likert item.

    kind: likert, yes_no, number, choice, text or list, by what the answers are like. span: the
    lowest and highest number that may be given, where there are such.
    """

    id: str
    kind: str
    text: str
    role: str | None
    scale_id: str | None
    ends: tuple[int, int] | None
    labels: Mapping[str, str]
    choices: Mapping[str, str]
    span: tuple[float, float] | None = None


@dataclass(frozen=True)
class Score:
    """How items of a scale are scored: scale_by x (mean or sum, by `how`) + offset."""

    id: str
    items: tuple[str, ...]
    reverse: frozenset[str]
    how: str
    min_answered: int
    scale_by: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True)
class Scale:
    """Items scored together; ends: the lowest and the highest answer by item, in points."""

    id: str
    name: str
    source: str
    items: tuple[str, ...]
    ends: Mapping[str, tuple[float, float]]
    scores: tuple[Score, ...]


@dataclass(frozen=True)
class Hypothesis:
    """A question asked in advance; contrast: (a, b) asks for a minus b."""

    id: str
    outcome: str
    formula: str
    contrast: tuple[str, str] | None
    confirmatory: bool


@dataclass(frozen=True)
class Design:
    """What a study varies, asks, excludes and expects.

    checks: for each attention or comprehension check, its items' right answers.
    """

    slug: str
    title: str
    factors: tuple[Factor, ...]
    items: Mapping[str, Item]
    scales: Mapping[str, Scale]
    trial_items: tuple[str, ...]
    exclusions: tuple[Exclusion, ...]
    hypotheses: tuple[Hypothesis, ...]
    checks: tuple[Mapping[str, frozenset[float | str]], ...] = ()

    def factor_of(self, contrast: tuple[str, str]) -> Factor | None:
        """The first factor that has both levels."""
        return next((f for f in self.factors if set(contrast) <= set(f.levels)), None)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Validate and build. Raises BundleError naming the first bad field."""
        try:
            blocks = _get(data, "blocks", list)
            asked = dict.fromkeys(i for block in blocks for i in _get(block, "items", list))
            rows = _rows(data.get("items") or {})
            trial_items = [
                row for item in asked for row in rows if row == item or row.startswith(f"{item}.")
            ] + [item for item in asked if item not in (data.get("items") or {})]
            design = cls(
                slug=_get(data, "slug", str),
                title=words(data.get("title")),
                factors=tuple(_named(data, "factors", _factor)),
                items={name: _item(name, item) for name, item in rows.items()},
                scales={scale.id: scale for scale in _named(data, "scales", _scale)},
                trial_items=tuple(trial_items),
                exclusions=tuple(map(exclusion_of, data.get("exclusions") or [])),
                hypotheses=tuple(map(hypothesis_of, data.get("hypotheses") or [])),
                checks=tuple(map(_check, data.get("checks") or [])),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise BundleError(
                f"study/design.json is not a valid design ({error}); export the bundle again"
            ) from error
        used = [*trial_items, *(i for scale in design.scales.values() for i in scale.items)]
        used += [rule.item for rule in design.exclusions if isinstance(rule, Answered)]
        used += [item for check in design.checks for item in check]
        for rule in design.exclusions:
            if isinstance(rule, StraightLining) and rule.scale not in design.scales:
                raise BundleError(
                    f"exclusion rule {rule.id} names the scale {rule.scale!r}, which the study "
                    "does not have; export the bundle again"
                )
        unknown = [item for item in used if item not in design.items]
        if unknown:
            raise BundleError(
                f"study/design.json uses the item {unknown[0]!r} but does not define it; export "
                "the bundle again"
            )
        return design


def words(text: Any) -> str:
    """English where there is a choice of languages, else the first."""
    if isinstance(text, Mapping):
        return str(text.get("en") or next(iter(text.values()), ""))
    return "" if text is None else str(text)


def _get(data: Mapping[str, Any], name: str, kind: type[Value]) -> Value:
    value = data.get(name)
    if not isinstance(value, kind):
        raise ValueError(f"{name} is missing or is not {kind.__name__}")
    return value


def _named(
    data: Mapping[str, Any], field: str, build: Callable[[str, Mapping[str, Any]], Value]
) -> list[Value]:
    return [build(name, value) for name, value in (data.get(field) or {}).items()]


def _one_of(value: Any, allowed: tuple[str, ...], field: str) -> str:
    if value not in allowed:
        raise ValueError(f"{field} is {value!r}, expected one of {', '.join(allowed)}")
    return str(value)


def _factor(name: str, data: Mapping[str, Any]) -> Factor:
    levels = tuple(map(str, _get(data, "levels", list)))
    vary = _one_of(data.get("vary"), ("within", "block", "between"), f"vary of factor {name}")
    return Factor(name, levels, "between" if vary == "between" else "within")


def _rows(items: Mapping[str, Any]) -> dict[str, Any]:
    """The items, with one Likert item for each row of a matrix."""
    found: dict[str, Any] = {}
    for name, item in items.items():
        if item.get("kind") != "matrix":
            found[name] = item
            continue
        for row in _get(item, "rows", list):
            found[f"{name}.{row['id']}"] = {**item, "kind": "likert", "text": row.get("text")}
    return found


def _item(name: str, data: Mapping[str, Any]) -> Item:
    asked = _one_of(data.get("kind"), tuple(KINDS), f"kind of item {name}")
    kind, ends, span = KINDS[asked], None, None
    if kind == "likert":
        ends = (_get(data, "min", int), _get(data, "max", int))
        if not 1 <= ends[1] - ends[0] <= MOST_POINTS:
            raise ValueError(
                f"item {name} runs from {ends[0]} to {ends[1]}; max must be 1 to {MOST_POINTS} "
                "above min"
            )
    elif asked == "confidence":
        span = (float(data.get("min") or 0), 100.0)
    elif kind == "number" and data.get("min") is not None and data.get("max") is not None:
        span = (float(data["min"]), float(data["max"]))
    labels = {str(key): words(text) for key, text in (data.get("labels") or {}).items()}
    if ends and asked == "semantic_differential":
        labels = {str(ends[0]): words(data.get("left")), str(ends[1]): words(data.get("right"))}
    return Item(
        id=name,
        kind=kind,
        text=words(data.get("text")),
        role=data.get("role"),
        scale_id=data.get("scale_id"),
        ends=ends,
        labels=labels,
        choices={str(c["value"]): words(c.get("text")) for c in data.get("choices") or []},
        span=span,
    )


def _scale(name: str, data: Mapping[str, Any]) -> Scale:
    items = tuple(_get(data, "items", list))
    ends = data.get("ends")
    if ends is None:  # earlier bundles: every item has the same
        ends = dict.fromkeys(items, (_get(data, "min", int), _get(data, "max", int)))
    scale = Scale(
        id=name,
        name=words(data.get("name")) or name,
        source=words(data.get("source")),
        items=items,
        ends={item: (float(ends[item][0]), float(ends[item][1])) for item in items},
        scores=tuple(map(_score, _get(data, "scores", list))),
    )
    if not scale.items:
        raise ValueError(f"scale {name} has no items")
    for score in scale.scores:
        if not score.items or not {*score.items, *score.reverse} <= set(scale.items):
            raise ValueError(f"score {score.id} of scale {name} has an item that the scale lacks")
    return scale


def _score(data: Mapping[str, Any]) -> Score:
    items = tuple(_get(data, "items", list))
    return Score(
        id=_get(data, "id", str),
        items=items,
        reverse=frozenset(data.get("reverse") or ()),
        how=_one_of(data.get("how"), ("mean", "sum"), "how"),
        min_answered=int(data.get("min_answered") or len(items)),
        scale_by=_number(data, "scale_by", 1.0),
        offset=_number(data, "offset", 0.0),
    )


def _number(data: Mapping[str, Any], name: str, otherwise: float) -> float:
    value = data.get(name)
    return otherwise if value is None else float(value)


def _check(data: Mapping[str, Any]) -> Mapping[str, frozenset[float | str]]:
    return {
        str(item): frozenset(right if isinstance(right, list) else [right])
        for item, right in _get(data, "correct", dict).items()
    }


def hypothesis_of(data: Mapping[str, Any]) -> Hypothesis:
    """A hypothesis as a study file has it. Raises ValueError naming a bad field."""
    contrast = data.get("contrast")
    if contrast is not None and len(contrast) != 2:
        raise ValueError(f"contrast {contrast!r} is not two levels")
    return Hypothesis(
        id=_get(data, "id", str),
        outcome=_get(data, "outcome", str),
        formula=words(data.get("formula")),
        contrast=None if contrast is None else (str(contrast[0]), str(contrast[1])),
        confirmatory=bool(data.get("confirmatory", False)),
    )
