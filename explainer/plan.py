"""The plan: which stimuli to explain, and how. Pure data, checked without torch.

A plan (`credence/plan/1`) is a JSON object. `stimuli` maps names to {checkpoint: {path, sha256},
data: {path, sha256}, select: {right, wrong, seed}}, or select: {count, seed} where nobody knows
which answer is right; where wanted with background: {path, sha256}, data that masks draw from, and
with generation: {tokens, seed}, how far a language model goes on. `explanations` maps names to
{method, parameters, output, seed}, or for a control to {method, of, seed} and its own parameters.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from explainer.encoding import canonical_json, sha256
from explainer.methods import Method, MethodError
from explainer.methods.catalogue import method

SCHEMA = "credence/plan/1"
OUTPUTS = ("predicted", "all")
FLOAT32 = "float32"
PRECISIONS = (FLOAT32, "tf32", "bfloat16")  # in which games are read (explainer.precision)
LARGEST_SEED = 2**32 - 1  # what numpy's global generator takes
LARGEST_COUNT = 10**6
LONGEST_CONTINUATION = 1000  # tokens


class PlanError(Exception):
    """The plan is wrong; the message starts with the path of the wrong part."""


@dataclass(frozen=True)
class File:
    """A file or folder, and the SHA-256 it must have."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class Selection:
    """How many inputs that the model gets right and wrong; or `count`, whatever it says of them."""

    right: int
    wrong: int
    count: int
    seed: int


@dataclass(frozen=True)
class Generation:
    """How many tokens a language model goes on for, and the seed that draws them."""

    tokens: int = 20
    seed: int = 0


@dataclass(frozen=True)
class StimulusSet:
    """Inputs of one checkpoint, and which of them to take."""

    name: str
    checkpoint: File
    data: File
    select: Selection
    background: File | None
    generation: Generation


@dataclass(frozen=True)
class Recipe:
    """One way to explain every stimulus. of: for a control, the recipe it is made from."""

    name: str
    method: Method
    parameters: dict[str, Any]
    seed: int
    of: str | None


