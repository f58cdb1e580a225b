"""Whatever is sent to whatever address: a page that says what to do, and nothing stored."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from browsing import Visitor
from flask import Flask
from lab import PASSWORD, Laboratory, both
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from webapp import studies

BAD = ["x", "\x00", "é☃", "x" * 3000, "<script>alert(1)</script>", "..", "9" * 30, "-1", "%s{}"]
NUMBERS = ["0", "2147483648", "9" * 30, "007"]
EMAIL = "owner@example.org"
JUNK: list[dict[str, Any]] = [
    {},
    {"data": {"choice": "agree", "seal": "\x00", "token": "é", "attempt": "9" * 30}},
    {"data": dict.fromkeys(("seal", "token", "external_id", "events"), "x" * 100000)},
    {"data": b"\xff\xfe=%ff&%zz=\x00", "content_type": "application/x-www-form-urlencoded"},
    {"data": b'{"choice": ["agree"]}', "content_type": "application/json"},
    {"data": b"no boundary", "content_type": "multipart/form-data"},
    {"data": b"<xml/>", "content_type": "text/xml"},
    {"headers": {"Sec-Fetch-Site": "cross-site"}},
]


def paths(rule: Rule, known: dict[str, str]) -> Iterator[str]:
    """The rule with one bad value at each place in turn, the others being ones that are there."""
    good = {name: known.get(name, "x") for name in rule.arguments}
    yield _fill(rule, good)
    for name in sorted(rule.arguments):
        for value in NUMBERS if f"<int:{name}>" in rule.rule else BAD:
            yield _fill(rule, {**good, name: value})


def _fill(rule: Rule, values: dict[str, str]) -> str:
    path = rule.rule
    for name, value in values.items():
        for kind in ("", "int:", "path:"):
            path = path.replace(f"<{kind}{name}>", quote(value, safe=""))
    return path


def expect_answered(answer: TestResponse, said: str) -> None:
    """No failure of ours, and nothing of what was sent runs."""
    assert answer.status_code < 500, f"{said}: {answer.status_code}"
    page = answer.data.decode(errors="replace")
    assert "Traceback" not in page, said
    assert "<script>alert" not in page, said
    if answer.status_code in (400, 404, 405):
        assert answer.mimetype != "text/html" or "<h1" in page, said


@pytest.fixture
def send(
    lab: Laboratory, app: Flask, opened: int, request: pytest.FixtureRequest
) -> Callable[[str, str, dict[str, Any]], TestResponse]:
    """Send as a stranger, or as the owner of the study."""
    client = app.test_client()
    if request.param == "owner":
        lab.researcher(EMAIL)
        with lab.session() as session:
            studies.grant(session, EMAIL, "small", "owner")
        visitor = Visitor(app).get("/login").send(email=EMAIL, password=PASSWORD)
        client = visitor.client

    def sent(method: str, path: str, more: dict[str, Any]) -> TestResponse:
        return client.open(path, method=method, buffered=True, **more)

    return sent


@both
@pytest.mark.parametrize("send", ["stranger", "owner"], indirect=True)
def test_bad_addresses_and_junk_are_answered(
    lab: Laboratory, app: Flask, send: Callable[[str, str, dict[str, Any]], TestResponse]
) -> None:
    visitor = Visitor(app).enter().answer()
    known = {
        "slug": "small",
        "token": visitor.token,
        "position": "3",
        "attempt": "1",
        "number": "1",
        "pseudonym": lab.participants()[0].pseudonym,
    }
    # Logging in and out, opening and closing are what the owner's tests are about.
    left_alone = ("/login", "/logout", "/admin/studies/<slug>/open", "/admin/studies/<slug>/close")
    before = lab.everything()
    tried = 0
    for rule in app.url_map.iter_rules():
        for place, path in enumerate(paths(rule, known)):
            expect_answered(send("GET", path, {}), f"GET {path}")
            tried += 1
            if "POST" in (rule.methods or ()) and not (place == 0 and rule.rule in left_alone):
                for more in JUNK if place < 3 else JUNK[:2]:
                    expect_answered(send("POST", path, more), f"POST {path} {more}"[:300])
                    tried += 1
    assert tried > 150
    assert lab.everything() == before
    visitor.get(f"/p/{visitor.token}/")
    assert "page 2 of 10" in visitor.page.text


@pytest.mark.parametrize(
    "query", ["%ff", "a=%00", "PROLIFIC_PID=%ff", "next=//evil.example", "&&=&"]
)
def test_bad_queries_are_answered(app: Flask, visitor: Visitor, query: str) -> None:
    token = visitor.enter().token
    for path in ("/s/small", f"/p/{token}/", f"/p/{token}/withdraw", "/login", "/static/page.js"):
        answer = visitor.client.get(f"{path}?{query}", buffered=True)
        expect_answered(answer, f"{path}?{query}")
        assert "evil.example" not in answer.headers.get("Location", "")


def test_a_page_with_a_sealed_form_takes_only_what_fits(lab: Laboratory, visitor: Visitor) -> None:
    """Also somebody who has a seal can send anything."""
    visitor.enter().answer()
    action, form = visitor.form.action, visitor.form.sent
    before = lab.everything()
    for name in ("attempt", "view", "first", "events", "viewport", "item-trust"):
        for value in [*BAD, *NUMBERS, '[["shown", 1e400, ""]]']:
            for path in (action, f"{action}/events"):
                answer = visitor.client.post(path, data=form | {name: value})
                expect_answered(answer, f"{path} {name}={value}"[:200])
    assert lab.everything() == before
