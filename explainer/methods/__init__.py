"""The methods that explain a decision: what each takes, gives, and where its code is.

Nothing here or in the catalogue needs torch or shap, so that a study can be checked without them;
`Method.function` imports the code that does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.methods.counting import count_players
from explainer.methods.parameters import MASK, PLAYERS, SIZE, Parameter, Sentences

__all__ = [
    "KINDS",
    "MASK",
    "PLAYERS",
    "SIZE",
    "Attribution",
    "Float64",
    "Method",
    "MethodError",
    "Of",
    "Parameter",
    "Sentences",
    "count_players",
]

Float64 = NDArray[np.float64]

KINDS = ("image", "text", "prompt", "series")  # of subjects


class MethodError(Exception):
    """A method is unknown, or is asked for something it cannot do."""


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


class Of(Enum):
    """What a control is made of, which decides what its function takes and gives.

    OWN, ANOTHER: (explanation, job) -> explanation, from the stimulus's own explanation, or from
    that of another stimulus. SUBJECT: (subject, seed) -> subject, which is explained instead.
    """

    OWN = "own"
    ANOTHER = "another"
    SUBJECT = "subject"


@dataclass(frozen=True)
class Method:
    """One way to explain, or a control made from another explanation.

    kinds: of subjects, image, text, prompt or series, that it applies to. function(subject,
    stimulus, outputs, parameters, seed) -> Attribution, or a Play of one (explainer.shapley.game);
    a control's is as `of` says. least(players): the fewest evaluations that give a result.
    most(parameters): the most players that it takes, those that play at all, where that is limited;
    raised: the parameter that raises this. words: the parameter whose sentences it gives in place
    of values. adds_up: whether what it gives is complete, as Attribution says.
    """

    name: str
    kinds: tuple[str, ...]
    parameters: Mapping[str, Parameter]
    code: str
    source: str
    cost: str
    least: Callable[[int], int] = lambda players: 0
    most: Callable[[Mapping[str, Any]], int] | None = None
    raised: str = ""
    of: Of | None = None
    words: Sentences | None = None
    adds_up: bool = True

    @property
    def control(self) -> bool:
        """Whether it is made of another explanation."""
        return self.of is not None

    @property
    def asks(self) -> bool:
        """Whether a model is asked."""
        return self.of in (None, Of.SUBJECT)

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

    def settled(self, given: Mapping[str, Any], kind: str) -> dict[str, Any]:
        """Parameters as they identify a job: with the sentences that a page shows themselves.

        kind: of the artifact.
        """
        if self.words is None:
            return dict(given)
        return {**given, "words": self.words.settled(given["words"], kind)}

    def too_few(self, given: Mapping[str, Any], players: int) -> str | None:
        """What to do where `evaluations` cannot give a result for so many players."""
        least = self.least(players)
        if given.get("evaluations", least) >= least:
            return None
        return (
            f"{self.name} needs at least {least} for {players} players: raise it, or use partition"
        )

    def too_many(self, given: Mapping[str, Any], players: int) -> str | None:
        """What to do where these are more players than it takes."""
        if self.most is None or players <= (most := self.most(given)):
            return None
        more = f", raise {self.raised}" if self.raised else ""
        return (
            f"{self.name} takes at most {most} players here, and there are {players}: group them "
            "into fewer (players: patches of an image, words of a text or segments of a series, "
            f"and a larger size){more}, or use permutation"
        )
