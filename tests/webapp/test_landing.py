"""The consent page: reading it stores nothing, a yes or a no counts once, strangers get nowhere."""

from collections.abc import Callable
from typing import Any

import pytest
from browsing import Visitor
from flask import Flask
from lab import Laboratory, definition

from webapp import studies
from webapp.db import db
from webapp.models import Participant, Recruitment


def people(lab: Laboratory) -> list[tuple[str, str | None]]:
    return [(each.outcome, each.language) for each in lab.participants()]


def close(lab: Laboratory, slug: str = "small") -> None:
    with lab.session() as session:
        studies.close_study(session, slug)


def test_reading_the_page_writes_nothing(lab: Laboratory, visitor: Visitor) -> None:
    before = lab.everything()
    for query in ("", "?PROLIFIC_PID=5f3c", "?PROLIFIC_PID=", "?other=1", "?PROLIFIC_PID=a&x=b"):
        visitor.get(f"/s/small{query}")
        assert visitor.status == 200
    visitor.client.head("/s/small")
    assert lab.everything() == before
    assert "You can stop at any time." in visitor.page.text
    assert "Set-Cookie" not in visitor.response.headers


def test_a_yes_enrols_and_leads_to_the_first_page(lab: Laboratory, visitor: Visitor) -> None:
    visitor.enter(query="?PROLIFIC_PID=5f3c")
    assert visitor.status == 200
    assert "What you will see" in visitor.page.text
    assert people(lab) == [("active", "en")]
    with lab.session() as session:
        assert session.query(Recruitment).one().external_id == "5f3c"


def test_a_yes_sent_twice_is_one_person(lab: Laboratory, app: Flask, visitor: Visitor) -> None:
    visitor.get("/s/small?PROLIFIC_PID=5f3c")
    form = visitor.form
    for browser in (visitor, visitor, Visitor(app, cookies=False)):
        browser.post(form.action, form.sent | {"choice": "agree"})
        assert browser.status == 200
        assert "What you will see" in browser.page.text
    assert people(lab) == [("active", "en")]


def test_a_no_is_counted_and_thanked(lab: Laboratory, visitor: Visitor) -> None:
    visitor.get("/s/small?PROLIFIC_PID=5f3c")
    form = visitor.form
    for _ in range(2):
        visitor.post(form.action, form.sent | {"choice": "decline"})
        assert visitor.path == "/s/small/declined"
        assert "Thank you for your time" in visitor.page.text
        assert "CODE-NO" in visitor.page.text
    assert people(lab) == [("declined", None)]
    assert lab.count(Recruitment) == 0
    assert "Set-Cookie" not in visitor.response.headers


def test_who_said_no_can_go_back_and_say_yes(lab: Laboratory, visitor: Visitor) -> None:
    visitor.get("/s/small")
    form = visitor.form
    visitor.post(form.action, form.sent | {"choice": "decline"})
    visitor.post(form.action, form.sent | {"choice": "agree"})
    assert "What you will see" in visitor.page.text
    assert people(lab) == [("active", "en")]


def test_neither_yes_nor_no_asks_again(lab: Laboratory, visitor: Visitor) -> None:
    before = lab.everything()
    for choice in ({}, {"choice": ""}, {"choice": "maybe"}):
        visitor.get("/s/small").send(**choice)
        assert visitor.status == 422
        assert "Please choose one of the two buttons." in visitor.page.text
        assert visitor.form.action == "/s/small"
    assert lab.everything() == before


@pytest.mark.parametrize(
    "change",
    [
        {"seal": ""},
        {"seal": "0" * 64},
        {"seal": "\x00\U0001f600"},
        {"token": "0" * 32},
        {"token": ""},
        {"external_id": "somebody-else"},
    ],
)
@pytest.mark.parametrize("choice", ["agree", "decline"])
def test_a_form_that_this_server_did_not_make_is_asked_again(
    lab: Laboratory, visitor: Visitor, change: dict[str, str], choice: str
) -> None:
    before = lab.everything()
    visitor.get("/s/small?PROLIFIC_PID=5f3c").send(choice=choice, **change)
    assert visitor.status == 400
    assert "This page was out of date. Please choose once more." in visitor.page.text
    assert lab.everything() == before


def test_the_form_of_another_study_does_not_count(lab: Laboratory, visitor: Visitor) -> None:
    lab.open(definition() | {"slug": "other"})
    before = lab.everything()
    form = visitor.get("/s/other").form
    visitor.post("/s/small", form.sent | {"choice": "agree"})
    assert visitor.status == 400
    assert lab.everything() == before