@dataclass(frozen=True)
class Plan:
    """A checked plan; recipes in an order in which each comes after what it is `of`."""

    stimuli: tuple[StimulusSet, ...]
    recipes: tuple[Recipe, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of what is asked for, defaults filled in, wherever the files lie."""
        content = asdict(self, dict_factory=_without_paths)
        for given, recipe in zip(content["recipes"], self.recipes, strict=True):
            given["method"] = recipe.method.name
        return sha256(canonical_json({"schema": SCHEMA, **content}))


def check(plan: Any, only: str | None = None, precision: str = FLOAT32) -> Plan:
    """Validate a plan; with `only`, keep that explanation and what it is made from.

    precision: of every explanation that a model is asked for; one of its parameters where it is not
    float32. Raises PlanError.
    """
    if precision not in PRECISIONS:
        raise PlanError(f"no precision {precision!r}; there is {', '.join(PRECISIONS)}")
    top = _fields(plan, "plan", {"schema", "stimuli", "explanations"})
    if top["schema"] != SCHEMA:
        raise PlanError(f"schema: expected {SCHEMA!r}, found {top['schema']!r}")
    stimuli = tuple(
        _stimulus_set(str(name), given)
        for name, given in _mapping(top["stimuli"], "stimuli").items()
    )
    explanations = _mapping(top["explanations"], "explanations")
    recipes = {str(name): _recipe(str(name), given) for name, given in explanations.items()}
    for recipe in recipes.values():
        if recipe.of is None:
            continue
        path = f"explanations.{recipe.name}.of"
        if recipe.of not in recipes:
            raise PlanError(f"{path}: no explanation {recipe.of!r}; there are {', '.join(recipes)}")
        if recipes[recipe.of].of is not None:
            raise PlanError(f"{path}: {recipe.of!r} is a control itself; name a real explanation")
    if only is not None:
        if only not in recipes:
            raise PlanError(f"no explanation {only!r}; there are {', '.join(recipes)}")
        wanted = {only, recipes[only].of}
        recipes = {name: recipe for name, recipe in recipes.items() if name in wanted}
    if precision != FLOAT32:
        for recipe in recipes.values():
            if not recipe.method.control:
                recipe.parameters["precision"] = precision
    in_order = sorted(recipes.values(), key=lambda recipe: recipe.of is not None)
    return Plan(stimuli, tuple(in_order))


def _stimulus_set(name: str, given: Any) -> StimulusSet:
    path = f"stimuli.{name}"
    fields = _fields(given, path, {"checkpoint", "data", "select", "background", "generation"})
    background = fields["background"]
    return StimulusSet(
        name=name,
        checkpoint=_file(fields["checkpoint"], f"{path}.checkpoint"),
        data=_file(fields["data"], f"{path}.data"),
        select=_selection(fields["select"], f"{path}.select"),
        background=None if background is None else _file(background, f"{path}.background"),
        generation=_generation(fields["generation"], f"{path}.generation"),
    )


def _selection(given: Any, path: str) -> Selection:
    by_count = "count" in _mapping(given, path)
    names = ("count",) if by_count else ("right", "wrong")
    fields = _fields(given, path, {*names, "seed"})
    numbers = {name: _integer(fields[name], f"{path}.{name}", LARGEST_COUNT) for name in names}
    if not any(numbers.values()):
        raise PlanError(f"{path}: {' and '.join(names)} are 0; select at least one stimulus")
    seed = _integer(fields["seed"], f"{path}.seed", LARGEST_SEED)
    return Selection(**{"right": 0, "wrong": 0, "count": 0, **numbers}, seed=seed)


def _generation(given: Any, path: str) -> Generation:
    if given is None:
        return Generation()
    fields = _fields(given, path, {"tokens", "seed"})
    tokens = _integer(fields["tokens"], f"{path}.tokens", LONGEST_CONTINUATION)
    if tokens == 0:
        raise PlanError(f"{path}.tokens: a continuation has at least one token")
    return Generation(tokens, _integer(fields["seed"] or 0, f"{path}.seed", LARGEST_SEED))


def _recipe(name: str, given: Any) -> Recipe:
    path = f"explanations.{name}"
    try:
        found = method(_mapping(given, path).get("method"))
    except MethodError as error:
        raise PlanError(f"{path}.method: {error}") from error
    if found.control:
        fields = _fields(given, path, {"method", "of", "seed", *found.parameters})
        parameters = {key: fields[key] for key in found.parameters if fields[key] is not None}
        of = fields["of"]
        if not isinstance(of, str):
            raise PlanError(f"{path}.of: {name} is a control; name the explanation it is made from")
        where = path
    else:
        fields = _fields(given, path, {"method", "parameters", "output", "seed"})
        parameters = dict(_mapping(fields["parameters"] or {}, f"{path}.parameters"))
        of = None
        where = f"{path}.parameters"
    try:
        complete = found.complete(parameters)
    except MethodError as error:
        raise PlanError(f"{where}.{error}") from error
    if not found.control:
        output = fields["output"] or "predicted"
        if output not in OUTPUTS:
            raise PlanError(f"{path}.output: expected {' or '.join(OUTPUTS)}, found {output!r}")
        complete["output"] = output
    return Recipe(
        name, found, complete, _integer(fields["seed"] or 0, f"{path}.seed", LARGEST_SEED), of
    )


def _file(given: Any, path: str) -> File:
    fields = _fields(given, path, {"path", "sha256"})
    digest = fields["sha256"]
    if not isinstance(fields["path"], str):
        raise PlanError(f"{path}.path: expected a path")
    if (
        not isinstance(digest, str)
        or len(digest) != 64
        or not set(digest) <= set("0123456789abcdef")
    ):
        raise PlanError(f"{path}.sha256: expected 64 lower-case hex digits, found {digest!r}")
    return File(Path(fields["path"]), digest)


def _integer(value: Any, path: str, largest: int) -> int:
    if type(value) is not int or not 0 <= value <= largest:
        raise PlanError(f"{path}: expected a whole number from 0 to {largest}, found {value!r}")
    return value


def _mapping(value: Any, path: str) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise PlanError(f"{path}: expected a mapping, found {value!r}")
    return value


def _fields(value: Any, path: str, names: set[str]) -> dict[str, Any]:
    """Every field by name, None where it is left out; nothing else may be there."""
    given = _mapping(value, path)
    for name in given:
        if name not in names:
            raise PlanError(f"{path}: unknown field {name!r}; expected {', '.join(sorted(names))}")
    return {name: given.get(name) for name in names}


def _without_paths(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in pairs if not isinstance(value, Path)}
