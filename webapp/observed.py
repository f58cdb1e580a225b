"""What a page's own script says happened on it: read within bounds, and kept exactly once.

A view is one showing of a page in a browser. It sends what happened so far when it is hidden, and
all of it again with the form: each event has its number in its view, so neither copy counts twice
and none depends on the other.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.db import writing
from webapp.models import Event, Step

KINDS = (
    "shown",
    "first",
    "input",
    "hover",
    "token",
    "open",
    "adjust",
    "blur",
    "focus",
    "resize",
    "submit",
)
LARGEST = 20_000  # characters of one form or beacon
MOST = 500  # of one view
MOST_OF_STEP = 2000  # of all views of one page
LONGEST_MS = 24 * 24 * 3600 * 1000  # a database's integer ends before 25 days


class Happened(NamedTuple):
    """One event: its number in its view, from 0, and milliseconds since the page was shown."""

    number: int
    kind: str
    at_ms: int
    item_id: str | None = None
    detail: str | None = None


@dataclass(frozen=True)
class Observed:
    """The size of a browser's window, and what happened in one view of a page."""

    viewport: str | None = None
    view: str = ""
    events: Sequence[Happened] = ()


def read(sent: Mapping[str, Any]) -> Observed:
    """What a form or a beacon says of its page. What no page's script sends is dropped in silence.

    sent: texts named viewport ("1280x720"), view (16 hex digits), events (JSON, a list of lists:
    kind, at_ms, item id or "", and perhaps a detail), and first, the number of the first of them.
    """
    viewport, view, first = (str(sent.get(each) or "") for each in ("viewport", "view", "first"))
    start = int(first) if re.fullmatch(r"[0-9]{1,3}", first, re.ASCII) else 0
    return Observed(
        viewport=viewport if re.fullmatch(r"[0-9]{1,5}x[0-9]{1,5}", viewport) else None,
        view=view if re.fullmatch(r"[0-9a-f]{16}", view) else "",
        events=_events(str(sent.get("events") or ""), start),
    )


def keep(session: Session, step: Step, observed: Observed) -> None:
    """Add to a step, locked by the caller, those events that are not stored yet."""
    if not observed.events:
        return
    found = session.execute(select(Event.view, Event.number).where(Event.step_id == step.id))
    stored = {tuple(row) for row in found}
    new = [each for each in observed.events if (observed.view, each.number) not in stored]
    session.add_all(
        Event(step_id=step.id, view=observed.view, **each._asdict())
        for each in new[: MOST_OF_STEP - len(stored)]
    )


def store(
    session: Session, participant_id: int, place: tuple[int, int], observed: Observed
) -> None:
    """Keep what a page sent without answers; where there is no such page any more, nothing.

    place: position and attempt of the step.
    """
    if not observed.events:
        return
    with writing(session):
        step = session.scalar(
            select(Step)
            .where(
                Step.participant_id == participant_id,
                Step.position == place[0],
                Step.attempt == place[1],
            )
            .with_for_update()
        )
        if step is not None:
            keep(session, step, observed)


def _events(text: str, first: int) -> list[Happened]:
    if len(text) > LARGEST:
        return []
    try:
        sent = json.loads(text) if text else []
    except (ValueError, RecursionError):
        return []
    if not isinstance(sent, list):
        return []
    read = (_event(number, each) for number, each in enumerate(sent, first) if number < MOST)
    return [each for each in read if each is not None]


def _event(number: int, sent: Any) -> Happened | None:
    if not isinstance(sent, list) or len(sent) not in (3, 4):
        return None
    kind, at_ms, item, detail = (*sent, "")[:4]
    if not isinstance(kind, str) or kind not in KINDS:
        return None
    if type(at_ms) is not int or not 0 <= at_ms <= LONGEST_MS:
        return None
    if not _plain(item, 129) or not _plain(detail, 64):
        return None
    return Happened(number, kind, at_ms, item or None, detail or None)


def _plain(text: Any, longest: int) -> bool:
    return isinstance(text, str) and bool(re.fullmatch(rf"[\w .:-]{{0,{longest}}}", text, re.ASCII))
