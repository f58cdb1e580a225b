"""What a participant met and did, page by page, for the researcher who looks into it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from webapp.items import Question
from webapp.items.answer import REFUSED
from webapp.items.question import REFUSE, OneOf
from webapp.models import Event, Participant, Response, Step, Study, StudyVersion


@dataclass(frozen=True)
class View:
    """One showing of a page in a browser, from 1, with what happened in it."""

    number: int
    events: Sequence[Event]


def participant(session: Session, study: Study, pseudonym: str) -> Participant | None:
    """The participant of a study, of whatever version, who has this pseudonym."""
    if "\x00" in pseudonym:
        return None
    return session.scalar(
        select(Participant)
        .join(StudyVersion)
        .where(StudyVersion.study_id == study.id, Participant.pseudonym == pseudonym)
    )


def step(participant: Participant, position: int, attempt: int) -> Step | None:
    """A page that this participant has been shown; consent and placing are none."""
    return next(
        (
            each
            for each in participant.steps
            if (each.position, each.attempt) == (position, attempt) and is_page(each)
        ),
        None,
    )


def is_page(step: Step) -> bool:
    """Whether the step is a page that was shown."""
    return step.kind not in ("consent", "assign") and step.shown_at is not None


def views(session: Session, step: Step) -> list[View]:
    """What happened on a page, by showing, in order."""
    found: dict[str, list[Event]] = {}
    for event in session.scalars(select(Event).where(Event.step_id == step.id).order_by(Event.id)):
        found.setdefault(event.view, []).append(event)
    return [
        View(number, sorted(events, key=lambda event: event.number))
        for number, events in enumerate(found.values(), 1)
    ]


def sent(items: Mapping[str, Question], responses: Iterable[Response]) -> MultiDict[str, str]:
    """The form that would give these answers to these items."""
    return MultiDict(
        (f"item-{name}", value)
        for response in responses
        for name, value in _controls(items, response)
    )


def _controls(items: Mapping[str, Question], response: Response) -> Iterator[tuple[str, str]]:
    """The controls of an answer and their values: names and parts, as forms have them."""
    name = response.item_id
    item = items.get(name)
    if response.missing_reason == REFUSED:
        # A row of a matrix, which is no item by itself, is refused like one of several buttons.
        yield (name if item is None or isinstance(item, OneOf) else f"{name}.{REFUSE}"), REFUSE
    elif response.number is not None:
        yield name, f"{response.number:.15g}"
    elif response.text is not None:
        yield name, response.text
    elif isinstance(response.json, dict):
        yield from ((name, str(index)) for index in response.json.get("marked", ()))
    elif response.json is not None and item is not None and item.parts:
        yield from ((f"{name}.{part}", str(n)) for n, part in enumerate(response.json, 1))
    elif response.json is not None:
        yield from ((name, str(value)) for value in response.json)
