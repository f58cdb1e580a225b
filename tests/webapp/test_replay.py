"""A replay shows a participant's page as it was, filled in and read-only, and what happened."""

import json
import re
from typing import Any

import pytest
from browsing import Visitor
from flask import Flask
from lab import PASSWORD, Laboratory, both, definition, questions_only
from sqlalchemy import select, update

from webapp import replay, studies
from webapp.forms import StepForm
from webapp.models import Participant, Response, Step
from webapp.participate.page import items

EMAIL = "viewer@example.org"
VIEW = "0123456789abcdef"
EVERY_KIND: dict[str, dict[str, Any]] = {
    "likert": {"kind": "likert", "min": -3, "max": 3},
    "pair": {
        "kind": "semantic_differential",
        "min": 1,
        "max": 7,
        "left": {"en": "cold"},
        "right": {"en": "warm"},
    },
    "line": {"kind": "slider", "min": 0, "max": 1, "step": 0.1},
    "yes": {"kind": "yes_no", "may_refuse": True},
    "several": {"kind": "multiple", "choices": ["a", "b", "c"]},
    "order": {"kind": "ranking", "choices": ["a", "b", "c"]},
    "grid": {"kind": "matrix", "min": 1, "max": 5, "may_refuse": True, "rows": ["r1", "r2"]},
    "count": {"kind": "number", "min": 0, "may_refuse": True},
    "day": {"kind": "date"},
    "words": {"kind": "text"},
    "sure": {"kind": "confidence"},
    "empty": {"kind": "number", "required": False},
}
SENT = {
    "item-likert": "-2",
    "item-pair": "6",
    "item-line": "0.3",
    "item-yes": "?",
    "item-several": ["a", "c"],
    "item-order.a": "3",
    "item-order.b": "1",
    "item-order.c": "2",
    "item-grid.r1": "4",
    "item-grid.r2": "?",
    "item-count.?": "?",
    "item-day": "2026-11-24",
    "item-words": 'two\nlines "quoted" <b>',
    "item-sure": "80",
}


def as_researcher(lab: Laboratory, app: Flask, slug: str = "small") -> Visitor:
    """Log in with a role on a study."""
    lab.researcher(EMAIL)
    with lab.session() as session:
        studies.grant(session, EMAIL, slug, "viewer")
    visitor = Visitor(app).get("/login")
    return visitor.send(email=EMAIL, password=PASSWORD)


def who(lab: Laboratory) -> str:
    return lab.participants()[0].pseudonym


def every_kind() -> dict[str, Any]:
    study = questions_only() | {"slug": "kinds"}
    for name, item in EVERY_KIND.items():
        whole: dict[str, Any] = {"text": {"en": f"About {name}?"}, **item}
        if "choices" in item:
            whole["choices"] = [{"value": v, "text": {"en": v}} for v in item["choices"]]
        if "rows" in item:
            whole["rows"] = [{"id": row, "text": {"en": row}} for row in item["rows"]]
        study["items"][name] = whole
    study["flow"][1] = {"step": "questionnaire", "items": list(EVERY_KIND)}
    return study


@both
def test_the_form_that_is_shown_again_gives_the_same_answers(lab: Laboratory, app: Flask) -> None:
    """Reading what a replay fills in is the inverse of storing, for every kind of item."""
    lab.open(every_kind())
    visitor = Visitor(app).enter("kinds")
    visitor.send(**SENT)
    assert "complete and stored" in visitor.page.text
    with lab.session() as session, app.test_request_context():
        (step,) = session.scalars(select(Step).where(Step.kind == "questionnaire"))
        asked = items(step.participant, step)
        form = StepForm(asked, "en", replay.sent(asked, step.responses))
        assert form.validate(), [field.bound.errors for field in form.wrong]
        stored = {
            each.item_id: (each.number, each.text, each.json, each.missing_reason)
            for each in step.responses
        }
        again = {
            name: (each.number, each.text, each.json, each.missing_reason)
            for name, each in form.answers().items()
        }
    assert again == stored
    assert len(stored) == len(EVERY_KIND) + 1
    assert stored["grid.r2"][3] == stored["count"][3] == stored["yes"][3] == "refused"


