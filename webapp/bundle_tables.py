"""The rows of the export bundle's tables (columns: webapp/bundle_columns.py)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from explainer.artifact import canonical_json
from webapp import trials
from webapp.assignment import condition_of
from webapp.items import Question
from webapp.models import (
    Event,
    Explanation,
    Participant,
    Response,
    Step,
    Stimulus,
    StudyVersion,
    VersionExplanation,
    VersionStimulus,
)
from webapp.scales import items_of
from webapp.studies import definition_of, scales_of

Row = Sequence[Any]


def rows(
    table: str,
    session: Session,
    version: StudyVersion,
    factors: Sequence[str],
    *,
    with_simulated: bool = False,
) -> Iterator[Row]:
    """The rows of a table, in a stable order, with the columns of COLUMNS."""
    who = _who(version, with_simulated=with_simulated)
    by_factors = {"responses": _responses, "steps": _steps}
    if table in by_factors:
        return by_factors[table](session, version, factors, who)
    of_people = {"participants": _participants, "events": _events}
    if table in of_people:
        return of_people[table](session, version, who)
    others = {
        "stimuli": _stimuli,
        "explanations": _explanations,
        "metrics": _metrics,
        "curves": _curves,
    }
    return others[table](session, version)


def _who(version: StudyVersion, *, with_simulated: bool) -> ColumnElement[bool]:
    """Whose rows are exported: never those of a researcher who only looked."""
    people = and_(Participant.version_id == version.id, Participant.preview.is_(False))
    return people if with_simulated else and_(people, Participant.simulated.is_(False))


@dataclass(frozen=True)
class Asked:
    """An item with the scale it belongs to and what it is asked for."""

    item: Question
    scale_id: str | None
    role: str


def asked(session: Session, version: StudyVersion) -> dict[str, Asked]:
    """Every item of a version: rated on trials, a task's own, part of a scale, or another.

    Each row of a matrix is an item, named MATRIX.ROW.
    """
    definition, scales = definition_of(version), scales_of(version)
    usual = {name: "rating" for block in definition.blocks for name in block.items}
    usual |= {name: "check" for check in definition.checks for name in check.items}
    found = {
        part: Asked(each, None, each.role or usual.get(name, "answer"))
        for name, item in definition.items.items()
        for part, each in item.split(name).items()
    }
    found |= {
        name: Asked(item, None, str(item.role))
        for name, item in trials.asked_by_tasks(session, version).items()
    }
    for entry in definition.questionnaires:
        if entry.scale is not None:
            items = items_of(entry, scales, definition.items)
            found |= {name: Asked(item, entry.scale, "scale") for name, item in items.items()}
    return found


def _where(step: Step, factors: Sequence[str]) -> list[Any]:
    condition = condition_of(step.condition)
    return [
        step.position,
        step.kind,
        step.attempt,
        step.block,
        step.part,
        *(condition.get(factor) for factor in factors),
        step.stimulus_digest,
        step.explanation_digest,
        step.second_stimulus_digest,
        step.second_explanation_digest,
    ]


def _responses(
    session: Session, version: StudyVersion, factors: Sequence[str], who: ColumnElement[bool]
) -> Iterator[Row]:
    items = asked(session, version)
    found = session.execute(
        select(Participant.pseudonym, Participant.language, Step, Response)
        .join(Step, Step.participant_id == Participant.id)
        .join(Response, Response.step_id == Step.id)
        .where(who)
        .order_by(Participant.id, Step.position, Step.attempt, Response.id)
        .execution_options(yield_per=2000)
    )
    for pseudonym, language, step, response in found:
        item = items[response.item_id]
        yield (
            pseudonym,
            version.digest,
            *_where(step, factors),
            item.scale_id,
            response.item_id,
            item.item.kind,
            item.role,
            response.number,
            response.text,
            None if response.json is None else canonical_json(response.json).decode(),
            response.missing_reason,
            language,
            _between(step.shown_at, step.submitted_at),
            response.answered_after_ms,
            response.item_position,
        )


def _steps(
    session: Session, version: StudyVersion, factors: Sequence[str], who: ColumnElement[bool]
) -> Iterator[Row]:
    found = session.execute(
        select(Participant.pseudonym, Participant.enrolled_at, Step)
        .join(Step, Step.participant_id == Participant.id)
        .where(who)
        .order_by(Participant.id, Step.position, Step.attempt)
        .execution_options(yield_per=2000)
    )
    for pseudonym, enrolled_at, step in found:
        yield (
            pseudonym,
            version.digest,
            *_where(step, factors),
            step.rendered_sha256,
            step.viewport,
            _between(enrolled_at, step.shown_at),
            _between(enrolled_at, step.submitted_at),
            _between(step.shown_at, step.submitted_at),
            step.skipped_reason,
            step.passed,
            step.timed_out,
        )


def _participants(
    session: Session, version: StudyVersion, who: ColumnElement[bool]
) -> Iterator[Row]:
    found = session.execute(
        select(Participant, func.count(Step.id), func.count(Step.submitted_at))
        .outerjoin(Step)
        .where(who)
        .group_by(Participant.id)
        .order_by(Participant.id)
    )
    for participant, total, submitted in found:
        yield (
            participant.pseudonym,
            version.digest,
            participant.cell or None,
            participant.form,
            participant.language,
            participant.outcome,
            participant.simulated,
            total,
            submitted,
            _between(participant.enrolled_at, participant.completed_at),
        )


def _stimuli(session: Session, version: StudyVersion) -> Iterator[Row]:
    found = session.execute(
        select(VersionStimulus.stimulus_set, Stimulus)
        .join(Stimulus, Stimulus.digest == VersionStimulus.stimulus_digest)
        .where(VersionStimulus.version_id == version.id)
        .order_by(VersionStimulus.stimulus_set, VersionStimulus.position)
    )
    for name, stimulus in found:
        yield (
            stimulus.digest,
            name,
            stimulus.kind,
            stimulus.truth,
            stimulus.predicted,
            stimulus.model_correct,
            stimulus.probability,
            stimulus.checkpoint_digest,
            canonical_json(stimulus.source).decode(),
        )


def _explanations(session: Session, version: StudyVersion) -> Iterator[Row]:
    found = session.execute(
        select(VersionExplanation.name, Explanation)
        .join(Explanation, Explanation.digest == VersionExplanation.explanation_digest)
        .where(VersionExplanation.version_id == version.id)
        .order_by(VersionExplanation.name, VersionExplanation.stimulus_digest)
    )
    for name, explanation in found:
        yield (
            explanation.digest,
            name,
            explanation.stimulus_digest,
            explanation.method,
            canonical_json(explanation.parameters).decode(),
            explanation.seed,
            explanation.completeness_gap,
            explanation.evaluations,
            explanation.seconds,
        )


def _measured(session: Session, version: StudyVersion) -> Iterator[tuple[str, dict[str, Any]]]:
    """What was measured, of each explanation once, whatever names it has."""
    shown = select(VersionExplanation.explanation_digest).where(
        VersionExplanation.version_id == version.id
    )
    found = session.execute(
        select(Explanation.digest, Explanation.measures)
        .where(Explanation.digest.in_(shown))
        .order_by(Explanation.digest)
        .execution_options(yield_per=500)
    )
    for digest, measures in found:
        if measures is not None:
            yield digest, measures


def _metrics(session: Session, version: StudyVersion) -> Iterator[Row]:
    for digest, measures in _measured(session, version):
        for name, value in sorted(measures["metrics"].items()):
            yield digest, name, float(value), None
        for group, reason in sorted(measures["reasons"].items()):
            yield digest, group, None, reason


def _curves(session: Session, version: StudyVersion) -> Iterator[Row]:
    for digest, measures in _measured(session, version):
        for name, curve in sorted(measures["curves"].items()):
            for points in zip(curve["shares"], curve["deletion"], curve["insertion"], strict=True):
                yield digest, name, *map(float, points)


def _events(session: Session, version: StudyVersion, who: ColumnElement[bool]) -> Iterator[Row]:
    found = session.execute(
        select(Participant.pseudonym, Step.id, Step.position, Event)
        .join(Step, Step.participant_id == Participant.id)
        .join(Event, Event.step_id == Step.id)
        .where(who)
        .order_by(Participant.id, Step.position, Event.id)
        .execution_options(yield_per=2000)
    )
    views: dict[str, int] = {}
    at_step = None
    for pseudonym, step_id, position, event in found:
        if step_id != at_step:
            views, at_step = {}, step_id
        view = views.setdefault(event.view, len(views) + 1)
        told = {"item": event.item_id, "detail": event.detail}
        more = {name: value for name, value in told.items() if value is not None}
        yield (
            pseudonym,
            version.digest,
            position,
            view,
            event.number,
            event.kind,
            event.at_ms,
            canonical_json(more).decode() if more else None,
        )


def _between(start: int | None, end: int | None) -> int | None:
    return None if start is None or end is None else end - start
