"""What a page's script says happened: within bounds, exactly once, by form and by beacon."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from browsing import Visitor
from flask import Flask
from lab import Laboratory, both
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from webapp import observed
from webapp.forms import StepForm
from webapp.items import YesNo
from webapp.models import Event, Response
from webapp.observed import LONGEST_MS, MOST, MOST_OF_STEP, Happened
from webapp.participation import Answer

VIEW, OTHER = "0123456789abcdef", "fedcba9876543210"


def events_of(sent: Any, **more: str) -> list[Happened]:
    text = sent if isinstance(sent, str) else json.dumps(sent)
    return list(observed.read({"events": text, **more}).events)


def test_what_a_page_sends_is_read() -> None:
    sent = [["shown", 0, ""], ["hover", 80, "", "figure 2: 350"], ["input", 800, "q.row-1"]]
    found = observed.read({"viewport": "1280x720", "view": VIEW, "events": json.dumps(sent)})
    assert (found.viewport, found.view) == ("1280x720", VIEW)
    assert found.events == [
        Happened(0, "shown", 0),
        Happened(1, "hover", 80, None, "figure 2: 350"),
        Happened(2, "input", 800, "q.row-1"),
    ]


def test_the_time_of_the_last_input_is_the_answers() -> None:
    sent = [["shown", 0, ""], ["input", 800, "q"], ["input", 950, "q"], ["input", 990, "r"]]
    item = YesNo(kind="yes_no", text={"en": "The question?"})
    form = StepForm({"q": item}, "en", MultiDict({"item-q": "1", "events": json.dumps(sent)}))
    assert form.validate()
    assert form.answers()["q"] == Answer(number=1.0, after_ms=950)
    assert len(form.observed().events) == 4


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "[",
        "null",
        "{}",
        '"text"',
        "12",
        "[1, 2]",
        '[["shown"]]',
        '[["shown", 1, "", 2]]',
        '[["shown", 1, "", "a", "b"]]',
        '[["hack", 1, ""]]',
        '[["shown", -1, ""]]',
        '[["shown", 1.5, ""]]',
        '[["shown", true, ""]]',
        '[["shown", "1", ""]]',
        '[["shown", NaN, ""]]',
        '[["shown", 1, null]]',
        '[[["shown"], 1, ""]]',
        '[[{"a": 1}, 1, ""]]',
        '[["shown", 9999999999999, ""]]',
        f'[["shown", {"9" * 5000}, ""]]',
        "[" * 10_000 + "]" * 10_000,
        "[" + ", ".join(['["shown", 1, ""]'] * 2000) + "]",
        '[["shown\x00", 1, ""]]',
        '[["input", 1, "a\\u0000b"]]',
        '[["input", 1, "\\ud800"]]',
        '[["input", 1, "<script>"]]',
        f'[["input", 1, "{"a" * 130}"]]',
        f'[["hover", 1, "", "{"a" * 65}"]]',
        '[["hover", 1, "", "\\n"]]',
    ],
)
def test_events_that_no_page_sends_are_dropped(sent: str) -> None:
    assert events_of(sent) == []


def test_good_events_among_bad_ones_keep_their_numbers() -> None:
    sent = [["shown", 0, ""], "x", ["blur", 10, ""]]
    assert events_of(sent) == [Happened(0, "shown", 0), Happened(2, "blur", 10)]
    assert events_of(sent, first="7") == [Happened(7, "shown", 0), Happened(9, "blur", 10)]


@pytest.mark.parametrize("first", ["-1", "1e3", "1000", "x", "١", "1\n"])
def test_a_number_that_no_page_sends_is_none(first: str) -> None:
    assert events_of([["shown", 0, ""]], first=first) == [Happened(0, "shown", 0)]


@pytest.mark.parametrize("first", ["0", "300", "999"])
def test_the_events_of_a_view_are_bounded(first: str) -> None:
    assert len(events_of([["blur", 1, ""]] * 900, first=first)) == max(MOST - int(first), 0)


def test_a_page_that_was_open_for_days_fits_its_column() -> None:
    """The columns at_ms and answered_after_ms are 4-byte integers on PostgreSQL."""
    assert LONGEST_MS < 2**31
    assert events_of([["submit", LONGEST_MS, ""]]) == [Happened(0, "submit", LONGEST_MS)]
    assert events_of([["submit", LONGEST_MS + 1, ""]]) == []


@pytest.mark.parametrize(
    "sent", ["", "1280", "1280 x 720", "-1x5", "123456x1", "<b>x1", "١٢x٣", "1x2\n", "1.5x2"]
)
def test_a_viewport_that_no_page_sends_is_dropped(sent: str) -> None:
    assert observed.read({"viewport": sent}).viewport is None


@pytest.mark.parametrize("sent", ["", VIEW[:-1], VIEW + "0", VIEW.upper(), "x" * 16, VIEW + "\n"])
def test_a_view_that_no_page_sends_is_dropped(sent: str) -> None:
    assert observed.read({"view": sent}).view == ""


def kept(lab: Laboratory) -> list[tuple[str, int, str, int]]:
    """What is stored: view, number, kind and time, in order."""
    with lab.session() as session:
        rows = session.execute(select(Event.view, Event.number, Event.kind, Event.at_ms))
        return sorted((view, number, kind, at) for view, number, kind, at in rows)


def beacon(visitor: Visitor, events: list[Any], view: str = VIEW, first: int = 0) -> int:
    """Send what the script of the visitor's page would send when it is hidden."""
    sent = {"seal": visitor.form.sent["seal"], "view": view, "first": str(first)}
    answer = visitor.client.post(
        f"{visitor.form.action}/events", data=sent | {"events": json.dumps(events)}
    )
    assert answer.data == b""
    return answer.status_code


