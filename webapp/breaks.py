"""What becomes of a block that somebody left for longer than the study says."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp import following
from webapp.definition import AfterBreak, Block
from webapp.models import Participant, Step, now
from webapp.studies import definition_of

MINUTE_MS = 60_000


def broken(session: Session, participant: Participant) -> Block | None:
    """The block that somebody was in and left for too long; None where all is well."""
    step = following.next_step(session, participant)
    if step is None or step.block is None:
        return None
    block = definition_of(participant.version).entries[step.flow or 0]
    if not isinstance(block, Block) or block.after_break is None:
        return None
    if block.after_break.then == "resume" or not _begun(session, participant, block):
        return None
    return block if _away_ms(session, participant) > _longest_ms(block.after_break) else None


def mend(session: Session, participant: Participant, block: Block) -> None:
    """Begin the block anew, or end the participation, as the study says."""
    if block.after_break is not None and block.after_break.then == "refuse":
        following.end(session, participant, "timed_out")
    else:
        following.again(session, _latest(session, participant, block))


def _begun(session: Session, participant: Participant, block: Block) -> bool:
    return any(step.shown_at is not None for step in _latest(session, participant, block))


def _latest(session: Session, participant: Participant, block: Block) -> list[Step]:
    """The last attempt at every page of a block that is not skipped."""
    found = session.scalars(
        select(Step)
        .where(
            Step.participant_id == participant.id,
            Step.block == block.block,
            Step.skipped_reason.is_(None),
        )
        .order_by(Step.position, Step.attempt)
    )
    return list({step.position: step for step in found}.values())


def _away_ms(session: Session, participant: Participant) -> int:
    last = session.scalar(
        select(func.max(func.coalesce(Step.submitted_at, Step.shown_at))).where(
            Step.participant_id == participant.id
        )
    )
    return now() - (last or now())


def _longest_ms(after: AfterBreak) -> int:
    return round(after.longer_than_minutes * MINUTE_MS)
