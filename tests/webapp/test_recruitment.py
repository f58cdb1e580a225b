"""Where participants come from: ids in links, previews, and the way back from every end."""

from typing import Any

import pytest
from browsing import Visitor
from flask import Flask
from lab import Laboratory, questions_only
from pydantic import ValidationError
from sqlalchemy import select, update

from webapp.definition import RecruitmentSite
from webapp.definition.recruitment import WayBack
from webapp.models import Participant, Recruitment

PROLIFIC = "https://app.prolific.com/submissions/complete?cc="
SONA = (
    "https://school.sona-systems.com/webstudy_credit.aspx"
    "?experiment_id=123&credit_token=4e48&survey_code="
)


def site(**given: Any) -> RecruitmentSite:
    return RecruitmentSite.model_validate(given)


def opened(lab: Laboratory, **given: Any) -> None:
    """Open a study of one page, `short`, with this recruitment."""
    lab.open(questions_only() | {"slug": "short", "recruitment": given})


@pytest.mark.parametrize(
    ("given", "parameter", "required"),
    [
        ({}, None, False),
        ({"id_parameter": "code"}, "code", False),
        ({"platform": "prolific"}, "PROLIFIC_PID", True),
        ({"platform": "mturk"}, "workerId", False),
        ({"platform": "sona"}, "id", True),
        ({"platform": "sona", "id_parameter": "r"}, "r", True),
    ],
)
def test_a_platform_knows_its_parameter(
    given: dict[str, Any], parameter: str | None, required: bool
) -> None:
    assert (site(**given).parameter, site(**given).id_required) == (parameter, required)


@pytest.mark.parametrize(
    ("given", "outcome", "external_id", "expected"),
    [
        # docs.prolific.com: a completion link is the code on this address.
        (
            {"platform": "prolific", "outcomes": {"complete": {"code": "C1A2"}}},
            "complete",
            "5f",
            WayBack("C1A2", PROLIFIC + "C1A2", "Prolific"),
        ),
        # sona-systems.com, External Study Credit Granting: the client-side completion URL.
        (
            {"platform": "sona", "outcomes": {"complete": {"redirect": SONA + "{id}"}}},
            "complete",
            "24680",
            WayBack(None, SONA + "24680", "SONA"),
        ),
        (
            {"platform": "sona", "outcomes": {"complete": {"redirect": SONA + "{id}"}}},
            "complete",
            "a&b=c",
            WayBack(None, SONA + "a%26b%3Dc", "SONA"),
        ),
        (
            {"platform": "mturk", "outcomes": {"timed_out": {"code": "LATE"}}},
            "timed_out",
            "A1",
            WayBack("LATE", None, "Mechanical Turk"),
        ),
        (
            {
                "id_parameter": "r",
                "outcomes": {"declined": {"code": "N", "redirect": "https://x.org/{id}"}},
            },
            "declined",
            None,
            WayBack("N", None, None),
        ),
        ({"platform": "prolific"}, "complete", "5f", None),
    ],
)
def test_the_way_back(
    given: dict[str, Any], outcome: str, external_id: str | None, expected: WayBack | None
) -> None:
    assert site(**given).way_back(outcome, external_id) == expected


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"platform": "facebook"}, "'prolific', 'mturk' or 'sona'"),
        ({"outcomes": {"complete": {}}}, "give a code, a redirect or both"),
        ({"outcomes": {"complete": {"redirect": "https://x.org/{id}"}}}, "give id_parameter or"),
        (
            {"platform": "sona", "outcomes": {"complete": {"redirect": "https://x.org/{code}"}}},
            "the only placeholder is {id}",
        ),
        ({"outcomes": {"complete": {"redirect": "javascript:alert(1)"}}}, "match pattern"),
        ({"outcomes": {"complete": {"redirect": "http://x.org/"}}}, "match pattern"),
        ({"outcomes": {"complete": {"redirect": "https://{id}.org/"}}}, "match pattern"),
        ({"outcomes": {"complete": {"redirect": "https://x.org/a b"}}}, "match pattern"),
        ({"outcomes": {"finished": {"code": "A"}}}, "Extra inputs"),
    ],
)
def test_mistakes_are_said(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said.replace("{", r"\{")):
        site(**given)


