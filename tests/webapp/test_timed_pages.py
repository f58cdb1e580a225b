"""Checks, clocks, breaks and ends as pages, without JavaScript."""

from typing import Any

import tasklab
from browsing import Visitor
from designing import ago, asked_first, checked, person, trials
from flask import Flask
from lab import Laboratory, definition
from sqlalchemy import select
from tasklab import open_tasks

from webapp.models import Response, Step

AGAIN = "Some answers were not right."


def opened(lab: Laboratory, app: Flask, study: dict[str, Any]) -> Visitor:
    lab.open(study)
    return Visitor(app).enter()


def timed(**more: Any) -> dict[str, Any]:
    """The small study with more on its block of trials."""
    study = definition()
    study["flow"][2] |= more
    return study


def test_a_failed_check_is_shown_once_more_and_then_ends(lab: Laboratory, app: Flask) -> None:
    visitor = opened(lab, app, checked(attempts=2)).answer()
    form = visitor.form
    sent = form.sent | {"item-used": "always"}
    visitor.post(form.action, sent)
    assert AGAIN in visitor.page.text
    assert "What you will see" in visitor.page.text
    # The first form sent again, as by a double click, uses up nothing.
    visitor.answer()
    where = visitor.page.text
    assert AGAIN in where
    visitor.post(form.action, sent)
    assert visitor.page.text == where
    visitor.answer(used="always")
    assert "CODE-OUT" in visitor.page.text
    assert person(lab, visitor.token).outcome == "screened_out"
    assert "CODE-OUT" in visitor.get(f"/p/{visitor.token}/").page.text
    assert "CODE-OUT" in visitor.post(form.action, sent).page.text


def test_a_passed_check_goes_on(lab: Laboratory, app: Flask) -> None:
    visitor = opened(lab, app, checked()).answer().answer(used="never")
    assert "I would rely on this answer." in visitor.page.text
    assert visitor.until("CODE-DONE").status == 200


def test_a_full_quota_is_said_politely(lab: Laboratory, app: Flask) -> None:
    quota = {"most": 0, "when": {"item": "used", "equals": "never"}}
    visitor = opened(lab, app, asked_first(quotas=[quota]))
    visitor.answer(used="never")
    assert "CODE-FULL" in visitor.page.text


def test_a_page_is_looked_at_for_a_least_time(lab: Laboratory, app: Flask) -> None:
    visitor = opened(lab, app, timed(least_seconds=20)).answer()
    assert "at least 20 seconds" in visitor.page.text
    before = lab.everything()
    visitor.answer(trust="6")
    assert visitor.status == 422
    assert "for 20 more s" in visitor.page.text
    assert visitor.form.sent["item-trust"] == "6"
    assert lab.everything() == before
    ago(lab, visitor.token, 20_000)
    assert visitor.send().status == 200
    assert lab.count(Response) == 2


def test_when_the_time_is_over_what_was_answered_counts(lab: Laboratory, app: Flask) -> None:
    visitor = opened(lab, app, timed(time_limit_seconds=30)).answer()
    assert "You have 30 seconds for this page" in visitor.page.text
    visitor.send(**{"item-sure": "1"})
    assert visitor.status == 422
    ago(lab, visitor.token, 31_000)
    visitor.send(**{"item-sure": "1"})
    assert visitor.status == 200
    with lab.session() as session:
        stored = {r.item_id: r for r in session.scalars(select(Response))}
    assert (stored["sure"].number, stored["sure"].missing_reason) == (1.0, None)
    assert (stored["trust"].number, stored["trust"].missing_reason) == (None, "timed_out")
    assert not trials(person(lab, visitor.token))[0].timed_out


def test_answers_that_come_too_late_are_kept_and_marked(lab: Laboratory, app: Flask) -> None:
    visitor = opened(lab, app, timed(time_limit_seconds=30)).answer()
    ago(lab, visitor.token, 36_000)
    visitor.answer(trust="6", sure="1")
    with lab.session() as session:
        first = session.scalars(select(Step).where(Step.kind == "trial")).first()
        assert first is not None
        assert first.timed_out
        assert {response.number for response in first.responses} == {6.0, 1.0}


