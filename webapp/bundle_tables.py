"""The tables of the export bundle: their columns, what these mean, and their rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from explainer.artifact import canonical_json
from webapp.assignment import condition_of
from webapp.definition import Item
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
Columns = Sequence[tuple[str, str, str]]

_WHO: Columns = (
    ("participant_id", "string", "pseudonym of the participant"),
    ("study_version", "string", "SHA-256 of the frozen study version"),
)
_WHERE: Columns = (
    ("step_position", "integer", "place of the page in this participant's order, from 0"),
    ("step_kind", "string", "consent, assign, instructions, trial, questionnaire or debrief"),
    ("attempt", "integer", "which attempt at the step, from 1"),
    ("block", "string", "block that the trial belongs to"),
    ("factor_*", "string", "level of this factor on the page"),
    ("stimulus_id", "string", "digest of the stimulus shown"),
    ("explanation_digest", "string", "digest of the explanation shown; empty where none was"),
)
COLUMNS: dict[str, Columns] = {
    "responses": (
        *_WHO,
        *_WHERE,
        ("scale_id", "string", "scale that the item belongs to"),
        ("item_id", "string", "the item, described in this codebook"),
        ("item_kind", "string", "likert, yes_no, choice, text or number"),
        ("role", "string", "rating: asked on a trial; scale: part of a scale; answer: any other"),
        ("value_number", "number", "the answer of a likert, yes_no (1 is yes) or number item"),
        ("value_text", "string", "the answer of a choice or text item"),
        ("value_json", "string", "rankings and masks; empty for every kind of item so far"),
        ("missing_reason", "string", "why there is no answer; empty where there is one"),
        ("language", "string", "language in which the participant read the study"),
        ("response_time_ms", "integer", "from page first shown to submitted, server's clock"),
        ("answered_after_ms", "integer", "from page shown to last change, browser's clock"),
    ),
    "steps": (
        *_WHO,
        *_WHERE,
        ("rendered_sha256", "string", "SHA-256 of the stimulus as drawn on the page"),
        ("viewport", "string", "width x height of the browser's window in CSS pixels"),
        ("shown_after_ms", "integer", "from enrolment to first shown, server's clock"),
        ("submitted_after_ms", "integer", "from enrolment to submitted, server's clock"),
        ("duration_ms", "integer", "from first shown to submitted, server's clock"),
        ("skipped_reason", "string", "why the page was skipped; empty where it was not"),
    ),
    "participants": (
        *_WHO,
        ("cell", "string", "between-participants condition"),
        ("form", "integer", "counterbalancing form"),
        ("language", "string", "language in which the participant read the study"),
        ("outcome", "string", "active, complete or declined"),
        ("steps_total", "integer", "pages in this participant's order"),
        ("steps_submitted", "integer", "pages submitted; the debrief never is"),
        ("duration_ms", "integer", "from enrolment to completion, server's clock"),
    ),
    "stimuli": (
        ("stimulus_id", "string", "digest of the stimulus"),
        ("stimulus_set", "string", "set in the study definition"),
        ("kind", "string", "image, series or text"),
        ("truth", "string", "the right label, where it is known"),
        ("predicted", "string", "the model's label"),
        ("model_correct", "boolean", "whether the model is right"),
        ("probability", "number", "the model's probability of its label"),
        ("checkpoint_digest", "string", "SHA-256 of the weights"),
        ("source_json", "string", "where the input comes from"),
    ),
    "explanations": (
        ("explanation_digest", "string", "digest of the explanation"),
        ("name", "string", "level of the explanation factor that shows it"),
        ("stimulus_id", "string", "digest of the stimulus it is shown with"),
        ("method", "string", "method, or kind of control"),
        ("parameters_json", "string", "parameters of the method"),
        ("seed", "integer", "seed of the method"),
        ("completeness_gap", "number", "|base + sum - full|; empty where it is not defined"),
        ("evaluations", "integer", "evaluations of the model"),
        ("seconds", "number", "time it took to compute"),
    ),
    "events": (
        *_WHO,
        ("step_position", "integer", "place of the page in this participant's order, from 0"),
        ("kind", "string", "shown, focus, blur, input, resize or submit"),
        ("at_ms", "integer", "since the page was shown, browser's clock"),
        ("value_json", "string", "details; empty for every kind of event so far"),
    ),
}


def rows(
    table: str, session: Session, version: StudyVersion, factors: Sequence[str]
) -> Iterator[Row]:
    """The rows of a table, in a stable order, with the columns of COLUMNS."""
    match table:
        case "responses":
            return _responses(session, version, factors)
        case "steps":
            return _steps(session, version, factors)
        case "participants":
            return _participants(session, version)
        case "stimuli":
            return _stimuli(session, version)
        case "explanations":
            return _explanations(session, version)
    return _events(session, version)


@dataclass(frozen=True)
class Asked:
    """An item with the scale it belongs to and what it is asked for."""

    item: Item
    scale_id: str | None
    role: str


def asked(version: StudyVersion) -> dict[str, Asked]:
    """Every item of a version: rated on trials, part of a scale, or another answer."""
    definition, scales = definition_of(version), scales_of(version)
    rated = {name for block in definition.blocks for name in block.items}
    found = {
        name: Asked(item, None, "rating" if name in rated else "answer")
        for name, item in definition.items.items()
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
        1,
        step.block,
        *(condition.get(factor) for factor in factors),
        step.stimulus_digest,
        step.explanation_digest,
    ]


def _responses(session: Session, version: StudyVersion, factors: Sequence[str]) -> Iterator[Row]:
    items = asked(version)
    found = session.execute(
        select(Participant.pseudonym, Participant.language, Step, Response)
        .join(Step, Step.participant_id == Participant.id)
        .join(Response, Response.step_id == Step.id)
        .where(Participant.version_id == version.id)
        .order_by(Participant.id, Step.position, Response.id)
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
            None,
            response.missing_reason,
            language,
            _between(step.shown_at, step.submitted_at),
            response.answered_after_ms,
        )


def _steps(session: Session, version: StudyVersion, factors: Sequence[str]) -> Iterator[Row]:
    found = session.execute(
        select(Participant.pseudonym, Participant.enrolled_at, Step)
        .join(Step, Step.participant_id == Participant.id)
        .where(Participant.version_id == version.id)
        .order_by(Participant.id, Step.position)
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
            None,
        )


def _participants(session: Session, version: StudyVersion) -> Iterator[Row]:
    found = session.execute(
        select(Participant, func.count(Step.id), func.count(Step.submitted_at))
        .outerjoin(Step)
        .where(Participant.version_id == version.id)
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


def _events(session: Session, version: StudyVersion) -> Iterator[Row]:
    found = session.execute(
        select(Participant.pseudonym, Step.position, Event.kind, Event.at_ms)
        .join(Step, Step.participant_id == Participant.id)
        .join(Event, Event.step_id == Step.id)
        .where(Participant.version_id == version.id)
        .order_by(Participant.id, Step.position, Event.id)
        .execution_options(yield_per=2000)
    )
    for pseudonym, position, kind, at_ms in found:
        yield pseudonym, version.digest, position, kind, at_ms, None


def _between(start: int | None, end: int | None) -> int | None:
    return None if start is None or end is None else end - start