def test_prolific_from_link_to_link(lab: Laboratory, app: Flask) -> None:
    opened(
        lab, platform="prolific", outcomes={"complete": {"code": "C1"}, "declined": {"code": "N"}}
    )
    visitor = Visitor(app).get("/s/short?PROLIFIC_PID=5f3c&STUDY_ID=1&SESSION_ID=2")
    visitor.send(choice="agree").until("Your completion code")
    assert PROLIFIC + "C1" in visitor.page.links
    assert "Go back to Prolific" in visitor.page.text
    with lab.session() as session:
        assert session.scalars(select(Recruitment.external_id)).all() == ["5f3c"]
    visitor.get("/s/short?PROLIFIC_PID=5f3d").send(choice="decline")
    assert PROLIFIC + "N" in visitor.page.links
    assert lab.count(Recruitment) == 1


def test_sona_hears_by_the_id_also_of_a_no(lab: Laboratory, app: Flask) -> None:
    back = {"redirect": SONA + "{id}"}
    opened(lab, platform="sona", outcomes={"complete": back, "declined": back})
    visitor = Visitor(app).get("/s/short?id=13579").send(choice="decline")
    assert SONA + "13579" in visitor.page.links
    assert visitor.response.request.args["id"] == "13579"
    assert lab.count(Recruitment) == 0
    visitor.get("/s/short?id=24680").send(choice="agree").until("complete and stored")
    assert SONA + "24680" in visitor.page.links


def test_a_link_without_the_id_that_all_links_have_is_refused(lab: Laboratory, app: Flask) -> None:
    opened(lab, platform="prolific")
    before = lab.everything()
    visitor = Visitor(app).get("/s/short")
    assert visitor.status == 400
    assert "The link has no valid PROLIFIC_PID." in visitor.page.text
    form = visitor.get("/s/short?PROLIFIC_PID=5f3c").form
    visitor.post(form.action, form.sent | {"choice": "agree", "external_id": ""})
    assert visitor.status == 400
    assert lab.everything() == before


def test_a_preview_at_mechanical_turk_cannot_begin(lab: Laboratory, app: Flask) -> None:
    opened(lab, platform="mturk")
    visitor = Visitor(app).get("/s/short?assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE&hitId=1")
    assert visitor.status == 200
    assert "This is a preview." in visitor.page.text
    assert "You can stop at any time." in visitor.page.text
    assert visitor.page.forms == []
    visitor.get("/s/short?assignmentId=3X&workerId=A1B2&hitId=1").send(choice="agree")
    assert visitor.status == 200
    again = Visitor(app).get("/s/short?assignmentId=4Y&workerId=A1B2&hitId=1")
    assert again.send(choice="agree").status == 409
    assert lab.count(Participant) == 1


@pytest.mark.parametrize("outcome", ["screened_out", "timed_out"])
def test_an_early_end_has_its_own_code(lab: Laboratory, app: Flask, outcome: str) -> None:
    ends = {"complete": {"code": "DONE"}, outcome: {"code": "EARLY"}}
    opened(lab, platform="prolific", outcomes=ends)
    visitor = Visitor(app).get("/s/short?PROLIFIC_PID=5f3c").send(choice="agree")
    page, token = visitor.form, visitor.token
    with lab.session() as session:
        session.execute(update(Participant).values(outcome=outcome))
        session.commit()
    before = lab.everything()
    for there in (visitor.get(f"/p/{token}/"), visitor.post(page.action, page.sent)):
        assert there.status == 200
        assert "Thank you for your time" in there.page.text
        assert PROLIFIC + "EARLY" in there.page.links
        assert "DONE" not in there.html
        assert f"/p/{token}/withdraw" in there.page.links
    assert lab.everything() == before


def test_codes_of_other_ends_stand_on_no_page(lab: Laboratory, app: Flask) -> None:
    names = ("complete", "declined", "screened_out", "timed_out", "withdrawn")
    opened(lab, outcomes={name: {"code": f"CODE-{name}"} for name in names})
    visitor = Visitor(app).get("/s/short")
    assert "CODE-" not in visitor.html
    visitor.send(choice="agree")
    assert "CODE-" not in visitor.html
    visitor.until("complete and stored")
    assert visitor.html.count("CODE-") == visitor.html.count("CODE-complete") == 1