def test_the_form_of_an_earlier_version_is_asked_again(lab: Laboratory, visitor: Visitor) -> None:
    form = visitor.get("/s/small").form
    lab.open(definition() | {"title": {"en": "Second"}})
    visitor.post(form.action, form.sent | {"choice": "agree"})
    assert visitor.status == 400
    assert "Second" in visitor.page.text
    visitor.send(choice="agree")
    assert visitor.status == 200
    assert people(lab) == [("active", "en")]


@pytest.mark.parametrize("method", ["get", "post"])
def test_an_unknown_study_is_a_404_that_says_so(visitor: Visitor, method: str) -> None:
    for slug in ("none", "SMALL", "x" * 3000, "..", "%00", "\u2603"):
        getattr(visitor, method)(f"/s/{slug}", **({"data": {}} if method == "post" else {}))
        assert visitor.status == 404, slug
        assert "check the link" in visitor.page.text


@pytest.mark.parametrize("state", ["closed", "draft"])
def test_a_study_that_is_not_open_says_so(lab: Laboratory, visitor: Visitor, state: str) -> None:
    form = visitor.get("/s/small").form
    slug = "small"
    if state == "closed":
        close(lab)
    else:
        lab.load(definition() | {"slug": "draft"})
        slug = "draft"
    before = lab.everything()
    visitor.get(f"/s/{slug}")
    assert visitor.status == 403
    assert "This study is closed" in visitor.page.text
    visitor.post(f"/s/{slug}", form.sent | {"choice": "agree"})
    assert visitor.status == 403
    assert lab.everything() == before


def test_a_refusal_can_be_read_after_the_study_closed(lab: Laboratory, visitor: Visitor) -> None:
    close(lab)
    assert visitor.get("/s/small/declined").status == 200
    assert visitor.get("/s/none/declined").status == 404


@pytest.mark.parametrize(
    "sent",
    ["{{%PROLIFIC_PID%}}", "%7B%7B%25PROLIFIC_PID%25%7D%7D", "a b", "a%00b", "x" * 129, "é", "<b>"],
)
def test_an_id_that_no_platform_gives_is_refused(
    lab: Laboratory, visitor: Visitor, sent: str
) -> None:
    before = lab.everything()
    visitor.get(f"/s/small?PROLIFIC_PID={sent}")
    assert visitor.status == 400
    assert "The link has no valid PROLIFIC_PID." in visitor.page.text
    assert lab.everything() == before


def test_an_id_takes_part_once(lab: Laboratory, app: Flask, visitor: Visitor) -> None:
    visitor.enter(query="?PROLIFIC_PID=5f3c")
    other = Visitor(app).enter(query="?PROLIFIC_PID=5f3c")
    assert other.status == 409
    assert "You are already taking part" in other.page.text
    assert visitor.token not in other.html
    assert lab.count(Participant) == 1


def test_a_study_without_recruitment_ignores_ids(lab: Laboratory, app: Flask) -> None:
    study = definition() | {"slug": "free"}
    del study["recruitment"]
    lab.open(study)
    for _ in range(2):
        assert Visitor(app).enter("free", "?PROLIFIC_PID=5f3c").status == 200
    assert lab.count(Recruitment) == 0
    assert lab.count(Participant) == 2


def test_somebody_who_comes_back_is_led_on(lab: Laboratory, visitor: Visitor) -> None:
    visitor.enter().answer()
    where = visitor.page.text
    token = visitor.token
    visitor.get("/s/small")
    assert "Somebody has begun this study in this browser." in visitor.page.text
    assert f"/p/{token}/" in visitor.page.links
    assert visitor.get(f"/p/{token}/").page.text == where
    assert lab.count(Participant) == 1


def test_a_second_person_at_the_same_browser_can_begin(lab: Laboratory, visitor: Visitor) -> None:
    first = visitor.enter().token
    visitor.get("/s/small").send(choice="agree")
    assert visitor.token != first
    assert lab.count(Participant) == 2


def test_a_tab_that_was_open_before_leads_to_the_one_enrolment(
    lab: Laboratory, visitor: Visitor
) -> None:
    stale = visitor.get("/s/small").form
    token = visitor.enter().token
    visitor.post(stale.action, stale.sent | {"choice": "agree"})
    assert visitor.token == token
    assert lab.count(Participant) == 1


