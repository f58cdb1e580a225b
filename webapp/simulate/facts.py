"""What the pages keep from participants and the model of answers needs, from the database."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from webapp import participation
from webapp.assignment import condition_of
from webapp.models import Participant, Step, Stimulus, StudyVersion
from webapp.simulate.model import CORRECT


@dataclass(frozen=True)
class Facts:
    """The page that a participant is at.

    share: how much of the way lies behind them, 0 to 1. condition: a level of each factor, and of
    model_correct where that is known. stimulus: its digest, with the right label and the model's.
    """

    position: int
    share: float
    condition: Mapping[str, str]
    stimulus: str | None
    truth: str | None
    predicted: str | None


def facts(engine: Engine, token: str) -> Facts | None:
    """Where the participant with this token is; None where this database does not know them."""
    with Session(engine) as session:
        participant = participation.find(session, token)
        if participant is None:
            return None
        step = participation.current_step(session, participant)
        last = session.scalar(
            select(func.max(Step.position)).where(Step.participant_id == participant.id)
        )
        shown = session.get(Stimulus, step.stimulus_digest) if step.stimulus_digest else None
        condition = dict(condition_of(step.condition))
        if shown is not None and shown.model_correct is not None:
            condition[CORRECT] = "true" if shown.model_correct else "false"
        return Facts(
            step.position,
            step.position / max(last or 1, 1),
            condition,
            step.stimulus_digest,
            shown.truth if shown else None,
            shown.predicted if shown else None,
        )


def outcome(engine: Engine, token: str) -> str | None:
    """What a participation has come to; None where this database does not know it."""
    with Session(engine) as session:
        participant = participation.find(session, token)
        return participant.outcome if participant else None


def enrolled(session: Session, version: StudyVersion, *, simulated: bool) -> int:
    """How many people, or robots, the study has a row of, whatever they came to.

    Robots are counted in this version, to go on after the last; people in every version.
    """
    of_version = Participant.version_id == version.id
    of_study = StudyVersion.study_id == version.study_id
    found = (
        select(func.count())
        .select_from(Participant)
        .join(StudyVersion)
        .where(
            of_version if simulated else of_study,
            Participant.simulated.is_(simulated),
            Participant.preview.is_(False),
        )
    )
    return session.scalar(found) or 0
