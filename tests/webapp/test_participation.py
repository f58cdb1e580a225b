"""Answers are stored exactly once, all of a step or none, and the way goes only forward."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from lab import Laboratory, both
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, IntegrityError

from webapp import participation
from webapp.models import Event, Participant, Response, Step
from webapp.observed import Happened
from webapp.participation import AlreadySubmitted, Answer, NotCurrent, Observed

pytestmark = both
SCALE = {f"es{number}": Answer(number=float(number % 5 + 1)) for number in range(1, 9)}


def test_a_way_through_ends_complete(lab: Laboratory, opened: int) -> None:
    token = lab.enrol(opened)
    lab.finish(token)
    (participant,) = lab.participants()
    assert participant.outcome == "complete"
    kinds = [step.kind for step in participant.steps]
    trials = ["trial"] * 6
    assert kinds == [
        "consent", "assign", "instructions", *trials, "questionnaire", "questionnaire", "debrief"
    ]  # fmt: skip
    assert [step.position for step in participant.steps] == list(range(12))
    assert all(step.submitted_at for step in participant.steps[:-1])
    assert participant.steps[-1].submitted_at is None
    assert participant.completed_at == participant.steps[-2].submitted_at
    # 6 trials x 2 items, 8 of the scale, 3 of the last page.
    assert lab.count(Response) == 6 * 2 + 8 + 3


def test_complete_only_after_the_last_answer(lab: Laboratory, opened: int) -> None:
    token = lab.enrol(opened)
    while lab.current(token).flow != 4:
        step = lab.current(token)
        lab.submit(token, lab.usual_answers(step))
    assert lab.participants()[0].outcome == "active"
    assert lab.participants()[0].completed_at is None
    lab.submit(token, lab.usual_answers(lab.current(token)))
    assert lab.participants()[0].outcome == "complete"


def test_numbers_texts_and_gaps_are_kept_as_given(lab: Laboratory, opened: int) -> None:
    token = lab.enrol(opened)
    text = "=cmd|' /C calc'!A0, \"quoted\"\nsecond line \u00e9 \U0001f600 <script>"
    lab.finish(token, comment=Answer(text=text, after_ms=1234), years=Answer())
    with lab.session() as session:
        stored = {each.item_id: each for each in session.scalars(select(Response))}
    assert (stored["comment"].text, stored["comment"].number) == (text, None)
    assert stored["comment"].answered_after_ms == 1234
    assert stored["comment"].missing_reason is None
    assert stored["years"].missing_reason == "not_answered"
    assert (stored["years"].number, stored["years"].text) == (None, None)
    assert stored["es1"].number == 4.0


def test_a_second_submit_changes_nothing(lab: Laboratory, opened: int) -> None:
    token = lab.enrol(opened)
    lab.submit(token, {})
    step = lab.current(token)
    first = {"trust": Answer(number=5.0), "sure": Answer(number=1.0)}
    lab.submit(token, first, Observed("800x600", "", [Happened(0, "shown", 0)]))
    again = {"trust": Answer(number=1.0), "sure": Answer()}
    with lab.session() as session, pytest.raises(AlreadySubmitted):
        participation.submit(session, step.id, again, Observed("1x1", "", [Happened(1, "blur", 9)]))
    with lab.session() as session:
        answers = {r.item_id: r.number for r in session.scalars(select(Response))}
        assert answers == {"trust": 5.0, "sure": 1.0}
        assert session.get_one(Step, step.id).viewport == "800x600"
        assert [event.kind for event in session.scalars(select(Event))] == ["shown"]


def test_racing_submits_store_one_set_of_answers(lab: Laboratory, opened: int) -> None:
    token = lab.enrol(opened)
    lab.submit(token, {})
    step_id = lab.current(token).id

    def race(number: int) -> str:
        answers = {"trust": Answer(number=float(number)), "sure": Answer(text=str(number))}
        with lab.session() as session:
            try:
                seen = Observed(None, "", [Happened(0, "shown", number)])
                participation.submit(session, step_id, answers, seen)
            except AlreadySubmitted:
                return "late"
        return str(number)

    with ThreadPoolExecutor(8) as pool:
        came = list(pool.map(race, range(1, 8)))
    (first,) = [each for each in came if each != "late"]
    with lab.session() as session:
        stored = {r.item_id: r for r in session.scalars(select(Response))}
        assert stored["trust"].number == float(first)
        assert stored["sure"].text == first
        assert session.scalars(select(Event.at_ms)).all() == [int(first)]


def test_a_later_step_cannot_be_submitted_before_its_turn(lab: Laboratory, opened: int) -> None:
    token = lab.enrol(opened)
    with lab.session() as session:
        later = session.scalars(select(Step).where(Step.position == 5)).one()
        before = lab.everything()
        with pytest.raises(NotCurrent):
            participation.submit(session, later.id, {"trust": Answer(number=1.0)}, Observed())
    assert lab.everything() == before
    assert lab.current(token).position == 2


def test_the_debrief_is_never_submitted(lab: Laboratory, opened: int) -> None:
    token = lab.enrol(opened)
    lab.finish(token)
    step = lab.current(token)
    with lab.session() as session, pytest.raises(NotCurrent):
        participation.submit(session, step.id, {}, Observed())
    assert lab.current(token).kind == "debrief"


def test_an_error_in_one_answer_stores_none_of_the_step(lab: Laboratory, opened: int) -> None:
    token = lab.enrol(opened)
    lab.submit(token, {})
    with lab.session() as session:
        session.add(Response(step_id=lab.current(token).id, item_id="sure", number=0.0))
        session.commit()
        before = lab.everything()
    # The answer that is in the way makes the second insert fail, after the first one.
    with pytest.raises(IntegrityError):
        lab.submit(token, {"trust": Answer(number=5.0), "sure": Answer(number=1.0)})
    assert lab.everything() == before
    step = lab.current(token)
    assert (step.position, step.submitted_at) == (3, None)


def test_the_tables_refuse_a_second_answer_to_one_item(lab: Laboratory, opened: int) -> None:
    token = lab.enrol(opened)
    step = lab.current(token)
    with lab.session() as session:
        session.add_all([Response(step_id=step.id, item_id="trust", number=n) for n in (1.0, 2.0)])
        with pytest.raises(IntegrityError):
            session.commit()


def test_the_tables_refuse_an_answer_to_no_step(lab: Laboratory, opened: int) -> None:
    with lab.session() as session:
        session.add(Response(step_id=10_000, item_id="trust", number=1.0))
        # pg8000 has this error as a ProgrammingError.
        with pytest.raises(DBAPIError, match=r"(?i)foreign key"):
            session.commit()


def test_showing_keeps_the_first_time_and_picture(lab: Laboratory, opened: int) -> None:
    token = lab.enrol(opened)
    with lab.session() as session:
        participant = participation.find(session, token)
        assert participant is not None
        step = participation.current_step(session, participant)
        assert step.shown_at is None
        participation.show(session, step, "a" * 64)
        first = step.shown_at
        participation.show(session, step, "b" * 64)
        assert (step.shown_at, step.rendered_sha256) == (first, "a" * 64)


def test_find_knows_nobody_by_a_foreign_or_declined_token(lab: Laboratory, opened: int) -> None:
    from webapp import enrolment

    lab.enrol(opened)
    with lab.session() as session:
        enrolment.decline(session, opened, "e" * 32)
        for token in ("", "e" * 32, "f" * 32, "\x00", "\U0001f600"):
            assert participation.find(session, token) is None


def test_progress_counts_the_pages_that_are_seen(lab: Laboratory, opened: int) -> None:
    token = lab.enrol(opened)
    with lab.session() as session:
        participant = session.scalars(select(Participant)).one()
        pages = [step for step in participant.steps if step.kind not in ("consent", "assign")]
        seen = [participation.progress(participant, step) for step in pages]
        assert seen == [(number, 10) for number in range(1, 11)]
    assert lab.current(token).position == 2
