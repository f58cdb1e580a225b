"""The design of a study as the bundle tells it (`credence/design/1`)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from analysis.bundle import BundleError

MOST_POINTS = 100
KINDS = ("likert", "yes_no", "choice", "text", "number")
NUMERIC = ("likert", "yes_no", "number")

Value = TypeVar("Value")


@dataclass(frozen=True)
class Factor:
    """A design variable; vary is "within" or "between" participants."""

    name: str
    levels: tuple[str, ...]
    vary: str


@dataclass(frozen=True)
class Item:
    """One question. ends: the lowest and highest point of a Likert item."""

    id: str
    kind: str
    text: str
    role: str | None
    scale_id: str | None
    ends: tuple[int, int] | None
    labels: Mapping[str, str]
    choices: Mapping[str, str]


@dataclass(frozen=True)
class Score:
    """How items of a scale are scored together; how is "mean" or "sum"."""

    id: str
    items: tuple[str, ...]
    reverse: frozenset[str]
    how: str
    min_answered: int


@dataclass(frozen=True)
class Scale:
    """Items scored together; low and high: the range that each item shares, in points."""

    id: str
    name: str
    source: str
    items: tuple[str, ...]
    low: int
    high: int
    scores: tuple[Score, ...]


@dataclass(frozen=True)
class TooFast:
    """A declared rule: leave out whose median trial took less than this."""

    id: str
    median_trial_ms_below: float


@dataclass(frozen=True)
class Answered:
    """A declared rule: leave out who gave this answer (a number, or the value of a choice)."""

    id: str
    item: str
    equals: float | str


Exclusion = TooFast | Answered


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
    """What a study varies, asks, excludes and expects."""

    slug: str
    title: str
    factors: tuple[Factor, ...]
    items: Mapping[str, Item]
    scales: Mapping[str, Scale]
    trial_items: tuple[str, ...]
    exclusions: tuple[Exclusion, ...]
    hypotheses: tuple[Hypothesis, ...]

    def factor_of(self, contrast: tuple[str, str]) -> Factor | None:
        """The first factor that has both levels."""
        return next((f for f in self.factors if set(contrast) <= set(f.levels)), None)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Validate and build. Raises BundleError naming the first bad field."""
        try:
            blocks = _get(data, "blocks", list)
            trial_items = dict.fromkeys(i for block in blocks for i in _get(block, "items", list))
            design = cls(
                slug=_get(data, "slug", str),
                title=words(data.get("title")),
                factors=tuple(_named(data, "factors", _factor)),
                items={item.id: item for item in _named(data, "items", _item)},
                scales={scale.id: scale for scale in _named(data, "scales", _scale)},
                trial_items=tuple(trial_items),
                exclusions=tuple(map(_exclusion, data.get("exclusions") or [])),
                hypotheses=tuple(map(_hypothesis, data.get("hypotheses") or [])),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise BundleError(
                f"study/design.json is not a valid design ({error}); export the bundle again"
            ) from error
        used = [*trial_items, *(i for scale in design.scales.values() for i in scale.items)]
        used += [rule.item for rule in design.exclusions if isinstance(rule, Answered)]
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
    vary = _one_of(data.get("vary"), ("within", "between"), f"vary of factor {name}")
    return Factor(name, levels, vary)


def _item(name: str, data: Mapping[str, Any]) -> Item:
    kind = _one_of(data.get("kind"), KINDS, f"kind of item {name}")
    ends = None
    if kind == "likert":
        ends = (_get(data, "min", int), _get(data, "max", int))
        if not 1 <= ends[1] - ends[0] <= MOST_POINTS:
            raise ValueError(
                f"item {name} runs from {ends[0]} to {ends[1]}; max must be 1 to {MOST_POINTS} "
                "above min"
            )
    return Item(
        id=name,
        kind=kind,
        text=words(data.get("text")),
        role=data.get("role"),
        scale_id=data.get("scale_id"),
        ends=ends,
        labels={str(key): words(text) for key, text in (data.get("labels") or {}).items()},
        choices={str(c["value"]): words(c.get("text")) for c in data.get("choices") or []},
    )


def _scale(name: str, data: Mapping[str, Any]) -> Scale:
    scale = Scale(
        id=name,
        name=words(data.get("name")) or name,
        source=words(data.get("source")),
        items=tuple(_get(data, "items", list)),
        low=_get(data, "min", int),
        high=_get(data, "max", int),
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
    )


def _exclusion(data: Mapping[str, Any]) -> Exclusion:
    match dict(data):
        case {"id": str(name), "median_trial_ms_below": int() | float() as limit, **rest}:
            rule: Exclusion = TooFast(name, float(limit))
        case {
            "id": str(name),
            "item": str(item),
            "equals": int() | float() | str() as value,
            **rest,
        }:
            rule = Answered(name, item, value)
        case _:
            raise ValueError(f"exclusion rule {dict(data)!r} is not known here")
    if rest:
        raise ValueError(f"exclusion rule {name} has {sorted(rest)[0]!r}, which is not known here")
    return rule


def _hypothesis(data: Mapping[str, Any]) -> Hypothesis:
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
