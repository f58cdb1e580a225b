"""One person or one refusal is one row, and places fill evenly, however many come at once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from lab import Laboratory, both, definition
from sqlalchemy import select

from webapp import enrolment, studies
from webapp.enrolment import AlreadyEnrolled, NotOpen
from webapp.keys import new_token, token_hash
from webapp.models import Participant, Recruitment, Response, Step
from webapp.participation import Answer

pytestmark = both
CROWD = 20


def between() -> dict[str, Any]:
    """The small study with its factor between participants."""
    study = definition()
    study["factors"]["explanation"] = {"levels": ["none", "shap"], "vary": "between"}
    study["flow"][2]["order"] = {"rule": "shuffled"}
    return study


def enrol(lab: Laboratory, version_id: int, token: str, external_id: str | None = None) -> str:
    with lab.session() as session:
        return enrolment.enrol(session, version_id, token, external_id, "en").pseudonym


def test_all_steps_are_written_before_the_first_is_shown(lab: Laboratory, opened: int) -> None:
    token = lab.enrol(opened)
    (participant,) = lab.participants()
    assert participant.token_hash == token_hash(token)
    assert token not in str(vars(participant))
    assert (participant.outcome, participant.language, participant.cell) == ("active", "en", "")
    trials = [step for step in participant.steps if step.kind == "trial"]
    assert len({step.stimulus_digest for step in trials}) == 6
    levels = Counter(step.condition for step in trials)
    assert levels == {f"explanation={level}": 2 for level in ("none", "shap", "mismatched")}
    assert all(step.block == "main" and step.flow == 2 for step in trials)


def test_every_trial_has_the_explanation_of_its_condition(lab: Laboratory, opened: int) -> None:
    made = lab.ready[1]
    for _ in range(3):
        lab.enrol(opened)
    with lab.session() as session:
        for step in session.scalars(select(Step).where(Step.kind == "trial")):
            level = step.condition.removeprefix("explanation=")
            assert step.stimulus_digest is not None
            if level == "none":
                assert step.explanation_digest is None
            else:
                expected = made.explanations[level][step.stimulus_digest]
                assert step.explanation_digest == expected


def test_three_people_see_every_stimulus_under_every_condition(
    lab: Laboratory, opened: int
) -> None:
    for _ in range(3):
        lab.enrol(opened)
    with lab.session() as session:
        shown = select(Step.stimulus_digest, Step.condition).where(Step.kind == "trial")
        met = Counter((stimulus, condition) for stimulus, condition in session.execute(shown))
    assert set(met.values()) == {1}
    assert len(met) == 18


def test_the_same_token_enrols_once(lab: Laboratory, opened: int) -> None:
    token = new_token()
    assert enrol(lab, opened, token, "ID-1") == enrol(lab, opened, token, "ID-1")
    assert lab.count(Participant) == lab.count(Recruitment) == 1


def test_a_recruitment_id_takes_part_once(lab: Laboratory, opened: int) -> None:
    enrol(lab, opened, new_token(), "ID-1")
    with pytest.raises(AlreadyEnrolled):
        enrol(lab, opened, new_token(), "ID-1")
    assert lab.count(Participant) == 1
    enrol(lab, opened, new_token(), "ID-2")
    assert lab.count(Participant) == 2


def test_a_recruitment_id_takes_part_in_one_version_of_a_study(
    lab: Laboratory, opened: int
) -> None:
    enrol(lab, opened, new_token(), "ID-1")
    second = lab.open(definition() | {"title": {"en": "Second"}})
    with pytest.raises(AlreadyEnrolled):
        enrol(lab, second, new_token(), "ID-1")
    other = lab.open(definition() | {"slug": "other"})
    enrol(lab, other, new_token(), "ID-1")
    assert lab.count(Recruitment) == 2


def test_people_without_an_id_are_people(lab: Laboratory, opened: int) -> None:
    for _ in range(3):
        enrol(lab, opened, new_token())
    assert lab.count(Participant) == 3
    assert lab.count(Recruitment) == 0


def test_a_refusal_stores_the_refusal_and_nothing_else(lab: Laboratory, opened: int) -> None:
    token = new_token()
    for _ in range(2):
        with lab.session() as session:
            enrolment.decline(session, opened, token)
    (refusal,) = lab.participants()
    assert refusal.outcome == "declined"
    for empty in ("language", "cell", "form", "enrolled_at", "completed_at"):
        assert getattr(refusal, empty) is None
    assert lab.count(Step) == lab.count(Recruitment) == 0


def test_refusals_take_no_place(lab: Laboratory) -> None:
    version_id = lab.open(between())
    for _ in range(3):
        with lab.session() as session:
            enrolment.decline(session, version_id, new_token())
    for _ in range(2):
        lab.enrol(version_id)
    cells = [each.cell for each in lab.participants() if each.cell is not None]
    assert sorted(cells) == ["explanation=none", "explanation=shap"]


def test_who_says_no_may_still_say_yes(lab: Laboratory, opened: int) -> None:
    token = new_token()
    with lab.session() as session:
        enrolment.decline(session, opened, token)
    enrol(lab, opened, token, "ID-1")
    (participant,) = lab.participants()
    assert participant.outcome == "active"
    assert len(participant.steps) == 12


def test_who_agreed_and_then_says_no_takes_everything_back(lab: Laboratory, opened: int) -> None:
    token = lab.enrol(opened, "RECRUITED-1")
    lab.submit(token, {})
    lab.submit(token, {"trust": Answer(number=3.0)})
    with lab.session() as session:
        assert enrolment.decline(session, opened, token)
    (participant,) = lab.participants()
    assert participant.outcome == "declined"
    assert participant.cell is participant.form is participant.enrolled_at is None
    assert lab.count(Step) == lab.count(Response) == lab.count(Recruitment) == 0
    assert lab.enrol(opened, "RECRUITED-1")


def test_who_has_finished_keeps_the_answers_when_an_old_page_says_no(
    lab: Laboratory, opened: int
) -> None:
    token = lab.enrol(opened)
    lab.finish(token)
    before = lab.count(Response)
    with lab.session() as session:
        assert not enrolment.decline(session, opened, token)
    assert lab.participants()[0].outcome == "complete"
    assert lab.count(Response) == before > 0


def test_a_study_that_closed_meanwhile_enrols_nobody_new(lab: Laboratory, opened: int) -> None:
    token = lab.enrol(opened)
    with lab.session() as session:
        studies.close_study(session, "small")
    with pytest.raises(NotOpen):
        enrol(lab, opened, new_token())
    assert lab.count(Participant) == 1
    # Who began can go on, and their consent page sent twice is no error.
    enrol(lab, opened, token)
    lab.finish(token)


def crowd(lab: Laboratory, tokens: list[str], version_id: int, ids: list[str | None]) -> list[str]:
    """Enrol everybody at the same moment; return what came of each."""
    start = Barrier(len(tokens))

    def one(token: str, external_id: str | None) -> str:
        start.wait()
        try:
            return enrol(lab, version_id, token, external_id)
        except AlreadyEnrolled:
            return "already"

    with ThreadPoolExecutor(len(tokens)) as pool:
        return list(pool.map(one, tokens, ids))


def test_a_crowd_is_balanced_without_losses_or_doubles(lab: Laboratory) -> None:
    version_id = lab.open(between())
    tokens = [new_token() for _ in range(CROWD)]
    came = crowd(lab, tokens, version_id, [f"ID-{n}" for n in range(CROWD)])
    assert len(set(came)) == CROWD
    people = lab.participants()
    assert {each.token_hash for each in people} == {token_hash(token) for token in tokens}
    assert lab.count(Recruitment) == CROWD
    cells = Counter(each.cell for each in people)
    assert cells == {"explanation=none": CROWD / 2, "explanation=shap": CROWD / 2}
    for cell in cells:
        forms = Counter(each.form for each in people if each.cell == cell)
        assert max(forms.values()) - min(forms.values()) <= 1
    assert all(len(each.steps) == 12 for each in people)


def test_a_crowd_with_one_link_is_one_person(lab: Laboratory, opened: int) -> None:
    came = crowd(lab, [new_token()] * 8, opened, ["ID-1"] * 8)
    assert len(set(came)) == 1
    assert lab.count(Participant) == lab.count(Recruitment) == 1
    assert lab.count(Step) == 12


def test_a_crowd_with_one_recruitment_id_is_one_person(lab: Laboratory, opened: int) -> None:
    came = crowd(lab, [new_token() for _ in range(8)], opened, ["ID-1"] * 8)
    assert came.count("already") == 7
    assert lab.count(Participant) == lab.count(Recruitment) == 1


def test_a_refusal_sent_many_times_at_once_counts_once(lab: Laboratory, opened: int) -> None:
    token, start = new_token(), Barrier(8)

    def refuse(_: int) -> None:
        start.wait()
        with lab.session() as session:
            enrolment.decline(session, opened, token)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(refuse, range(8)))
    assert lab.count(Participant) == 1
