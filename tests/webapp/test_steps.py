"""A participant's pages: only forward, nothing lost, nothing twice, whatever the browser does."""

import hashlib
import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from browsing import Page, Visitor
from flask import Flask
from lab import Laboratory, both, definition
from sqlalchemy import select, text

from webapp import studies
from webapp.models import Event, Participant, Response, Step

OUT_OF_DATE = "This page was out of date."


def steps(lab: Laboratory) -> list[Step]:
    (participant,) = lab.participants()
    return participant.steps


def answers(lab: Laboratory) -> dict[tuple[int, str], float | str | None]:
    with lab.session() as session:
        rows = session.execute(
            select(Step.position, Response.item_id, Response.number, Response.text).join(Step)
        )
        return {(at, item): text if number is None else number for at, item, number, text in rows}


@both
def test_a_whole_way_without_javascript_or_cookies(
    lab: Laboratory, app: Flask, opened: int
) -> None:
    visitor = Visitor(app, cookies=False).enter(query="?PROLIFIC_PID=5f3c")
    titles = []
    for number in range(1, 10):
        assert visitor.status == 200
        titles.append(visitor.page.text)
        assert f"page {number} of 10" in visitor.page.text
        visitor.answer(trust="6", comment="Fine, thank you.", years="2,5")
    assert "page 10 of 10" in visitor.page.text
    assert "CODE-DONE" in visitor.page.text
    (participant,) = lab.participants()
    assert participant.outcome == "complete"
    stored = answers(lab)
    assert [stored[position, "trust"] for position in range(3, 9)] == [6.0] * 6
    assert stored[10, "comment"] == "Fine, thank you."
    assert stored[10, "years"] == 2.5
    assert stored[10, "used"] == "always"
    assert len(stored) == 6 * 2 + 8 + 3


def test_the_code_stands_on_no_page_but_the_last(visitor: Visitor) -> None:
    visitor.enter()
    while "page 10 of 10" not in visitor.page.text:
        assert "CODE-DONE" not in visitor.html
        visitor.answer()
    assert "CODE-DONE" in visitor.html


def test_reload_and_a_closed_laptop_resume_at_the_same_page(visitor: Visitor, app: Flask) -> None:
    visitor.enter().answer().answer(trust="2")
    where, address = visitor.page.text, f"/p/{visitor.token}/"
    assert visitor.get(address).page.text == where
    assert Visitor(app).get(address).page.text == where


def test_a_page_sent_twice_keeps_the_first_answers(lab: Laboratory, visitor: Visitor) -> None:
    visitor.enter().answer()
    form = visitor.form
    sent = form.sent | {"item-trust": "5", "item-sure": "1"}
    visitor.post(form.action, sent)
    after = lab.everything()
    where = visitor.page.text
    visitor.post(form.action, sent | {"item-trust": "1"})
    assert visitor.status == 200
    assert visitor.page.text == where
    assert lab.everything() == after
    assert answers(lab) == {(3, "trust"): 5.0, (3, "sure"): 1.0}


def test_even_a_wrong_page_sent_again_only_leads_on(lab: Laboratory, visitor: Visitor) -> None:
    visitor.enter().answer()
    form = visitor.form
    visitor.answer(trust="5")
    after = lab.everything()
    visitor.post(form.action, {"seal": "wrong", "item-trust": "99"})
    assert visitor.status == 200
    assert lab.everything() == after


@both
def test_a_double_click_stores_one_set(lab: Laboratory, app: Flask, opened: int) -> None:
    visitor = Visitor(app).enter().answer()
    form, clients = visitor.form, [app.test_client() for _ in range(6)]

    def click(number: int) -> int:
        sent = form.sent | {"item-trust": str(number + 1)}
        return clients[number].post(form.action, data=sent).status_code

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(click, range(6))) == {303}
    assert lab.count(Response) == 2
    assert lab.current(visitor.token).position == 4


