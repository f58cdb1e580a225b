"""What a participant gave for one item, or why there is nothing."""

from dataclasses import dataclass
from typing import Any, Literal

NOT_ANSWERED = "not_answered"
REFUSED = "refused"


@dataclass(frozen=True)
class Answer:
    """One answer: a number, a text or JSON, or none of them.

    json: an order, a set or a mask, as plain JSON. missing: "refused" where the participant
    preferred not to say, "timed_out" where the time was over first. after_ms: milliseconds from
    page shown to last change, where the browser could tell.
    """

    number: float | None = None
    text: str | None = None
    json: Any = None
    missing: Literal["refused", "timed_out"] | None = None
    after_ms: int | None = None

    @property
    def missing_reason(self) -> str | None:
        """Why there is no answer; None where there is one."""
        empty = self.number is None and self.text is None and self.json is None
        return (self.missing or NOT_ANSWERED) if empty else None
