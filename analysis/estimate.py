"""The one result that every statistic returns, and the error where it means nothing."""

from dataclasses import asdict, dataclass
from typing import Any


class NotEstimableError(ValueError):
    """The numbers do not carry this statistic; the message says why, for a reader."""


@dataclass(frozen=True)
class Check:
    """What a test takes for granted, tested on the numbers themselves; a small p speaks against."""

    name: str
    statistic: float
    p: float
    source: str


@dataclass(frozen=True)
class Estimate:
    """A quantity with its interval, test, n and how it was got.

    value, low, high: in the unit that `name` says; low and high are None where the method gives no
    interval.
    df: degrees of freedom, none, one or two. p: two-sided. n: people.
    """

    name: str
    value: float
    test: str
    n: int
    source: str
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    statistic: float | None = None
    df: tuple[float, ...] = ()
    p: float | None = None
    notes: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The same fields as plain JSON."""
        fields = asdict(self)
        return fields | {name: list(fields[name]) for name in ("df", "notes", "checks")}
