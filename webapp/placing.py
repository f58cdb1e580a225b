"""Placing: which cell and form somebody gets, and the steps that follow from it, written down."""

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from webapp import answers, assignment, designs
from webapp.assignment import BlockDesign, Condition, Trial
from webapp.db import writing
from webapp.definition import Block, Definition
from webapp.models import Participant, Step, Study, StudyVersion, now
from webapp.step_writer import StepWriter
from webapp.studies import StudyError, definition_of, lock

HOUR_MS = 3_600_000


def place(session: Session, participant: Participant, start: int) -> bool:
    """Give somebody a place and write the steps from the flow's entry `start` on.

    The caller holds the lock on the version, so that nobody else is placed by the same counts.
    Returns False where every cell is full, and then leaves everything as it is.
    """
    version = participant.version
    definition = definition_of(version)
    release(session, version)
    chosen = _cell_and_form(session, participant, definition)
    if chosen is None:
        return False
    participant.cell, participant.form = chosen
    number = _placed_before(session, participant)
    cell = designs.cells(definition)[participant.cell]
    turns = designs.block_levels(definition, participant.form)
    trials = _trials(session, participant, turns, number)
    writer = StepWriter(session, participant)
    for index in designs.order(definition, participant.form, number):
        entry = definition.entries[index]
        if index < start:
            continue
        if isinstance(entry, Block):
            common = {**cell, **turns[entry.block]}
            writer.add_block(index, entry, common, trials[entry.block])
        else:
            writer.add(entry.step, index)
    return True


def give_back(session: Session, study: Study, hours: float | None) -> int:
    """Give back the places of those who stayed away for so many hours; how many they are.

    hours: None for what each version of the study says. Raises StudyError where it says nothing.
    """
    with writing(session):
        lock(session, study.id)
        said = [definition_of(version).release_after_hours for version in study.versions]
        if hours is None and not any(said):
            raise StudyError(
                f"{study.slug} does not say release_after_hours; give --hours to this command"
            )
        return sum(release(session, version, hours) for version in study.versions)


def release(session: Session, version: StudyVersion, hours: float | None = None) -> int:
    """Give back the places of those who stayed away for longer than the study says; how many.

    Who comes back and goes on takes the place up again.
    """
    hours = definition_of(version).release_after_hours if hours is None else hours
    if hours is None:
        return 0
    before = now() - round(hours * HOUR_MS)
    last = (
        select(func.max(func.coalesce(Step.submitted_at, Step.shown_at, 0)))
        .where(Step.participant_id == Participant.id)
        .scalar_subquery()
    )
    gone = session.scalars(
        select(Participant.id).where(
            Participant.version_id == version.id, Participant.outcome == "active", last < before
        )
    ).all()
    session.execute(
        update(Participant)
        .where(Participant.id.in_(gone), Participant.outcome == "active")
        .values(outcome="dropped")
    )
    return len(gone)


def _counts(session: Session, participant: Participant) -> Counter[tuple[str, int]]:
    """How many participants hold each place."""
    rows = session.execute(
        select(Participant.cell, Participant.form, func.count())
        .where(answers.holding(participant), Participant.cell.is_not(None))
        .group_by(Participant.cell, Participant.form)
    )
    return Counter({(str(cell), form or 0): count for cell, form, count in rows})


def _placed_before(session: Session, participant: Participant) -> int:
    """How many were placed before, whatever became of them."""
    return (
        session.scalar(
            select(func.count()).where(
                Participant.version_id == participant.version_id,
                Participant.cell.is_not(None),
                Participant.id != participant.id,
                Participant.preview.is_(False),
                Participant.simulated.is_(participant.simulated),
            )
        )
        or 0
    )


def _cell_and_form(
    session: Session, participant: Participant, definition: Definition
) -> tuple[str, int] | None:
    """The cell and form that somebody gets; None where the quota of every cell is full."""
    counts = _counts(session, participant)
    totals: Counter[str] = Counter()
    for (cell, _), count in counts.items():
        totals[cell] += count
    free = [
        name
        for name, cell in designs.cells(definition).items()
        if participant.preview or not _full(definition, totals, cell)
    ]
    if not free:
        return None
    forms, covariates = designs.forms(definition), definition.assign.covariates
    if not covariates:
        return assignment.least_filled(free, forms, counts)
    people = session.execute(
        select(Participant.id, Participant.cell).where(
            answers.holding(participant),
            Participant.cell.in_(free),
            Participant.id != participant.id,
        )
    )
    items = [covariate.item for covariate in covariates]
    others = answers.of_others(session, participant, items)
    own = answers.of(session, participant)
    cell = assignment.minimising(
        free,
        [answers.level(covariate, own) for covariate in covariates],
        answers.by_cell(covariates, {person: str(cell) for person, cell in people}, others),
        totals,
        assignment.seeded(definition.seed, "minimise", sum(counts.values())),
    )
    return assignment.least_form(cell, forms, counts)


def _full(definition: Definition, totals: Counter[str], cell: Condition) -> bool:
    """Whether a quota of cells that this cell belongs to is full."""
    for quota in definition.quotas:
        if quota.when is not None:
            continue
        wanted = (quota.cell or {}).items()
        if wanted <= cell.items():
            alike = designs.cells(definition).items()
            held = sum(totals[name] for name, other in alike if wanted <= other.items())
            if held >= quota.most:
                return True
    return False


def _trials(
    session: Session, participant: Participant, turns: dict[str, Condition], number: int
) -> dict[str, list[Trial]]:
    """The trials of every block; a block knows what those before it in the file have drawn."""
    definition = definition_of(participant.version)
    found = designs.block_designs(session, participant.version, definition)
    met = _met(session, participant, found, turns)
    drawn: dict[str, list[Trial]] = {}
    for design in found:
        seen = {trial.stimulus for name in design.not_in for trial in drawn[name]}
        drawn[design.name] = assignment.draw(
            design, met[design.name], seen, definition.seed, number
        )
    return drawn


def _met(
    session: Session,
    participant: Participant,
    found: Sequence[BlockDesign],
    turns: dict[str, Condition],
) -> dict[str, Counter[tuple[str, str]]]:
    """How many in this cell met a stimulus under a condition, in each block at its present levels.

    A trial of several pages, or one that was begun anew, counts once for each person.
    """
    rows = session.execute(
        select(
            Step.block,
            Step.stimulus_digest,
            Step.condition,
            func.count(func.distinct(Step.participant_id)),
        )
        .join(Participant, Participant.id == Step.participant_id)
        .where(
            answers.holding(participant),
            Participant.cell == participant.cell,
            Participant.id != participant.id,
            Step.kind == "trial",
        )
        .group_by(Step.block, Step.stimulus_digest, Step.condition)
    ).all()
    varied = {design.name: design.levels for design in found}
    met: dict[str, Counter[tuple[str, str]]] = {design.name: Counter() for design in found}
    for block, stimulus, name, count in rows:
        condition = assignment.condition_of(name)
        if turns[str(block)].items() <= condition.items():
            within = {factor: condition[factor] for factor in varied[str(block)]}
            met[str(block)][str(stimulus), assignment.name_of(within)] += count
    return met
