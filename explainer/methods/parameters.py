"""What a study or plan may say of a method: words, numbers, and sentences by language."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DEFAULT = "default"
LANGUAGE = r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$"


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

    def schema(self) -> dict[str, Any]:
        """The same as JSON Schema."""
        choices = self._choices()
        return {"anyOf": choices} if len(choices) > 1 else choices[0]

    def __str__(self) -> str:
        """What is expected, in words."""
        return " or ".join([*(f'"{word}"' for word in self.words), *self._more()])

    def _choices(self) -> list[dict[str, Any]]:
        choices: list[dict[str, Any]] = [{"enum": list(self.words)}] if self.words else []
        if self.minimum is not None:
            kind = "integer" if self.whole else "number"
            choices.append({"type": kind, "minimum": self.minimum, "maximum": self.maximum})
        return choices

    def _more(self) -> list[str]:
        if self.minimum is None:
            return []
        kind = "a whole number" if self.whole else "a number"
        return [f"{kind} from {self.minimum:g} to {self.maximum:g}"]


@dataclass(frozen=True)
class Sentences(Parameter):
    """Sentences by language, each of at most `longest` characters.

    by_kind: what "default" stands for, by the kind of an artifact, in the same languages each.
    """

    default: str = DEFAULT
    words: tuple[str, ...] = (DEFAULT,)
    longest: int = 1000
    by_kind: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def accepts(self, value: Any) -> bool:
        """Whether a value from a study or plan is allowed."""
        if not isinstance(value, Mapping):
            return super().accepts(value)
        return bool(value) and all(
            isinstance(language, str)
            and re.match(LANGUAGE, language) is not None
            and isinstance(text, str)
            and bool(text.strip())
            and len(text) <= self.longest
            for language, text in value.items()
        )

    def languages(self, value: str | Mapping[str, str]) -> set[str]:
        """The languages that there is a sentence in."""
        return set(next(iter(self.by_kind.values())) if isinstance(value, str) else value)

    def settled(self, value: str | Mapping[str, str], kind: str) -> dict[str, str]:
        """The sentences themselves, for a kind of artifact."""
        return dict(self.by_kind[kind] if isinstance(value, str) else value)

    def _choices(self) -> list[dict[str, Any]]:
        text = {"type": "string", "minLength": 1, "maxLength": self.longest, "pattern": r"\S"}
        said = {
            "type": "object",
            "description": "a sentence for each language of the study",
            "propertyNames": {"pattern": LANGUAGE},
            "additionalProperties": text,
            "minProperties": 1,
        }
        return [*super()._choices(), said]

    def _more(self) -> list[str]:
        return [f"a sentence by language, each of 1 to {self.longest} characters"]


MASK = Parameter(
    DEFAULT,
    words=(DEFAULT, "mean", "zero", "blur", "background", "baseline", "delete", "last"),
    minimum=0,
    maximum=1,
)
PLAYERS = Parameter(DEFAULT, words=(DEFAULT, "each", "patches", "runs", "words", "segments"))
SIZE = Parameter(1, minimum=1, maximum=4096, whole=True)
