"""What a researcher watches while a study runs: who is how far, and the answers by condition."""

from collections import Counter, defaultdict
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from webapp.assignment import condition_of
from webapp.definition import Definition
from webapp.items import Choice, Likert, Question, SemanticDifferential, YesNo
from webapp.models import Participant, Response, Step, StudyVersion
from webapp.parts import say
from webapp.studies import definition_of

MOST_PARTICIPANTS = 200


@dataclass(frozen=True)
class Progress:
    """How far one participant is, in submitted steps."""

    pseudonym: str
    outcome: str
    cell: str
    submitted: int
    steps: int
    simulated: bool


@dataclass(frozen=True)
class Share:
    """How many answers fell on one point of an item, and where its part of the bar lies."""

    label: str
    count: int
    percent: float
    start: float


@dataclass(frozen=True)
class Bar:
    """The answers to one item under one condition; mean only where answers are numbers."""

    condition: str
    n: int
    mean: float | None
    shares: tuple[Share, ...]


@dataclass(frozen=True)
class ItemPicture:
    """The answers to one item, a bar for each condition."""

    item_id: str
    text: str
    bars: tuple[Bar, ...]


def outcomes(session: Session, version: StudyVersion, *, simulated: bool = False) -> Counter[str]:
    """How many people, or robots, came to which outcome."""
    rows = session.execute(
        select(Participant.outcome, func.count())
        .where(
            Participant.version_id == version.id,
            Participant.simulated.is_(simulated),
            Participant.preview.is_(False),
        )
        .group_by(Participant.outcome)
    )
    return Counter(dict(rows.all()))


def participants(session: Session, version: StudyVersion) -> list[Progress]:
    """The participants who enrolled last, newest first, at most MOST_PARTICIPANTS."""
    rows = session.execute(
        select(
            Participant.pseudonym,
            Participant.outcome,
            Participant.cell,
            func.count(func.distinct(case((Step.submitted_at.is_not(None), Step.position)))),
            func.count(func.distinct(case((Step.skipped_reason.is_(None), Step.position)))),
            Participant.simulated,
        )
        .join(Step)
        .where(
            Participant.version_id == version.id,
            Participant.preview.is_(False),
            # The debrief is read, not submitted, and consent and assignment are no pages of work.
            Step.kind.not_in(("consent", "assign", "debrief")),
        )
        .group_by(Participant.id)
        .order_by(Participant.enrolled_at.desc(), Participant.id.desc())
        .limit(MOST_PARTICIPANTS)
    )
    return [
        Progress(pseudonym, outcome, cell or "", submitted, steps, simulated)
        for pseudonym, outcome, cell, submitted, steps, simulated in rows
    ]


def picture(session: Session, version: StudyVersion) -> list[ItemPicture]:
    """The answers of people so far to every item of every block, but for texts and lists."""
    definition = definition_of(version)
    asked = [
        (part, item)
        for block in definition.blocks
        for name in block.items
        for part, item in definition.items[name].split(name).items()
        if item.stored == "number" or isinstance(item, Choice)
    ]
    points = {name: _points(item, definition) for name, item in asked}
    counts: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    rows = session.execute(
        select(Response.item_id, Step.condition, Response.number, Response.text, func.count())
        .join(Step, Step.id == Response.step_id)
        .join(Participant, Participant.id == Step.participant_id)
        .where(
            Participant.version_id == version.id,
            Participant.simulated.is_(False),
            Participant.preview.is_(False),
            Response.item_id.in_([name for name, _ in asked]),
            Response.missing_reason.is_(None),
        )
        .group_by(Response.item_id, Step.condition, Response.number, Response.text)
    )
    for item_id, condition, number, text, count in rows:
        counts[item_id][condition][str(text) if number is None else f"{number:.17g}"] += count
    return [
        ItemPicture(
            name,
            say(item.text, definition.languages[0]),
            tuple(
                _bar(condition, points[name], counts[name][condition], item)
                for condition in sorted(counts[name], key=lambda each: _rank(each, definition))
            ),
        )
        for name, item in asked
    ]


def _rank(condition: str, definition: Definition) -> list[int]:
    """Where a condition stands when levels are in the order of the study file."""
    levels = condition_of(condition).items()
    return [definition.factors[factor].levels.index(level) for factor, level in levels]


def _points(item: Question, definition: Definition) -> dict[str, str]:
    """Every answer an item can have, as stored, with its label; a number's have no end."""
    language = definition.languages[0]
    match item:
        case Likert():
            return {
                str(point): f"{point} {say(item.labels[point], language)}"
                if point in item.labels
                else str(point)
                for point in range(item.min, item.max + 1)
            }
        case SemanticDifferential():
            ends = {item.min: item.left, item.max: item.right}
            return {
                str(point): f"{point} {say(ends[point], language)}" if point in ends else str(point)
                for point in range(item.min, item.max + 1)
            }
        case YesNo():
            return {"0": "no", "1": "yes"}
        case Choice():
            return {option.value: say(option.text, language) for option in item.choices}
    return {}


def _bar(condition: str, labels: dict[str, str], counts: Counter[str], item: Question) -> Bar:
    n = counts.total()
    shares, start = [], 0.0
    for value, label in labels.items():
        percent = 100 * counts[value] / n
        shares.append(Share(label, counts[value], percent, start))
        start += percent
    mean = None
    if item.stored == "number":
        mean = sum(float(value) * count for value, count in counts.items()) / n
    return Bar(condition or "all", n, mean, tuple(shares))