SHOWN, BLUR, FOCUS = ["shown", 0, ""], ["blur", 50, ""], ["focus", 90, ""]
SUBMIT = ["submit", 120, ""]
ALL = [
    (VIEW, 0, "shown", 0),
    (VIEW, 1, "blur", 50),
    (VIEW, 2, "focus", 90),
    (VIEW, 3, "submit", 120),
]


@both
def test_form_and_beacons_together_tell_each_event_once(
    lab: Laboratory, app: Flask, opened: int
) -> None:
    visitor = Visitor(app).enter().answer()
    page = visitor.form
    assert beacon(visitor, [SHOWN, BLUR]) == 204
    assert beacon(visitor, [SHOWN, BLUR]) == 204
    assert kept(lab) == ALL[:2]
    every = json.dumps([SHOWN, BLUR, FOCUS, SUBMIT])
    visitor.send(**{"item-trust": "4", "view": VIEW, "events": every})
    assert kept(lab) == ALL
    # A beacon that was held up by the network comes after the form.
    visitor.page.forms = [page]
    assert beacon(visitor, [BLUR, FOCUS], first=1) == 204
    assert kept(lab) == ALL


def test_a_form_without_any_beacon_tells_all(lab: Laboratory, visitor: Visitor) -> None:
    visitor.enter().answer()
    every = json.dumps([SHOWN, BLUR, FOCUS, SUBMIT])
    visitor.send(**{"item-trust": "4", "view": VIEW, "events": every})
    assert kept(lab) == ALL


def test_a_beacon_that_no_form_follows_is_kept(lab: Laboratory, visitor: Visitor) -> None:
    visitor.enter().answer()
    assert beacon(visitor, [SHOWN, BLUR]) == 204
    assert kept(lab) == ALL[:2]
    assert lab.count(Response) == 0


def test_every_view_of_a_page_counts_for_itself(lab: Laboratory, visitor: Visitor) -> None:
    visitor.enter().answer()
    beacon(visitor, [SHOWN])
    beacon(visitor, [SHOWN], view=OTHER)
    assert kept(lab) == [(VIEW, 0, "shown", 0), (OTHER, 0, "shown", 0)]


def test_a_page_that_came_back_with_messages_is_told_of_too(
    lab: Laboratory, visitor: Visitor
) -> None:
    visitor.enter().answer()
    visitor.send(view=VIEW, events=json.dumps([SHOWN, BLUR]))
    assert visitor.status == 422
    assert visitor.form.sent["events"] == visitor.form.sent["view"] == ""
    again = json.dumps([SHOWN])
    visitor.send(**{"item-trust": "4", "view": OTHER, "events": again})
    assert kept(lab) == [*ALL[:2], (OTHER, 0, "shown", 0)]


def test_a_page_tells_only_so_much(lab: Laboratory, visitor: Visitor) -> None:
    visitor.enter().answer()
    for number in range(6):
        beacon(visitor, [["blur", 1, ""]] * MOST, view=f"{number:016x}")
    assert lab.count(Event) == MOST_OF_STEP


@both
def test_racing_beacons_and_form_store_no_event_twice(
    lab: Laboratory, app: Flask, opened: int
) -> None:
    visitor = Visitor(app).enter().answer()
    every = json.dumps([SHOWN, BLUR, FOCUS, SUBMIT])
    sent = visitor.form.sent | {"item-trust": "4", "view": VIEW, "events": every}

    def send(path: str) -> int:
        return app.test_client().post(path, data=sent).status_code

    action = visitor.form.action
    paths = [action, f"{action}/events"] * 3
    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(send, paths)) == {303, 204}
    assert kept(lab) == ALL


@pytest.mark.parametrize("seal", ["", "0" * 64, "é"])
def test_without_its_seal_nothing_is_kept(lab: Laboratory, visitor: Visitor, seal: str) -> None:
    visitor.enter().answer()
    visitor.form.sent["seal"] = seal
    assert beacon(visitor, [SHOWN]) == 204
    assert lab.count(Event) == 0


def test_the_seal_of_another_page_is_none(lab: Laboratory, visitor: Visitor) -> None:
    visitor.enter().answer()
    for path in (f"/p/{visitor.token}/5/events", f"/p/{'0' * 32}/3/events"):
        visitor.form.action = path.removesuffix("/events")
        assert beacon(visitor, [SHOWN]) == 204
    assert lab.count(Event) == 0


@pytest.mark.parametrize(
    ("method", "status"), [("get", 405), ("put", 405), ("delete", 405), ("head", 405)]
)
def test_events_are_only_posted(visitor: Visitor, method: str, status: int) -> None:
    path = f"{visitor.enter().form.action}/events"
    assert getattr(visitor.client, method)(path).status_code == status


def test_a_beacon_from_another_site_is_refused(lab: Laboratory, visitor: Visitor) -> None:
    visitor.enter().answer()
    visitor.post(
        f"{visitor.form.action}/events",
        visitor.form.sent | {"view": VIEW, "events": json.dumps([SHOWN])},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert visitor.status == 403
    assert lab.count(Event) == 0