def test_a_finished_participant_finds_the_code_again(visitor: Visitor) -> None:
    visitor.enter().until("CODE-DONE")
    token = visitor.token
    visitor.get("/s/small")
    assert "Somebody has begun" in visitor.page.text
    visitor.get(f"/p/{token}/")
    assert "CODE-DONE" in visitor.page.text


def test_the_cookie_of_another_study_is_not_followed(lab: Laboratory, visitor: Visitor) -> None:
    lab.open(definition() | {"slug": "other"})
    token = visitor.enter("other").token
    visitor.client.set_cookie("study-small", token, path="/s/small")
    visitor.get("/s/small")
    assert "Somebody has begun" not in visitor.page.text
    assert token not in visitor.html


def test_the_cookie_is_kept_from_scripts_and_other_sites(visitor: Visitor) -> None:
    visitor.get("/s/small")
    answer = visitor.client.post("/s/small", data=visitor.form.sent | {"choice": "agree"})
    assert answer.status_code == 303
    cookies = answer.headers.getlist("Set-Cookie")
    assert len(cookies) == 1
    for part in ("study-small=", "; HttpOnly", "; SameSite=Lax", "; Path=/s/small"):
        assert part in cookies[0]
    assert "; Secure" not in cookies[0]


def test_the_cookie_is_secure_over_https(app: Flask, opened: int) -> None:
    client = app.test_client()
    page = Visitor(app)
    page.get("/s/small", base_url="https://localhost")
    answer = client.post(
        "/s/small", data=page.form.sent | {"choice": "agree"}, base_url="https://localhost"
    )
    assert "; Secure" in answer.headers["Set-Cookie"]
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")


@pytest.mark.parametrize(
    ("header", "language"),
    [("de", "de"), ("de-AT,de;q=0.9", "de"), ("fr", "en"), ("", "en"), ("\x01;;q=x", "en")],
)
def test_the_browsers_language_decides(
    lab: Laboratory, visitor: Visitor, header: str, language: str
) -> None:
    headers = {"Accept-Language": header} if header.isprintable() else {}
    visitor.get("/s/small", headers=headers)
    title = {"de": "Eine kleine Studie", "en": "A small study"}[language]
    assert f"<h1>{title}</h1>" in visitor.html
    assert f'<html lang="{language}" dir="ltr">' in visitor.html
    visitor.post("/s/small", visitor.form.sent | {"choice": "agree"}, headers=headers)
    assert people(lab) == [("active", language)]


@pytest.mark.parametrize("path", ["/s/small", "/p/{token}/2"])
def test_a_form_on_another_site_is_refused(lab: Laboratory, visitor: Visitor, path: str) -> None:
    token = visitor.enter().token
    before = lab.everything()
    form = visitor.form
    visitor.post(
        path.format(token=token),
        form.sent | {"choice": "agree"},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert visitor.status == 403
    assert "sent from another site" in visitor.page.text
    assert lab.everything() == before


@pytest.mark.parametrize("path", ["/s/small", "/s/none", "/p/x/", "/s/small/declined"])
def test_participants_pages_leak_nothing_to_other_sites(visitor: Visitor, path: str) -> None:
    visitor.get(path)
    headers = visitor.response.headers
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_what_a_study_says_cannot_run_in_the_page(lab: Laboratory, app: Flask) -> None:
    evil = "</title><script>alert(1)</script>"
    study = definition() | {"slug": "evil", "title": {"en": evil}}
    study["items"]["trust"]["text"] = {"en": evil}
    study["items"]["trust"]["labels"] = {1: {"en": evil}}
    study["items"]["used"]["choices"][0]["text"] = {"en": evil}
    lab.open(study)
    visitor = Visitor(app).get("/s/evil")
    pages = [visitor.html, visitor.enter("evil").html]
    while "CODE-DONE" not in visitor.html:
        pages.append(visitor.answer().html)
    assert all("<script>" not in page for page in pages)
    assert sum("&lt;script&gt;" in page for page in pages) == len(pages)


def test_a_database_without_tables_is_an_error_page(make_app: Callable[..., Any]) -> None:
    app = make_app(DATABASE_URL="sqlite:///:memory:")
    answer = app.test_client().get("/s/small")
    assert answer.status_code == 500
    assert "Something went wrong on our side" in answer.get_data(as_text=True)
    with app.app_context():
        db.engine.dispose()