def test_a_later_page_cannot_be_seen_or_sent(lab: Laboratory, visitor: Visitor) -> None:
    """Neither with a seal of one's own page nor without one, and least of all the last page."""
    visitor.enter()
    token, seal = visitor.token, visitor.form.sent["seal"]
    before, where = lab.everything(), visitor.page.text
    for position in (*range(3, 12), 99, 10**30):
        for sent in ({}, {"seal": seal}, {"seal": seal, "item-trust": "3", "item-used": "never"}):
            visitor.post(f"/p/{token}/{position}", sent)
            assert visitor.status == 200
            assert visitor.page.text == where
            assert "CODE-DONE" not in visitor.html
    assert lab.everything() == before
    assert all(step.shown_at is None for step in steps(lab)[3:])


def test_a_page_that_is_out_of_date_keeps_its_answers(lab: Laboratory, visitor: Visitor) -> None:
    """The secret key may change while a page is open."""
    visitor.enter().answer()
    before = lab.everything()
    visitor.send(**{"item-trust": "6", "seal": "0" * 64})
    assert visitor.status == 400
    assert OUT_OF_DATE in visitor.page.text
    assert visitor.form.sent["item-trust"] == "6"
    assert lab.everything() == before
    visitor.send()
    assert answers(lab)[3, "trust"] == 6.0


def test_wrong_answers_are_said_and_the_others_stay(lab: Laboratory, visitor: Visitor) -> None:
    visitor.enter().until("Years of experience?")
    before = lab.everything()
    long = "x\n" * 150
    visitor.send(**{"item-years": "many", "item-comment": long})
    assert visitor.status == 422
    assert lab.everything() == before
    page = visitor.page.text
    assert "Did you use the drawing? Choose one of the answers." in page
    assert "Years of experience? Write a number in digits, such as 12." in page
    assert "Anything else? The text has 300 characters; shorten it to 200 or fewer." in page
    assert "<title>Please check: A small study" in visitor.html
    assert visitor.form.sent["item-years"] == "many"
    assert visitor.form.sent["item-comment"] == long
    # Every message leads to its field.
    for link in visitor.page.links:
        assert not link.startswith("#item") or link[1:] in visitor.page.ids
    visitor.send(**{"item-used": "never", "item-years": "3", "item-comment": "short"})
    assert visitor.status == 200
    assert answers(lab)[10, "comment"] == "short"


def test_what_was_typed_comes_back_as_text(visitor: Visitor) -> None:
    visitor.enter().until("Years of experience?")
    typed = '\n"><script>alert(1)</script></textarea><b>'
    visitor.send(**{"item-years": typed, "item-comment": typed})
    assert visitor.status == 422
    assert "<script>alert" not in visitor.html
    assert visitor.form.sent["item-comment"] == typed
    assert visitor.form.sent["item-years"] == typed


def test_a_text_of_two_megabytes_comes_back_with_a_message(
    lab: Laboratory, visitor: Visitor
) -> None:
    visitor.enter().until("Years of experience?")
    visitor.send(**{"item-used": "never", "item-comment": "x" * 2_000_000})
    assert visitor.status == 422
    assert "The text has 2,000,000 characters; shorten it to 200 or fewer." in visitor.page.text
    assert visitor.form.sent["item-comment"] == "x" * 2_000_000
    assert visitor.form.sent["item-used"] == "never"


def test_more_than_twenty_megabytes_are_refused_whole(lab: Laboratory, visitor: Visitor) -> None:
    visitor.enter().until("Years of experience?")
    before = lab.everything()
    address = f"/p/{visitor.token}/"
    visitor.send(**{"item-comment": "x" * (20 * 2**20 + 1)})
    assert visitor.status == 413
    assert "larger than 20 MB" in visitor.page.text
    assert lab.everything() == before
    assert visitor.get(address).answer(comment="short").status == 200
    assert answers(lab)[10, "comment"] == "short"


