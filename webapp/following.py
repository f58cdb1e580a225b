"""What follows a page: a place in the design, another attempt, pages skipped, or the end."""

from collections.abc import Iterable, Sequence

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from webapp import answers, placing
from webapp.assignment import condition_of
from webapp.definition import (
    Block,
    Check,
    Definition,
    Group,
    Instructions,
    Page,
    Questionnaire,
    Quota,
    Value,
    When,
)
from webapp.definition.conditions import same
from webapp.models import Participant, Step, now
from webapp.scales import items_of
from webapp.studies import definition_of, scales_of


def next_step(session: Session, participant: Participant) -> Step | None:
    """The first step that was neither submitted nor skipped."""
    return session.scalar(
        select(Step)
        .where(
            Step.participant_id == participant.id,
            Step.submitted_at.is_(None),
            Step.skipped_reason.is_(None),
        )
        .order_by(Step.position, Step.attempt)
        .limit(1)
    )


def advance(session: Session, participant: Participant) -> None:
    """Go on to the next page that is to be seen, or to the end, in the caller's transaction.

    Where the next step is the placing, the caller holds the lock on the version.
    """
    definition = definition_of(participant.version)
    session.flush()
    known: answers.Answers | None = None
    while (step := next_step(session, participant)) is not None:
        if step.kind == "assign":
            step.shown_at = step.submitted_at = now()
            start = placed_before(definition)
            if not placing.place(session, participant, start):
                end(session, participant, "quota_full")
        elif step.kind == "debrief":
            participant.outcome = "complete"
            participant.completed_at = session.scalar(
                select(func.max(Step.submitted_at)).where(Step.participant_id == participant.id)
            )
            return
        else:
            conditions = _conditions(definition, step)
            if conditions and known is None:
                known = answers.of(session, participant)
            levels = condition_of(participant.cell or "") | condition_of(step.condition)
            if all(each.holds(known or {}, levels) for each in conditions):
                return
            step.skipped_reason = "condition"
            session.flush()
            _judge_quotas(session, participant, _asked(participant, step.flow))
        session.flush()


def end(session: Session, participant: Participant, outcome: str) -> None:
    """End a participation early: what is left is skipped, and the place is given back."""
    participant.outcome = outcome
    session.execute(
        update(Step)
        .where(
            Step.participant_id == participant.id,
            Step.submitted_at.is_(None),
            Step.skipped_reason.is_(None),
        )
        .values(skipped_reason=outcome)
    )


def after(session: Session, participant: Participant, step: Step) -> None:
    """What a submitted page outside of blocks decides: another attempt, a full quota, an end."""
    if step.block is not None:
        return
    definition = definition_of(participant.version)
    entry = definition.entries[step.flow or 0]
    here = {response.item_id: answers.value(response) for response in step.responses}
    if isinstance(entry, Check):
        step.passed = all(_right(here.get(item), entry.correct[item]) for item in entry.correct)
        if not step.passed and step.attempt < entry.attempts:
            _again(session, participant, definition, step, entry)
        elif not step.passed and entry.then == "end":
            end(session, participant, "screened_out")
    if participant.outcome == "active":
        _judge_quotas(session, participant, here)


def again(session: Session, steps: Sequence[Step]) -> None:
    """Write further attempts at these steps: the same pages, with nothing answered."""
    for step in steps:
        last = session.scalar(
            select(func.max(Step.attempt)).where(
                Step.participant_id == step.participant_id, Step.position == step.position
            )
        )
        kept = ("participant_id", "position", "kind", "flow", "block", "part", "condition")
        shown = ("stimulus_digest", "explanation_digest")
        beside = ("second_stimulus_digest", "second_explanation_digest")
        same_page = {name: getattr(step, name) for name in (*kept, *shown, *beside)}
        session.add(Step(**same_page, attempt=(last or 1) + 1))
        if step.submitted_at is None:
            step.skipped_reason = step.skipped_reason or "begun_anew"
    session.flush()


