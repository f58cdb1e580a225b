"""How long a page has been open, against the least and the most that the study gives it."""

from dataclasses import dataclass

from webapp.definition import Definition
from webapp.models import Step, now

# A page on its way when the time ends still counts as sent in time.
GRACE_MS = 5_000


@dataclass(frozen=True)
class Clock:
    """Milliseconds: the most and the least that a page may be open, and how long it has been."""

    limit_ms: int | None
    least_ms: int
    open_ms: int

    @property
    def left_ms(self) -> int | None:
        """What is left of the time; None without a limit."""
        return None if self.limit_ms is None else max(self.limit_ms - self.open_ms, 0)

    @property
    def over(self) -> bool:
        """Whether the time is over, so that what was not answered stays so."""
        return self.left_ms == 0

    @property
    def late(self) -> bool:
        """Whether it has been over for longer than a page is on its way."""
        return self.limit_ms is not None and self.open_ms > self.limit_ms + GRACE_MS

    @property
    def wait_ms(self) -> int:
        """How much longer the page is to be looked at."""
        return max(self.least_ms - self.open_ms, 0)


def clock_of(definition: Definition, step: Step) -> Clock:
    """The clock of a step as it stands now; breaks and pages that were never shown have none."""
    entry = definition.entries[step.flow] if step.flow is not None else None
    if step.kind == "break":
        entry = None
    limit = getattr(entry, "time_limit_seconds", None)
    least = getattr(entry, "least_seconds", None)
    return Clock(
        limit_ms=None if limit is None else round(limit * 1000),
        least_ms=round((least or 0) * 1000),
        # The server's clock may be set back; a page is then not open for less than no time.
        open_ms=0 if step.shown_at is None else max(now() - step.shown_at, 0),
    )