def test_a_trial_is_drawn_as_it_was_with_its_answers_and_events(
    lab: Laboratory, app: Flask, visitor: Visitor
) -> None:
    visitor.enter().answer()
    shown = re.search(r'<div class="stimulus">.*?<fieldset', visitor.html, re.DOTALL)
    events = [["shown", 0, ""], ["input", 1250, "trust"], ["submit", 2000, ""]]
    visitor.send(**{"item-trust": "6", "view": VIEW, "events": json.dumps(events)})
    before = lab.everything()
    researcher = as_researcher(lab, app)
    stored = lab.everything()
    researcher.get(f"/admin/studies/small/participants/{who(lab)}")
    assert "Step 3" in researcher.page.text
    (link,) = [each for each in researcher.page.links if each.endswith("/3/1")]
    researcher.get(link)
    assert researcher.status == 200
    assert "drawn exactly as it was shown" in researcher.page.text
    assert shown is not None
    assert shown[0] in researcher.html
    assert "<fieldset disabled>" in researcher.html
    assert researcher.html.count('value="6" id="item-trust-6" checked') == 1
    assert "1.25 answered trust" in researcher.page.text
    assert "page.js" not in researcher.html
    assert visitor.token not in researcher.html
    assert lab.everything() == stored
    assert {name: stored[name] for name in ("step", "response", "event")} == {
        name: before[name] for name in ("step", "response", "event")
    }


def test_a_picture_that_changed_since_is_said(
    lab: Laboratory, app: Flask, visitor: Visitor
) -> None:
    visitor.enter().answer()
    with lab.session() as session:
        session.execute(update(Step).where(Step.position == 3).values(rendered_sha256="0" * 64))
        session.commit()
    researcher = as_researcher(lab, app)
    researcher.get(f"/admin/studies/small/participants/{who(lab)}/3/1")
    assert "The stimulus is not drawn as it was shown" in researcher.page.text
    assert "shown but not sent" in researcher.page.text


def test_every_page_that_was_shown_can_be_replayed(
    lab: Laboratory, app: Flask, visitor: Visitor
) -> None:
    visitor.enter().until("CODE-DONE")
    researcher = as_researcher(lab, app)
    researcher.get(f"/admin/studies/small/participants/{who(lab)}")
    pages = [each for each in researcher.page.links if re.search(r"/\d+/1$", each)]
    assert len(pages) == 10
    for page in pages:
        assert researcher.get(page).status == 200
        assert researcher.page.tags.count("h1") == 1
        assert "not drawn as it was" not in researcher.page.text


def test_who_withdrew_has_no_page(lab: Laboratory, app: Flask, visitor: Visitor) -> None:
    visitor.enter().answer()
    visitor.get(f"/p/{visitor.token}/withdraw").send()
    researcher = as_researcher(lab, app)
    researcher.get(f"/admin/studies/small/participants/{who(lab)}")
    assert "has seen no page, or has withdrawn" in researcher.page.text
    researcher.get(f"/admin/studies/small/participants/{who(lab)}/3/1")
    assert researcher.status == 404


@pytest.mark.parametrize(
    "path", ["p0", "{who}/0/1", "{who}/1/1", "{who}/99/1", "{who}/4/1", "{who}/3/2", "%00", "é/3/1"]
)
def test_what_was_never_shown_is_not_found(
    lab: Laboratory, app: Flask, visitor: Visitor, path: str
) -> None:
    visitor.enter().answer()
    researcher = as_researcher(lab, app)
    researcher.get(f"/admin/studies/small/participants/{path.format(who=who(lab))}")
    assert researcher.status == 404


def test_only_researchers_of_the_study_see_it(
    lab: Laboratory, app: Flask, visitor: Visitor
) -> None:
    visitor.enter().answer()
    lab.open(definition() | {"slug": "other"})
    paths = [f"participants/{who(lab)}", f"participants/{who(lab)}/3/1"]
    for path in paths:
        visitor.get(f"/admin/studies/small/{path}")
        assert "log in" in visitor.page.text.lower()
    researcher = as_researcher(lab, app, "other")
    for path in paths:
        for slug in ("small", "other"):
            assert researcher.get(f"/admin/studies/{slug}/{path}").status == 404


def test_the_study_page_leads_to_each_participant(
    lab: Laboratory, app: Flask, visitor: Visitor
) -> None:
    visitor.enter().answer()
    researcher = as_researcher(lab, app).get("/admin/studies/small")
    assert f"/admin/studies/small/participants/{who(lab)}" in researcher.page.links
    assert lab.count(Participant) == 1
    assert lab.count(Response) == 0