def test_a_reload_gives_no_more_time(lab: Laboratory, app: Flask) -> None:
    visitor = opened(lab, app, timed(time_limit_seconds=30)).answer()
    address = f"/p/{visitor.token}/"
    ago(lab, visitor.token, 10_000)
    visitor.get(address)
    assert "Time left: 20 s" in visitor.page.text
    ago(lab, visitor.token, 26_000)
    visitor.get(address)
    assert "page 3 of" in visitor.page.text
    assert "Time left: 30 s" in visitor.page.text
    with lab.session() as session:
        reasons = [each.missing_reason for each in session.scalars(select(Response))]
    assert reasons == ["timed_out", "timed_out"]


def test_a_page_fetched_ahead_takes_no_time_away(lab: Laboratory, app: Flask) -> None:
    visitor = opened(lab, app, timed(time_limit_seconds=30)).answer()
    ago(lab, visitor.token, 60_000)
    before = lab.everything()
    visitor.get(f"/p/{visitor.token}/", headers={"Sec-Purpose": "prefetch"})
    visitor.client.head(f"/p/{visitor.token}/")
    assert lab.everything() == before


def test_a_page_that_was_only_fetched_ahead_can_be_sent(lab: Laboratory, app: Flask) -> None:
    visitor = opened(lab, app, timed(least_seconds=30))
    visitor.client.post(visitor.form.action, data=visitor.form.sent)
    visitor.get(f"/p/{visitor.token}/", headers={"Sec-Purpose": "prefetch"})
    visitor.answer()
    assert "for 30 more s" in visitor.page.text
    ago(lab, visitor.token, 31_000)
    visitor.answer()
    assert visitor.status == 200
    assert lab.count(Response) == 2


def test_an_answer_that_was_not_given_in_time_is_not_said_again(
    lab: Laboratory, app: Flask
) -> None:
    task = {"task": "advice", "feedback": True}
    open_tasks(lab, tasklab.block("main", task, "digits", time_limit_seconds=10))
    visitor = Visitor(app).enter(tasklab.SLUG)
    for told in ("Now you see what the model says.", "This is the right answer."):
        ago(lab, visitor.token, 60_000)
        visitor.get(f"/p/{visitor.token}/")
        assert told in visitor.page.text
        assert "Your answer was" not in visitor.page.text


def test_breaks_and_words_of_a_level_are_on_their_pages(lab: Laboratory, app: Flask) -> None:
    study = timed(break_every=3)
    study["factors"]["source"] = {
        "levels": ["person", "machine"],
        "vary": "within",
        "shows": {"person": {"en": "A person said this."}},
    }
    visitor = opened(lab, app, study).answer()
    said = 0
    for _ in range(3):
        said += "A person said this." in visitor.page.text
        visitor.answer()
    assert "Time for a break" in visitor.page.text
    assert visitor.form.radios == {}
    visitor.answer()
    for _ in range(3):
        said += "A person said this." in visitor.page.text
        visitor.answer()
    assert said == 3


def test_the_way_is_shown_before_somebody_is_placed(lab: Laboratory, app: Flask) -> None:
    covariates = {"rule": "minimisation", "covariates": [{"item": "used"}]}
    visitor = opened(lab, app, asked_first(assign=covariates))
    assert "page 1 of 9" in visitor.page.text
    assert "page 2 of 9" in visitor.answer().page.text


def test_a_researcher_looks_at_a_study_as_a_participant(lab: Laboratory, app: Flask) -> None:
    lab.open()
    from webapp import studies

    password = lab.researcher("ana@example.org")
    with lab.session() as session:
        studies.grant(session, "ana@example.org", "small", "viewer")
    visitor = Visitor(app)
    visitor.get("/login").send(email="ana@example.org", password=password)
    visitor.get("/admin/studies/small")
    (form,) = [each for each in visitor.page.forms if each.action.endswith("/preview")]
    visitor.post(form.action, form.sent)
    assert "page 1 of 10" in visitor.page.text
    assert person(lab, visitor.token).preview
    assert visitor.until("CODE-DONE")
    assert "finished 0" in visitor.get("/admin/studies/small").page.text