@pytest.mark.parametrize(
    "token",
    ["0" * 32, "x", "%00", "é", "' OR 1=1 --", "A" * 5000],
)
def test_a_link_of_nobody_is_a_404(lab: Laboratory, visitor: Visitor, token: str) -> None:
    visitor.enter()
    before = lab.everything()
    for path in (f"/p/{token}/", f"/p/{token}/2"):
        assert visitor.client.post(f"/p/{token}/2", data={}).status_code == 404
        assert visitor.get(path).status == 404
        assert "check that" in visitor.page.text
    assert lab.everything() == before


def test_the_link_of_a_refusal_is_a_404(visitor: Visitor) -> None:
    visitor.get("/s/small")
    token = visitor.form.sent["token"]
    visitor.send(choice="decline")
    assert visitor.get(f"/p/{token}/").status == 404


def test_the_seal_of_somebody_else_does_not_count(
    lab: Laboratory, app: Flask, visitor: Visitor
) -> None:
    visitor.enter().answer()
    other = Visitor(app).enter().answer()
    visitor.send(**{"item-trust": "6", "seal": other.form.sent["seal"]})
    assert visitor.status == 400
    assert lab.count(Response) == 0


def test_a_page_with_messages_opened_anew_leads_to_the_current_step(visitor: Visitor) -> None:
    visitor.enter().answer().send()
    assert visitor.status == 422
    address = visitor.path
    assert visitor.get(address).status == 200
    assert visitor.path == f"/p/{visitor.token}/"


def test_who_began_can_finish_after_the_study_closed(lab: Laboratory, visitor: Visitor) -> None:
    visitor.enter().answer()
    with lab.session() as session:
        studies.close_study(session, "small")
    visitor.until("CODE-DONE")
    assert lab.participants()[0].outcome == "complete"


def test_who_began_an_earlier_version_finishes_it(lab: Laboratory, visitor: Visitor) -> None:
    visitor.enter().answer()
    changed = definition()
    changed["title"] = {"en": "Second"}
    changed["items"]["trust"]["text"] = {"en": "Another question"}
    lab.open(changed)
    visitor.get(f"/p/{visitor.token}/")
    assert "I would rely on this answer." in visitor.page.text
    visitor.until("CODE-DONE")


def test_the_end_can_be_read_again(lab: Laboratory, visitor: Visitor) -> None:
    visitor.enter().until("CODE-DONE")
    after = lab.everything()
    assert "CODE-DONE" in visitor.get(f"/p/{visitor.token}/").html
    assert visitor.page.forms == []
    for position in (2, 10, 11):
        visitor.post(f"/p/{visitor.token}/{position}", {})
        assert "CODE-DONE" in visitor.html
    assert lab.everything() == after


def test_opening_a_page_keeps_when_and_what_was_shown(lab: Laboratory, visitor: Visitor) -> None:
    visitor.enter()
    assert [step.shown_at is None for step in steps(lab)] == [False] * 3 + [True] * 9
    visitor.answer()
    first = steps(lab)[3]
    stimulus = re.search(r'<div class="stimulus">.*?</details>\s*</div>', visitor.html, re.S)
    assert stimulus is not None
    assert first.rendered_sha256 == hashlib.sha256(stimulus[0].encode()).hexdigest()
    visitor.get(f"/p/{visitor.token}/")
    assert (steps(lab)[3].shown_at, steps(lab)[3].rendered_sha256) == (
        first.shown_at,
        first.rendered_sha256,
    )


def test_asking_for_headers_alone_shows_nothing(lab: Laboratory, visitor: Visitor) -> None:
    visitor.enter()
    with lab.session() as session:
        session.execute(text("UPDATE step SET shown_at = NULL"))
        session.commit()
    visitor.client.head(f"/p/{visitor.token}/")
    assert all(step.shown_at is None for step in steps(lab))


