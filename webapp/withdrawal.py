"""Withdrawal: somebody takes their answers back, and only that somebody did is kept."""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from webapp.db import writing
from webapp.keys import token_hash
from webapp.models import Event, Participant, Recruitment, Response, Step


def withdraw(session: Session, token: str) -> None:
    """Delete everything about the participant with this token; a second time changes nothing."""
    with writing(session):
        participant = session.scalar(
            select(Participant).where(Participant.token_hash == token_hash(token))
        )
        if participant is not None and participant.outcome not in ("withdrawn", "declined"):
            erase(session, participant)
            participant.outcome = "withdrawn"


def withdrawn(session: Session, token: str) -> Participant | None:
    """What is left of the participant with this token, if they withdrew."""
    return session.scalar(
        select(Participant).where(
            Participant.token_hash == token_hash(token), Participant.outcome == "withdrawn"
        )
    )


def erase(session: Session, participant: Participant) -> None:
    """Delete everything about a participant but that there was one, in the caller's transaction."""
    steps = select(Step.id).where(Step.participant_id == participant.id)
    # An answer that is being stored is waited for, and deleted with the others.
    session.execute(steps.order_by(Step.id).with_for_update())
    for table in (Response, Event):
        session.execute(delete(table).where(table.step_id.in_(steps)))
    session.execute(delete(Step).where(Step.participant_id == participant.id))
    session.execute(delete(Recruitment).where(Recruitment.participant_id == participant.id))
    session.expire(participant)
    participant.language = participant.cell = participant.form = None
    participant.enrolled_at = participant.completed_at = None
