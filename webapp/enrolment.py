"""Enrolment: one person or one refusal, and the steps written down before the first is shown."""

import secrets

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp import following
from webapp.db import writing
from webapp.definition import Definition
from webapp.keys import token_hash
from webapp.models import Participant, Recruitment, StudyVersion, now
from webapp.step_writer import StepWriter
from webapp.studies import definition_of
from webapp.withdrawal import erase


class AlreadyEnrolled(Exception):  # noqa: N818  # an outcome, not a failure
    """The recruitment id takes part already, under another link."""


class NotOpen(Exception):  # noqa: N818
    """The study was closed while somebody was reading its consent page."""


def enrol(
    session: Session,
    version_id: int,
    token: str,
    external_id: str | None,
    language: str,
    *,
    preview: bool = False,
    simulated: bool = False,
) -> Participant:
    """Enrol a participant and write the steps; with a known token this changes nothing.

    Steps are written as far as the covariates of minimisation, and the others when somebody is
    placed. A preview is a researcher's look, also at a version that is not open. Who is simulated
    is placed apart from people, and recognised by a pseudonym that begins with sim.
    Raises AlreadyEnrolled where the recruitment id is taken by another token, and NotOpen.
    """
    with writing(session):
        # The lock makes one enrolment see the counts that the one before has left.
        version = session.scalars(
            select(StudyVersion).where(StudyVersion.id == version_id).with_for_update()
        ).one()
        known = session.scalar(
            select(Participant).where(Participant.token_hash == token_hash(token))
        )
        if known is not None and known.outcome != "declined":
            return known
        if not version.is_open and not preview:
            raise NotOpen
        if external_id is not None and _is_taken(session, version.study_id, external_id):
            raise AlreadyEnrolled
        participant = known or Participant(
            version_id=version.id,
            pseudonym=f"{'sim' if simulated else 'p'}{secrets.token_hex(6)}",
            token_hash=token_hash(token),
        )
        participant.outcome = "active"
        participant.preview, participant.simulated = preview, simulated
        participant.language = language
        participant.enrolled_at = now()
        session.add(participant)
        session.flush()
        if external_id is not None:
            session.add(
                Recruitment(
                    participant_id=participant.id,
                    study_id=version.study_id,
                    external_id=external_id,
                )
            )
        _begin(session, participant, definition_of(version))
        following.advance(session, participant)
        return participant


def _begin(session: Session, participant: Participant, definition: Definition) -> None:
    """Write the steps up to the one that places the participant."""
    writer = StepWriter(session, participant)
    writer.add("consent", 0, done=True)
    for index in range(1, following.placed_before(definition)):
        entry = definition.entries[index]
        writer.add(entry.step, index)  # type: ignore[union-attr]
    writer.add("assign", None)


def decline(session: Session, version_id: int, token: str) -> bool:
    """Store that somebody said no, and nothing else; saying it twice counts once.

    Somebody who agreed first and declines before the end takes the answers back: they are deleted.
    After any end nothing changes. Returns whether only the refusal is stored now.
    """
    with writing(session):
        session.execute(
            select(StudyVersion.id).where(StudyVersion.id == version_id).with_for_update()
        )
        known = session.scalar(
            select(Participant).where(Participant.token_hash == token_hash(token))
        )
        if known is not None and known.outcome not in ("active", "dropped", "declined"):
            return False
        if known is not None:
            erase(session, known)
        participant = known or Participant(
            version_id=version_id,
            pseudonym=f"p{secrets.token_hex(6)}",
            token_hash=token_hash(token),
        )
        participant.outcome = "declined"
        session.add(participant)
    return True


def _is_taken(session: Session, study_id: int, external_id: str) -> bool:
    return (
        session.scalar(
            select(Recruitment.participant_id).where(
                Recruitment.study_id == study_id, Recruitment.external_id == external_id
            )
        )
        is not None
    )
