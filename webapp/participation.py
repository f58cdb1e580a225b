"""A participant's way through a study: the current step, recording answers, the end."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.db import writing
from webapp.items.answer import Answer
from webapp.keys import token_hash
from webapp.models import Participant, Response, Step, now
from webapp.observed import Observed, keep

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


def current_step(session: Session, participant: Participant) -> Step:
    """The first step that has not been submitted; after all of them, the debrief."""
    step = session.scalar(
        select(Step)
        .where(Step.participant_id == participant.id, Step.submitted_at.is_(None))
        .order_by(Step.position)
        .limit(1)
    )
    if step is None:
        raise LookupError(f"participant {participant.pseudonym} has no debrief step")
    return step


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
        step = session.scalar(select(Step).where(Step.id == step_id).with_for_update())
        if step is None:
            # They withdrew in another tab while this page was being read.
            raise NotCurrent
        if step.submitted_at is not None:
            raise AlreadySubmitted
        if current_step(session, step.participant).id != step.id or step.kind == "debrief":
            raise NotCurrent
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
        if current_step(session, step.participant).kind == "debrief":
            step.participant.outcome = "complete"
            step.participant.completed_at = step.submitted_at


def progress(participant: Participant, step: Step) -> tuple[int, int]:
    """The number of this page and of all pages that the participant sees, from 1."""
    seen = [each.position for each in participant.steps if each.kind not in ("consent", "assign")]
    return seen.index(step.position) + 1, len(seen)
