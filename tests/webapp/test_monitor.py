"""What a researcher watches adds up, in the order of the study file, on both databases."""

from collections import Counter
from typing import Any

import pytest
from lab import Laboratory, both, definition
from sqlalchemy.orm import Session

from webapp import enrolment, monitor
from webapp.keys import new_token
from webapp.models import StudyVersion
from webapp.monitor import ItemPicture
from webapp.participation import Answer

pytestmark = both


def version(session: Session) -> StudyVersion:
    return session.get_one(StudyVersion, 1)


def pictures(lab: Laboratory) -> dict[str, ItemPicture]:
    with lab.session() as session:
        return {each.item_id: each for each in monitor.picture(session, version(session))}


def test_outcomes_are_counted(lab: Laboratory, opened: int) -> None:
    lab.finish(lab.enrol(opened))
    lab.enrol(opened)
    with lab.session() as session:
        enrolment.decline(session, opened, new_token())
        found = monitor.outcomes(session, version(session))
    assert found == Counter(complete=1, active=1, declined=1)


def test_progress_counts_pages_that_were_sent(lab: Laboratory, opened: int) -> None:
    lab.finish(lab.enrol(opened))
    half = lab.enrol(opened)
    lab.submit(half, {})
    with lab.session() as session:
        newest, first = monitor.participants(session, version(session))
    assert (newest.outcome, newest.submitted, newest.steps) == ("active", 1, 9)
    assert (first.outcome, first.submitted, first.steps) == ("complete", 9, 9)


def test_only_the_newest_are_listed(
    lab: Laboratory, opened: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor, "MOST_PARTICIPANTS", 2)
    for _ in range(3):
        lab.enrol(opened)
    expected = [each.pseudonym for each in lab.participants()][:0:-1]
    with lab.session() as session:
        found = [each.pseudonym for each in monitor.participants(session, version(session))]
    assert sorted(found) == sorted(expected)


def test_answers_are_pictured_by_condition_in_the_order_of_the_study(
    lab: Laboratory, opened: int
) -> None:
    lab.finish(lab.enrol(opened), sure=Answer(number=1.0))
    found = pictures(lab)
    assert list(found) == ["trust", "sure"]
    bars = found["trust"].bars
    assert [(bar.condition, bar.n, bar.mean) for bar in bars] == [
        ("explanation=none", 2, 2.0),
        ("explanation=shap", 2, 6.0),
        ("explanation=mismatched", 2, 4.0),
    ]
    assert [share.label for share in bars[0].shares] == [
        "1 not at all",
        *"23456",
        "7 completely",
    ]
    assert [share.count for share in bars[0].shares] == [0, 2, 0, 0, 0, 0, 0]
    assert [share.start for share in bars[1].shares] == [0, 0, 0, 0, 0, 0, 100]
    (yes,) = {bar.mean for bar in found["sure"].bars}
    assert yes == 1.0
    assert [share.label for share in found["sure"].bars[0].shares] == ["no", "yes"]


def test_missing_answers_are_not_pictured(lab: Laboratory, opened: int) -> None:
    lab.finish(lab.enrol(opened))
    found = pictures(lab)
    assert found["sure"].bars == ()
    assert sum(bar.n for bar in found["trust"].bars) == 6


def test_shares_of_a_bar_fill_it(lab: Laboratory, opened: int) -> None:
    for rating in (1.0, 2.0, 2.0, 7.0):
        lab.finish(lab.enrol(opened), trust=Answer(number=rating))
    for bar in pictures(lab)["trust"].bars:
        assert bar.n == 8
        assert bar.mean == 3.0
        assert sum(share.percent for share in bar.shares) == pytest.approx(100)
        assert [share.count for share in bar.shares] == [2, 4, 0, 0, 0, 0, 2]


def test_choices_are_pictured_without_a_mean(lab: Laboratory) -> None:
    study: dict[str, Any] = definition()
    study["flow"][2]["items"] = ["used"]
    study["flow"][4]["items"] = ["years", "comment"]
    version_id = lab.open(study)
    token = lab.enrol(version_id)
    lab.submit(token, {})
    lab.submit(token, {"used": Answer(text="never")})
    (bar,) = pictures(lab)["used"].bars
    assert (bar.n, bar.mean) == (1, None)
    assert [(share.label, share.count) for share in bar.shares] == [("Every time", 0), ("Never", 1)]


def test_numbers_are_pictured_by_their_mean_and_free_texts_are_not(lab: Laboratory) -> None:
    study: dict[str, Any] = definition()
    study["flow"][2]["items"] = ["years", "comment"]
    study["flow"][4]["items"] = ["used"]
    version_id = lab.open(study)
    for years in (1234567.5, 2.5):
        token = lab.enrol(version_id)
        lab.submit(token, {})
        lab.submit(token, {"years": Answer(number=years), "comment": Answer(text="x")})
    found = pictures(lab)
    assert list(found) == ["years"]
    assert sum(bar.n for bar in found["years"].bars) == 2
    total = sum(bar.n * (bar.mean or 0) for bar in found["years"].bars)
    assert total == 1234570.0
    assert all(bar.shares == () for bar in found["years"].bars)


def test_a_study_without_factors_has_one_bar(lab: Laboratory) -> None:
    study = definition()
    del study["factors"], study["flow"][2]["order"]
    version_id = lab.open(study)
    token = lab.enrol(version_id)
    lab.submit(token, {})
    lab.submit(token, {"trust": Answer(number=5.0), "sure": Answer()})
    (bar,) = pictures(lab)["trust"].bars
    assert (bar.condition, bar.n, bar.mean) == ("all", 1, 5.0)


def test_a_study_of_questions_alone_can_be_watched(lab: Laboratory) -> None:
    from lab import questions_only

    version_id = lab.open(questions_only())
    lab.enrol(version_id)
    with lab.session() as session:
        (one,) = monitor.participants(session, version(session))
        assert monitor.picture(session, version(session)) == []
    assert (one.submitted, one.steps) == (0, 1)
