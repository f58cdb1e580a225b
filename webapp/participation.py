"""A participant's way through a study: the current step, recording answers, the end."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp import breaks, following
from webapp.clock import clock_of
from webapp.db import writing
from webapp.items.answer import Answer
from webapp.keys import token_hash
from webapp.models import Participant, Response, Step, StudyVersion, now
from webapp.observed import Observed, keep
from webapp.studies import definition_of

__all__ = ["AlreadySubmitted", "Answer", "NotCurrent", "Observed"]


class AlreadySubmitted(Exception):  # noqa: N818  # an outcome, not a failure
    """The step was submitted before; its first answers stand."""


class NotCurrent(Exception):  # noqa: N818
    """The step is not the one this participant is at."""


def find(session: Session, token: str) -> Participant | None:
    """The participant with this token, unless it only stands for a refusal or a withdrawal."""
    participant = session.scalar(
        select(Participant).where(Participant.token_hash == token_hash(token))
    )
    gone = participant is None or participant.outcome in ("declined", "withdrawn")
    return None if gone else participant


def ended(participant: Participant) -> bool:
    """Whether the participation came to an end before its last page."""
    return participant.outcome in ("screened_out", "timed_out", "quota_full")


def current_step(session: Session, participant: Participant) -> Step:
    """The first step that was neither submitted nor skipped; after all of them, the debrief.

    Raises LookupError where the participation ended before.
    """
    step = following.next_step(session, participant)
    if step is None:
        raise LookupError(f"participant {participant.pseudonym} has no step left")
    return step


def come_back(session: Session, participant: Participant) -> None:
    """Begin a block anew, or end, where the study says so of somebody who was away for long."""
    if participant.outcome in ("active", "dropped") and breaks.broken(session, participant):
        with writing(session):
            session.refresh(participant, with_for_update=True)
            broken = breaks.broken(session, participant)
            if broken is not None:
                breaks.mend(session, participant, broken)


def show(session: Session, step: Step, rendered_sha256: str | None) -> None:
    """Keep when a step was first shown, and the SHA-256 of the stimulus as it was rendered."""
    step_id = step.id
    if step.shown_at is None:
        with writing(session):
            found = session.scalar(
                select(Step)
                .where(Step.id == step_id)
                .with_for_update()
                .execution_options(populate_existing=True)
            )
            if found is not None and found.shown_at is None:
                found.shown_at = now()
                found.rendered_sha256 = rendered_sha256


def submit(
    session: Session, step_id: int, answers: Mapping[str, Answer], observed: Observed
) -> None:
    """Store every answer of one step, or none.

    Raises AlreadySubmitted, which leaves the first answers as they are, and NotCurrent where an
    earlier step is still open.
    """
    with writing(session):
        version = _lock_to_place(session, step_id)
        step = session.scalar(select(Step).where(Step.id == step_id).with_for_update())
        if step is None:
            # They withdrew in another tab while this page was being read.
            raise NotCurrent
        if step.submitted_at is not None:
            raise AlreadySubmitted
        participant = step.participant
        session.refresh(participant)
        following_step = following.next_step(session, participant)
        if following_step is None or following_step.id != step.id or step.kind == "debrief":
            raise NotCurrent
        definition = definition_of(version)
        broken = breaks.broken(session, participant)
        step.timed_out = clock_of(definition, step).late
        step.submitted_at = now()
        step.shown_at = step.shown_at or step.submitted_at
        step.viewport = observed.viewport
        session.add_all(
            Response(
                step_id=step.id,
                item_id=item_id,
                number=answer.number,
                text=answer.text,
                json=answer.json,
                missing_reason=answer.missing_reason,
                answered_after_ms=answer.after_ms,
                item_position=place,
            )
            for place, (item_id, answer) in enumerate(answers.items(), 1)
        )
        keep(session, step, observed)
        session.flush()
        # Who was given up and comes back has the place again.
        participant.outcome = "active"
        following.after(session, participant, step)
        if broken is not None and participant.outcome == "active":
            breaks.mend(session, participant, broken)
        following.advance(session, participant)


def _lock_to_place(session: Session, step_id: int) -> StudyVersion:
    """The version of a step; nobody else is placed or counted meanwhile where this may do so."""
    participant = session.scalar(
        select(Participant)
        .join(Step, Step.participant_id == Participant.id)
        .where(Step.id == step_id)
    )
    if participant is None:
        raise NotCurrent
    version = participant.version
    if participant.cell is None or definition_of(version).quotas:
        session.execute(
            select(StudyVersion.id).where(StudyVersion.id == version.id).with_for_update()
        )
    return version


def progress(participant: Participant, step: Step) -> tuple[int, int]:
    """The number of this page and of all pages that the participant sees, from 1."""
    seen = sorted(
        {
            each.position
            for each in participant.steps
            if each is step
            or (each.kind not in ("consent", "assign") and each.skipped_reason is None)
        }
    )
    total = len(seen)
    if participant.cell is None:
        total += following.pages_after_placing(definition_of(participant.version))
    return seen.index(step.position) + 1, total