def placed_before(definition: Definition) -> int:
    """The entry of the flow before which somebody is placed: after the last covariate."""
    items = {covariate.item for covariate in definition.assign.covariates}
    asking = [
        index
        for index, entry in enumerate(definition.entries)
        if isinstance(entry, Questionnaire | Check) and items & set(entry.items)
    ]
    return asking[-1] + 1 if asking else 1


def pages_after_placing(definition: Definition) -> int:
    """How many pages come after the placing, where nothing is skipped."""
    total = 0
    for entry in definition.entries[placed_before(definition) :]:
        if isinstance(entry, Block):
            pages = entry.per_participant * len(entry.trial.pages)
            breaks = (entry.per_participant - 1) // (entry.break_every or entry.per_participant)
            total += pages + breaks
        else:
            total += 1
    return total


def _right(given: object, expected: Value | list[Value]) -> bool:
    values = expected if isinstance(expected, list) else [expected]
    return any(same(given, value) for value in values)


def _again(
    session: Session, participant: Participant, definition: Definition, check: Step, entry: Check
) -> None:
    """Show the instructions and the check once more."""
    before = session.scalars(
        select(Step)
        .where(
            Step.participant_id == participant.id,
            Step.kind == "instructions",
            Step.position < check.position,
            Step.attempt == 1,
            Step.skipped_reason.is_(None),
        )
        .order_by(Step.position.desc())
    ).all()
    pages = [definition.entries[each.flow or 0] for each in before]
    wanted = [
        step
        for step, page in zip(before, pages, strict=True)
        if isinstance(page, Instructions) and entry.again in (None, page.page)
    ]
    again(session, [*wanted[:1], check])


def _judge_quotas(session: Session, participant: Participant, settled: Iterable[str]) -> None:
    """End where a quota is full of which the last item was settled now: answered, or skipped."""
    definition = definition_of(participant.version)
    if participant.preview or not any(quota.when for quota in definition.quotas):
        return
    steps = session.execute(
        select(Step.flow, Step.submitted_at, Step.skipped_reason).where(
            Step.participant_id == participant.id
        )
    ).all()
    still = {flow for flow, submitted, skipped in steps if submitted is None and skipped is None}
    # Pages after the placing have no steps before it.
    over = {flow for flow, _, _ in steps} - still
    to_come = {
        item
        for flow in range(len(definition.entries))
        if flow not in over
        for item in _asked(participant, flow)
    }
    for quota in definition.quotas:
        asked = {str(each.item) for each in quota.when.parts()} if quota.when else set()
        now_settled = asked & set(settled) and not asked & to_come
        if now_settled and _full(session, participant, quota):
            end(session, participant, "quota_full")
            return


def _asked(participant: Participant, flow: int | None) -> list[str]:
    """The items of an entry of the flow that is a questionnaire or a check."""
    definition = definition_of(participant.version)
    entry = None if flow is None else definition.entries[flow]
    if isinstance(entry, Questionnaire):
        return list(items_of(entry, scales_of(participant.version), definition.items))
    return list(entry.items) if isinstance(entry, Check) else []


def _full(session: Session, participant: Participant, quota: Quota) -> bool:
    """Whether as many as may have answered as this participant did."""
    when = quota.when
    if when is None or not when.holds(answers.of(session, participant), {}):
        return False
    items = [str(each.item) for each in when.parts()]
    others = answers.of_others(session, participant, items)
    return sum(when.holds(each, {}) for each in others.values()) >= quota.most


def _conditions(definition: Definition, step: Step) -> list[When]:
    """Every condition that stands on a step: its own, and those of the groups around it."""
    found: list[When] = []
    numbers = iter(range(len(definition.entries)))

    def search(inside: Sequence[Page | Group], outer: list[When]) -> None:
        for each in inside:
            own = getattr(each, "when", None)
            whens = outer if own is None else [*outer, own]
            if isinstance(each, Group):
                search(each.blocks, whens)
            elif next(numbers) == step.flow:
                found.extend(whens)

    search(definition.flow, [])
    return found