@both
def test_what_the_browser_says_is_kept(lab: Laboratory, app: Flask, opened: int) -> None:
    visitor = Visitor(app).enter().answer()
    longest = 24 * 24 * 3600 * 1000
    events = [["shown", 0, ""], ["input", 700, "trust"], ["submit", longest, ""], ["evil", 1, ""]]
    visitor.send(**{"item-trust": "4", "events": json.dumps(events), "viewport": "360x640"})
    assert visitor.status == 200
    with lab.session() as session:
        found = session.execute(select(Event.kind, Event.at_ms).order_by(Event.id)).all()
        assert found == [("shown", 0), ("input", 700), ("submit", longest)]
        response = session.scalars(select(Response).where(Response.item_id == "trust")).one()
        assert response.answered_after_ms == 700
    assert steps(lab)[3].viewport == "360x640"


@both
@pytest.mark.parametrize("junk", ["[", '[["shown", 9e99, ""]]', "\x00", "[" * 10_000, "x" * 30_000])
def test_junk_from_the_browser_never_costs_an_answer(
    lab: Laboratory, app: Flask, opened: int, junk: str
) -> None:
    visitor = Visitor(app).enter().answer()
    visitor.send(**{"item-trust": "4", "events": junk, "viewport": junk, "more": junk})
    assert visitor.status == 200
    assert answers(lab) == {(3, "trust"): 4.0, (3, "sure"): None}
    assert lab.count(Event) == 0


def test_no_page_gives_away_what_is_studied(lab: Laboratory, visitor: Visitor) -> None:
    """Conditions, methods, truth and digests stay on the server; only pixels differ."""
    made = lab.ready[1]
    digests = [
        *made.stimuli["digits"],
        *(d for e in made.explanations.values() for d in e.values()),
    ]
    visitor.enter().answer()
    shapes: dict[str, set[tuple[str, ...]]] = {}
    for step in steps(lab)[3:9]:
        html = re.sub(r"data:image/png;base64,[\w+/=]+", "PNG", visitor.html)
        html = html.replace(visitor.token, "TOKEN")
        for word in ("shap", "mismatch", "condition", "control", "right answer", "truth"):
            assert word not in html.lower(), word
        assert not any(digest[:12] in html for digest in digests)
        assert f'"{step.condition}"' not in html
        shapes.setdefault(step.condition, set()).add(tuple(Page(html).tags))
        visitor.answer()
    assert len(shapes) == 3
    assert shapes["explanation=shap"] == shapes["explanation=mismatched"]
    assert len(shapes["explanation=shap"]) == 1
    assert shapes["explanation=shap"].isdisjoint(shapes["explanation=none"])


def test_pages_load_nothing_from_elsewhere(visitor: Visitor) -> None:
    visitor.get("/s/small")
    pages = [visitor.html, visitor.enter().html]
    while "CODE-DONE" not in visitor.html:
        pages.append(visitor.answer().html)
    for html in pages:
        for address in re.findall(r'(?:src|href|action)="([^"]*)"', html):
            assert address.startswith(("/", "#", "data:image/png;base64,"))
        assert not re.search(r"<script(?! type=\"module\" src=)|\son\w+=|style=", html)


def test_links_are_stored_nowhere_and_logged_nowhere(
    lab: Laboratory, visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    visitor.enter().until("CODE-DONE")
    assert visitor.token not in caplog.text
    assert "step submitted position=3 items=2" in caplog.text
    file = lab.engine.url.database
    assert file is not None
    with lab.session() as session:
        session.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    with open(file, "rb") as stored:
        assert visitor.token.encode() not in stored.read()
    assert lab.count(Participant) == 1


def test_a_page_that_a_browser_fetches_ahead_is_not_shown_yet(lab: Laboratory) -> None:
    token = lab.enrol(lab.open())
    client = lab.app.test_client()
    for purpose, shown in (("prefetch;prerender", False), ("", True)):
        assert client.get(f"/p/{token}/", headers={"Sec-Purpose": purpose}).status_code == 200
        assert (lab.current(token).shown_at is not None) == shown
