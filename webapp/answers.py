"""What participants answered on pages that are shown once: for conditions, quotas and cells."""

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from webapp.definition import Covariate
from webapp.models import Participant, Response, Step

Answers = dict[str, object]
HOLDING = ("active", "complete")


def of(session: Session, participant: Participant) -> Answers:
    """One participant's last answer to each item outside of blocks."""
    return _answers(session, Participant.id == participant.id).get(participant.id, {})


def of_others(
    session: Session, participant: Participant, items: Sequence[str]
) -> dict[int, Answers]:
    """What everybody else who holds a place, or is on the way to one, answered to these items."""
    if not items:
        return {}
    return _answers(
        session,
        holding(participant),
        Participant.id != participant.id,
        Response.item_id.in_(items),
    )


def holding(participant: Participant) -> ColumnElement[bool]:
    """Whose places count for somebody: not who was screened out, stays away or only looks.

    People and robots are counted apart: neither takes a place of the other.
    """
    return and_(
        Participant.version_id == participant.version_id,
        Participant.simulated.is_(participant.simulated),
        Participant.outcome.in_(HOLDING),
        Participant.preview.is_(False),
    )


def _answers(session: Session, *where: ColumnElement[bool]) -> dict[int, Answers]:
    rows = session.execute(
        select(Participant.id, Response)
        .join(Step, Step.participant_id == Participant.id)
        .join(Response, Response.step_id == Step.id)
        .where(Step.block.is_(None), *where)
        .order_by(Step.attempt, Response.id)
    )
    found: dict[int, Answers] = {}
    for person, response in rows:
        known = found.setdefault(person, {})
        if response.missing_reason is None:
            known[response.item_id] = value(response)
        else:  # a later attempt without an answer leaves none of an earlier one
            known.pop(response.item_id, None)
    return found


def value(response: Response) -> object:
    """What was answered: a number, a text or value, or several; None where nothing was."""
    if response.number is not None:
        return response.number
    return response.json if response.text is None else response.text


def level(covariate: Covariate, answers: Answers) -> str:
    """The level of a covariate that somebody's answer falls into; empty without an answer."""
    given = answers.get(covariate.item)
    if given is None:
        return ""
    if covariate.bands and isinstance(given, int | float):
        return str(sum(given >= band for band in covariate.bands))
    return str(given)


def by_cell(
    covariates: Sequence[Covariate], cells: dict[int, str], others: dict[int, Answers]
) -> Counter[tuple[str, int, str]]:
    """How many in a cell have a level of a covariate, by (cell, which covariate, level)."""
    return Counter(
        (cell, which, level(covariate, others.get(person, {})))
        for person, cell in cells.items()
        for which, covariate in enumerate(covariates)
    )
