"""What the pages keep from participants and the model of answers needs, from the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from webapp import participation
from webapp.assignment import condition_of
from webapp.definition import Answered, Check
from webapp.models import Participant, Step, Stimulus, StudyVersion
from webapp.simulate.model import CORRECT
from webapp.studies import definition_of

NO_PAGES = ("consent", "assign", "debrief")


@dataclass(frozen=True)
class Facts:
    """The page that a participant is at.

    share: of all pages, those up to this one, above 0 to 1. condition: a level of each factor, and
    of model_correct where that is known. stimulus: its digest, with the right label and the
    model's; predicted_of_change: the model's label of a changed input beside it. attempt: at a
    check, or at a block that was begun anew. correct: what is right at a check, as a form sends
    it, by item. excluding: the answer by which the study leaves somebody out, by item.
    """

    position: int
    share: float
    condition: Mapping[str, str]
    stimulus: str | None
    truth: str | None
    predicted: str | None
    predicted_of_change: str | None = None
    attempt: int = 1
    correct: Mapping[str, Sequence[str]] = field(default_factory=dict)
    excluding: Mapping[str, str] = field(default_factory=dict)


def facts(engine: Engine, token: str) -> Facts | None:
    """Where the participant with this token is; None where this database does not know them."""
    with Session(engine) as session:
        participant = participation.find(session, token)
        if participant is None:
            return None
        step = participation.current_step(session, participant)
        pages = [each for each in participant.steps if each.kind not in NO_PAGES]
        behind = sum(bool(each.submitted_at or each.skipped_reason) for each in pages)
        shown = _stimulus(session, step.stimulus_digest)
        changed = _stimulus(session, step.second_stimulus_digest)
        condition = dict(condition_of(step.condition))
        if shown is not None and shown.model_correct is not None:
            condition[CORRECT] = "true" if shown.model_correct else "false"
        return Facts(
            step.position,
            (behind + 1) / max(len(pages), 1),
            condition,
            step.stimulus_digest,
            shown.truth if shown else None,
            shown.predicted if shown else None,
            changed.predicted if changed else None,
            step.attempt,
            _correct(participant, step),
            {
                rule.item: _sent(rule.equals)
                for rule in definition_of(participant.version).exclusions
                if isinstance(rule, Answered)
            },
        )


def _stimulus(session: Session, digest: str | None) -> Stimulus | None:
    return None if digest is None else session.get(Stimulus, digest)


def _correct(participant: Participant, step: Step) -> dict[str, list[str]]:
    entry = definition_of(participant.version).entries[step.flow or 0]
    if not isinstance(entry, Check):
        return {}
    return {
        item: [_sent(each) for each in (value if isinstance(value, list) else [value])]
        for item, value in entry.correct.items()
    }


def _sent(value: bool | float | str) -> str:
    return value if isinstance(value, str) else f"{float(value):g}"


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
