"""Enrolment: one person or one refusal, and every step written down before the first is shown."""

import secrets
from collections.abc import Mapping, Sequence
from math import lcm

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp import assignment
from webapp.assignment import BlockDesign
from webapp.db import writing
from webapp.definition import Block, Consent, Definition
from webapp.keys import token_hash
from webapp.models import (
    Participant,
    Recruitment,
    Step,
    Stimulus,
    StudyVersion,
    VersionExplanation,
    VersionStimulus,
    now,
)
from webapp.studies import definition_of
from webapp.withdrawal import erase


class AlreadyEnrolled(Exception):  # noqa: N818  # an outcome, not a failure
    """The recruitment id takes part already, under another link."""


class NotOpen(Exception):  # noqa: N818
    """The study was closed while somebody was reading its consent page."""


def enrol(
    session: Session, version_id: int, token: str, external_id: str | None, language: str
) -> Participant:
    """Enrol a participant and write all steps; with a known token this changes nothing.

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
        if not version.is_open:
            raise NotOpen
        if external_id is not None and _is_taken(session, version.study_id, external_id):
            raise AlreadyEnrolled
        definition = definition_of(version)
        designs = _designs(session, version, definition)
        counts = _counts(session, version)
        cells = _cells(definition)
        forms = lcm(*(design.forms for design in designs))
        cell, form = assignment.least_filled(list(cells), forms, counts)
        participant = known or Participant(
            version_id=version.id,
            pseudonym=f"p{secrets.token_hex(6)}",
            token_hash=token_hash(token),
        )
        participant.outcome = "active"
        participant.language = language
        participant.cell, participant.form = cell, form
        participant.enrolled_at = now()
        orders = {
            design.name: assignment.trials(design, form, definition.seed, sum(counts.values()))
            for design in designs
        }
        participant.steps = _steps(definition, cells[cell], orders, _digests(session, version))
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
        return participant


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


def _cells(definition: Definition) -> dict[str, assignment.Condition]:
    levels = {n: f.levels for n, f in definition.factors.items() if f.vary == "between"}
    return {assignment.name_of(cell): cell for cell in assignment.combinations(levels)}


def _counts(session: Session, version: StudyVersion) -> dict[tuple[str | None, int | None], int]:
    """How many participants hold each place."""
    rows = session.execute(
        select(Participant.cell, Participant.form, func.count())
        .where(Participant.version_id == version.id, Participant.cell.is_not(None))
        .group_by(Participant.cell, Participant.form)
    ).all()
    return {(cell, form): count for cell, form, count in rows}


def _designs(session: Session, version: StudyVersion, definition: Definition) -> list[BlockDesign]:
    """The design of every block, its stimuli in strata: the model right, then the model wrong."""
    within = {
        name: tuple(factor.levels)
        for name, factor in definition.factors.items()
        if factor.vary == "within"
    }
    rows = session.execute(
        select(VersionStimulus.stimulus_set, Stimulus.digest, Stimulus.model_correct)
        .join(Stimulus, Stimulus.digest == VersionStimulus.stimulus_digest)
        .where(VersionStimulus.version_id == version.id)
        .order_by(VersionStimulus.position)
    ).all()

    def strata(stimuli: str) -> tuple[tuple[str, ...], ...]:
        of_set = [(digest, correct) for name, digest, correct in rows if name == stimuli]
        parts = (tuple(d for d, c in of_set if c), tuple(d for d, c in of_set if not c))
        return tuple(part for part in parts if part)

    return [
        BlockDesign(
            name=block.block,
            strata=strata(block.stimuli),
            per_participant=block.per_participant,
            levels=block.trial.levels(within),
            shuffled=block.order.rule == "shuffled",
            max_run=block.order.max_run,
        )
        for block in definition.blocks
    ]


def _digests(session: Session, version: StudyVersion) -> dict[tuple[str, str], str]:
    """The explanation of each name and stimulus."""
    rows = session.scalars(
        select(VersionExplanation).where(VersionExplanation.version_id == version.id)
    )
    return {(each.name, each.stimulus_digest): each.explanation_digest for each in rows}


def _steps(
    definition: Definition,
    between: assignment.Condition,
    orders: Mapping[str, Sequence[assignment.Trial]],
    explanations: Mapping[tuple[str, str], str],
) -> list[Step]:
    """All steps of one participant; consent and assign are done by the time they are written."""
    moment = now()
    steps: list[Step] = []

    def add(kind: str, flow: int | None, **more: object) -> None:
        done = moment if kind in ("consent", "assign") else None
        place = {"position": len(steps), "kind": kind, "flow": flow}
        steps.append(Step(**place, **{"condition": "", **more}, shown_at=done, submitted_at=done))

    for index, entry in enumerate(definition.flow):
        if isinstance(entry, Block):
            for trial in orders[entry.block]:
                condition = {**between, **trial.condition}
                for page in entry.trial.pages:
                    shown = entry.trial.shown(page, condition)
                    digests = [explanations[name, trial.stimulus] for name in shown]
                    first, second = (*digests, None, None)[:2]
                    add(
                        "trial",
                        index,
                        block=entry.block,
                        part=page.part,
                        condition=assignment.name_of(condition),
                        stimulus_digest=trial.stimulus,
                        explanation_digest=first,
                        second_explanation_digest=second,
                    )
            continue
        add(entry.step, index)
        if isinstance(entry, Consent):
            add("assign", None)
    return steps
