"""The methods that explain a decision: what each takes, gives, and where its code is.

Nothing here or in the catalogue needs torch or shap, so that a study can be checked without them;
`Method.function` imports the code that does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]


class MethodError(Exception):
    """A method is unknown, or is asked for something it cannot do."""


@dataclass(frozen=True)
class Parameter:
    """What one parameter may be: one of `words`, or a number from `minimum` to `maximum`."""

    default: str | float
    words: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    whole: bool = False

    def accepts(self, value: Any) -> bool:
        """Whether a value from a study or plan is allowed."""
        if isinstance(value, str):
            return value in self.words
        if self.minimum is None or self.maximum is None or isinstance(value, bool):
            return False
        kinds = int if self.whole else int | float
        return isinstance(value, kinds) and self.minimum <= value <= self.maximum

    def __str__(self) -> str:
        """What is expected, in words."""
        expected = [f'"{word}"' for word in self.words]
        if self.minimum is not None:
            kind = "a whole number" if self.whole else "a number"
            expected.append(f"{kind} from {self.minimum:g} to {self.maximum:g}")
        return " or ".join(expected)


@dataclass(frozen=True)
class Attribution:
    """What a method found out about one input.

    players: as in an explanation. values (players, outputs), base_values (outputs,), full_values
    (outputs,). evaluations: how often the model was asked. standard_errors: like values, where the
    method has them. complete: whether base and values are meant to add up to full. details: what
    else there is to say, as JSON. names: of the outputs, where they are not the subject's.
    """

    players: tuple[tuple[int, ...], ...]
    values: Float64
    base_values: Float64
    full_values: Float64
    value_function: str
    evaluations: int
    standard_errors: Float64 | None = None
    complete: bool = True
    details: Mapping[str, Any] = field(default_factory=dict)
    names: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Method:
    """One way to explain, or a control made from another explanation.

    kinds: of subjects, image, text, prompt or series, that it applies to. function(subject,
    stimulus, outputs, parameters, seed) -> Attribution, or a Play of one (explainer.shapley.game);
    a control has function(source, job) -> Explanation instead. least(players): the fewest
    evaluations that give a result.
    """

    name: str
    kinds: tuple[str, ...]
    parameters: Mapping[str, Parameter]
    control: bool
    code: str
    source: str
    cost: str
    least: Callable[[int], int] = lambda players: 0

    @property
    def function(self) -> Callable[..., Any]:
        """Import the code."""
        module, name = self.code.split(":")
        function: Callable[..., Any] = getattr(import_module(module), name)
        return function

    def complete(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Check parameters and fill in defaults. Raises MethodError naming the first bad one."""
        for name in given:
            if name not in self.parameters:
                known = ", ".join(self.parameters) or "none"
                raise MethodError(f"{name}: {self.name} has no such parameter (it takes: {known})")
        for name, value in given.items():
            if not self.parameters[name].accepts(value):
                raise MethodError(f"{name}: expected {self.parameters[name]}, found {value!r}")
        return {name: given.get(name, spec.default) for name, spec in self.parameters.items()}


MASK = Parameter(
    "default",
    words=("default", "mean", "zero", "blur", "background", "baseline", "delete", "last"),
    minimum=0,
    maximum=1,
)
PLAYERS = Parameter("default", words=("default", "each", "patches", "runs", "words", "segments"))
SIZE = Parameter(1, minimum=1, maximum=4096, whole=True)
