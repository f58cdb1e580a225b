"""Withdrawal: at any page and after the end, the answers are deleted and only the count stays."""

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from browsing import Visitor
from flask import Flask
from lab import Laboratory, both, definition
from sqlalchemy import select

from webapp import withdrawal
from webapp.models import Event, Participant, Recruitment, Response, Step
from webapp.observed import Happened, Observed
from webapp.participation import AlreadySubmitted, NotCurrent, submit

LEFT = "You have withdrawn from this study"
OWN = (Response, Event, Step, Recruitment)


def outcomes(lab: Laboratory) -> list[str]:
    return [each.outcome for each in lab.participants()]


def leave(visitor: Visitor) -> Visitor:
    """Follow the link on the page and press the button."""
    (link,) = [each for each in visitor.page.links if each.endswith("/withdraw")]
    visitor.get(link)
    return visitor.send()


@both
@pytest.mark.parametrize("pages", [0, 1, 3, 9])
def test_at_any_page_all_answers_are_deleted(
    lab: Laboratory, app: Flask, opened: int, pages: int
) -> None:
    visitor = Visitor(app).enter(query="?PROLIFIC_PID=5f3c")
    for _ in range(pages):
        visitor.answer()
    assert all(lab.count(table) for table in (Step, Recruitment))
    leave(visitor)
    assert LEFT in visitor.page.text
    assert [lab.count(table) for table in OWN] == [0, 0, 0, 0]
    (left,) = lab.participants()
    kept = (left.cell, left.form, left.language, left.enrolled_at, left.completed_at)
    assert (left.outcome, kept) == ("withdrawn", (None, None, None, None, None))
    assert left.pseudonym in visitor.page.text


def test_every_page_has_the_way_out(visitor: Visitor) -> None:
    visitor.enter()
    way_out = f"/p/{visitor.token}/withdraw"
    while "page 10 of 10" not in visitor.page.text:
        assert visitor.page.links.count(way_out) == 1
        visitor.answer()
    assert visitor.page.links.count(way_out) == 1
    assert f"http://localhost{way_out}" in visitor.page.text


def test_reading_the_page_that_asks_changes_nothing(lab: Laboratory, visitor: Visitor) -> None:
    """As a link preview, a virus scanner or a browser that fetches ahead does."""
    visitor.enter().answer().answer()
    before, token = lab.everything(), visitor.token
    for method in ("get", "head"):
        getattr(visitor.client, method)(f"/p/{token}/withdraw")
    visitor.get(f"/p/{token}/withdrawn")
    assert "page 3 of 10" in visitor.page.text
    assert lab.everything() == before
    assert outcomes(lab) == ["active"]


def test_who_thinks_better_of_it_goes_on(visitor: Visitor) -> None:
    visitor.enter().answer()
    where, token = visitor.page.text, visitor.token
    visitor.get(f"/p/{token}/withdraw")
    assert f"/p/{token}/" in visitor.page.links
    assert visitor.get(f"/p/{token}/").page.text == where


def test_a_second_press_and_every_old_page_lead_to_the_same_end(
    lab: Laboratory, app: Flask, visitor: Visitor
) -> None:
    visitor.get("/s/small")
    landing = visitor.form
    visitor.send(choice="agree").answer()
    page, token = visitor.form, visitor.token
    visitor.get(f"/p/{token}/withdraw")
    asked = visitor.form
    visitor.send()
    after = lab.everything()
    for form, sent in (
        (asked, asked.sent),
        (page, page.sent | {"item-trust": "4"}),
        (landing, landing.sent | {"choice": "agree"}),
        (landing, landing.sent | {"choice": "decline"}),
    ):
        assert LEFT in Visitor(app).post(form.action, sent).page.text
    for path in ("", "3", "withdraw", "withdrawn"):
        assert LEFT in visitor.get(f"/p/{token}/{path}").page.text
    assert lab.everything() == after
    assert outcomes(lab) == ["withdrawn"]


def test_a_new_start_after_it_is_another_participant(lab: Laboratory, visitor: Visitor) -> None:
    leave(visitor.enter(query="?PROLIFIC_PID=5f3c"))
    visitor.get("/s/small?PROLIFIC_PID=5f3c")
    assert "Somebody has begun" not in visitor.page.text
    visitor.send(choice="agree")
    assert outcomes(lab) == ["withdrawn", "active"]


@pytest.mark.parametrize("seal", ["", "0" * 64, None])
def test_without_its_seal_the_form_deletes_nothing(
    lab: Laboratory, visitor: Visitor, seal: str | None
) -> None:
    visitor.enter().answer().answer()
    path, before = f"/p/{visitor.token}/withdraw", lab.everything()
    # The seal of a step is none for this.
    given = visitor.form.sent["seal"] if seal is None else seal
    visitor.post(path, {"seal": given})
    assert visitor.status == 400
    assert "Nothing was deleted yet" in visitor.page.text
    assert lab.everything() == before
    assert LEFT in visitor.send().page.text


@pytest.mark.parametrize("path", ["withdraw", "withdrawn"])
def test_strangers_find_no_page(visitor: Visitor, path: str) -> None:
    for token in ("0" * 32, "x", "%00", "é"):
        assert visitor.get(f"/p/{token}/{path}").status == 404
        assert visitor.post(f"/p/{token}/withdraw", {"seal": "x"}).status == 404


def test_a_study_says_what_to_take_back(lab: Laboratory, app: Flask) -> None:
    study = definition() | {"slug": "away"}
    study["recruitment"]["outcomes"]["withdrawn"] = {"code": "CODE-AWAY"}
    lab.open(study)
    visitor = leave(Visitor(app).enter("away"))
    assert "CODE-AWAY" in visitor.page.text
    assert "CODE-DONE" not in visitor.html


@both
def test_an_answer_on_its_way_is_deleted_too(lab: Laboratory, opened: int) -> None:
    """Whoever comes first: nothing of the page is left, and nobody sees an error."""
    for _ in range(5):
        token = lab.enrol(opened)
        lab.submit(token, {})
        step = lab.current(token)

        def answer(step: Step = step) -> None:
            seen = Observed(None, "", [Happened(0, "shown", 0)])
            with lab.session() as session, suppress(AlreadySubmitted, NotCurrent):
                submit(session, step.id, lab.usual_answers(step), seen)

        def go(token: str = token) -> None:
            with lab.session() as session:
                withdrawal.withdraw(session, token)

        with ThreadPoolExecutor(3) as pool:
            for each in [pool.submit(work) for work in (answer, go, go)]:
                each.result()
    assert [lab.count(table) for table in OWN] == [0, 0, 0, 0]
    assert set(outcomes(lab)) == {"withdrawn"}


def test_what_was_shown_is_gone_from_the_file_that_is_exported(
    lab: Laboratory, visitor: Visitor, tmp_path: Path
) -> None:
    from webapp import export
    from webapp.models import StudyVersion

    visitor.enter().until("Anything else?").answer(comment="my secret comment")
    leave(visitor)
    with lab.session() as session:
        version = session.scalars(select(StudyVersion)).one()
        export.write(session, version, lab.store, tmp_path / "bundle")
    text = "".join(file.read_text() for file in (tmp_path / "bundle" / "data").iterdir())
    assert "my secret comment" not in text
    assert len(re.findall(r",withdrawn,", text)) == 1


def test_the_log_says_that_but_not_who(
    visitor: Visitor, lab: Laboratory, caplog: pytest.LogCaptureFixture
) -> None:
    token = visitor.enter().token
    leave(visitor)
    assert "participant withdrew" in caplog.text
    assert token not in caplog.text
    assert lab.count(Participant) == 1
