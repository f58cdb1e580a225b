"""What a page says happened on it is kept within bounds, whatever is sent."""

import json
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

from webapp.items import YesNo
from webapp.forms import LONGEST_PAGE_MS, MOST_EVENTS, StepForm
from webapp.participation import Answer

EN = {"en": "The question?"}
YES_NO = YesNo(kind="yes_no", text=EN)


def form_of(item: YesNo, *sent: str, **more: str) -> StepForm:
    values = [("item-q", value) for value in sent]
    return StepForm({"q": item}, "en", MultiDict([*values, *more.items()]))


def events_of(sent: Any) -> list[tuple[str, int]]:
    text = sent if isinstance(sent, str) else json.dumps(sent)
    form = form_of(YES_NO, "1", events=text)
    assert form.validate()
    form.answers()
    return list(form.observed().events)


def test_events_and_the_time_of_the_last_input_are_kept() -> None:
    sent = [["shown", 0, ""], ["input", 800, "q"], ["input", 950, "q"], ["submit", 1200, ""]]
    form = form_of(YES_NO, "1", events=json.dumps(sent), viewport="1280x720")
    assert form.validate()
    assert form.answers()["q"] == Answer(number=1.0, after_ms=950)
    report = form.observed()
    assert report.viewport == "1280x720"
    assert report.events == [("shown", 0), ("input", 800), ("input", 950), ("submit", 1200)]


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
    ],
)
def test_events_that_no_page_sends_are_dropped(sent: str) -> None:
    assert events_of(sent) == []


def test_good_events_among_bad_ones_are_kept() -> None:
    assert events_of([["shown", 0, ""], "x", ["blur", 10, ""]]) == [("shown", 0), ("blur", 10)]


def test_events_are_bounded() -> None:
    assert len(events_of([["blur", 1, ""]] * 900)) == MOST_EVENTS


def test_a_page_that_was_open_for_days_fits_its_column() -> None:
    """The columns at_ms and answered_after_ms are 4-byte integers on PostgreSQL."""
    assert LONGEST_PAGE_MS < 2**31
    assert events_of([["submit", LONGEST_PAGE_MS, ""]]) == [("submit", LONGEST_PAGE_MS)]
    assert events_of([["submit", LONGEST_PAGE_MS + 1, ""]]) == []


@pytest.mark.parametrize(
    "sent", ["", "1280", "1280 x 720", "-1x5", "123456x1", "<b>x1", "١٢x٣", "1x2\n", "1.5x2"]
)
def test_a_viewport_that_no_page_sends_is_dropped(sent: str) -> None:
    assert form_of(YES_NO, "1", viewport=sent).observed().viewport is None
