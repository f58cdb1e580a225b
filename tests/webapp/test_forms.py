"""Whatever is sent for an item, it is an answer or a message; other answers stay in the page."""

import json
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

from webapp.definition import Choice, FreeText, Item, Likert, Number, Option, YesNo
from webapp.forms import LONGEST_PAGE_MS, MOST_EVENTS, StepForm
from webapp.participation import Answer

EN = {"en": "The question?"}
LIKERT = Likert(kind="likert", text=EN, min=-1, max=3)
YES_NO = YesNo(kind="yes_no", text=EN)
CHOICE = Choice(
    kind="choice",
    text=EN,
    choices=[Option(value="a.b", text={"en": "First"}), Option(value="0", text={"en": "Zero"})],
)
TEXT = FreeText(kind="text", text=EN, max_length=20)
NUMBER = Number(kind="number", text=EN, min=-5, max=80)
WHOLE = Number(kind="number", text=EN, whole=True)
ALL: list[Item] = [LIKERT, YES_NO, CHOICE, TEXT, NUMBER, WHOLE]


def form_of(item: Item, *sent: str, **more: str) -> StepForm:
    values = [("item-q", value) for value in sent]
    return StepForm({"q": item}, "en", MultiDict([*values, *more.items()]))


def optional(item: Item) -> Item:
    return item.model_copy(update={"required": False})


def message(item: Item, *sent: str) -> str:
    form = form_of(item, *sent)
    assert not form.validate()
    assert [field.item_id for field in form.wrong] == ["q"]
    return str(form.wrong[0].bound.errors[0])


def answer(item: Item, *sent: str) -> Answer:
    form = form_of(item, *sent)
    assert form.validate()
    return form.answers()["q"]


@pytest.mark.parametrize(
    ("item", "sent", "stored"),
    [
        (LIKERT, "3", Answer(number=3.0)),
        (LIKERT, "-1", Answer(number=-1.0)),
        (LIKERT, "0", Answer(number=0.0)),
        (YES_NO, "1", Answer(number=1.0)),
        (YES_NO, "0", Answer(number=0.0)),
        (CHOICE, "a.b", Answer(text="a.b")),
        (CHOICE, "0", Answer(text="0")),
        (TEXT, "  yes ", Answer(text="  yes ")),
        (TEXT, "0", Answer(text="0")),
        (TEXT, "a\r\nb\rc\nd", Answer(text="a\nb\nc\nd")),
        (TEXT, "\U0001f600 <script>", Answer(text="\U0001f600 <script>")),
        (TEXT, "x\r\n" * 9 + "yz", Answer(text="x\n" * 9 + "yz")),
        (NUMBER, "12", Answer(number=12.0)),
        (NUMBER, " 12.5 ", Answer(number=12.5)),
        (NUMBER, "12,5", Answer(number=12.5)),
        (NUMBER, "3.125", Answer(number=3.125)),
        (NUMBER, "0,125", Answer(number=0.125)),
        (NUMBER, ".5", Answer(number=0.5)),
        (NUMBER, "-5", Answer(number=-5.0)),
        (NUMBER, "+7.", Answer(number=7.0)),
        (WHOLE, "12", Answer(number=12.0)),
        (WHOLE, "12.0", Answer(number=12.0)),
        (WHOLE, "999999999999999", Answer(number=999999999999999.0)),
    ],
)
def test_answers_are_stored_as_they_were_meant(item: Item, sent: str, stored: Answer) -> None:
    assert answer(item, sent) == stored
    assert answer(optional(item), sent) == stored


@pytest.mark.parametrize("item", ALL, ids=lambda item: str(item.kind))
@pytest.mark.parametrize("sent", [(), ("",), (" \t\n",), ("\u00a0\u2003",)])
def test_a_required_item_asks_for_its_answer(item: Item, sent: tuple[str, ...]) -> None:
    said = message(item, *sent)
    assert said.startswith(("Choose ", "Write "))


@pytest.mark.parametrize("item", ALL, ids=lambda item: str(item.kind))
@pytest.mark.parametrize("sent", [(), ("",), (" \t\n",), ("\u00a0\u2003",)])
def test_an_optional_item_may_stay_empty(item: Item, sent: tuple[str, ...]) -> None:
    assert answer(optional(item), *sent) == Answer()


BAD: dict[str, tuple[Item, tuple[str, ...], str]] = {
    "likert": (
        LIKERT,
        ("4", "-2", "2.5", "+3", "3 ", "03", "three", "١", "1e0", "NaN", "<script>", "\x00"),
        "Choose one of the points.",
    ),
    "yes_no": (YES_NO, ("2", "-1", "yes", "true", "on", "01", "١"), "Choose yes or no."),
    "choice": (
        CHOICE,
        ("First", "a", "A.B", "a.b ", "1", "'; DROP TABLE response;--", "x" * 10_000),
        "Choose one of the answers.",
    ),
    "number": (
        NUMBER,
        ("twelve", "NaN", "inf", "-Infinity", "1e999", "1e3", "0x10", "1_000", "١٢", "½", "9 y",
         "1.2.3", "1,000,000", "--1", "+", ".", ",", "9" * 16, "1\x002", "<b>1</b>", "1 2"),
        "Write a number in digits, such as 12.",
    ),
    "thousands": (
        WHOLE,
        ("1,000", "1.000", "12,345"),
        "Write the number without a mark between thousands, such as 1000.",
    ),
    "range": (
        NUMBER,
        ("81", "80.0000001", "-5.1", "999999999999999", "-999999999999999"),
        "Write a number from -5 to 80.",
    ),
    "whole": (WHOLE, ("1.5", "1,5", "0.000000000000001"), "Write a whole number, such as 12."),
}  # fmt: skip


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_answer_is_said(kind: str, required: bool) -> None:
    item, sent, expected = BAD[kind]
    for each in sent:
        assert message(item if required else optional(item), each) == expected, each


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (Number(kind="number", text=EN, min=0), "Write a number of 0 or more."),
        (Number(kind="number", text=EN, max=-3), "Write a number up to -3."),
    ],
)
def test_half_open_ranges_are_said(item: Item, expected: str) -> None:
    assert message(item, "-1") == expected


def test_a_text_may_have_its_longest_length_and_no_more() -> None:
    assert answer(TEXT, "x" * 20) == Answer(text="x" * 20)
    assert answer(TEXT, "\U0001f600" * 20).text == "\U0001f600" * 20
    assert message(TEXT, "x" * 21) == "The text has 21 characters; shorten it to 20 or fewer."


def test_a_text_of_two_megabytes_is_said_to_be_too_long() -> None:
    said = message(TEXT, "x" * 2_000_000)
    assert said == "The text has 2,000,000 characters; shorten it to 20 or fewer."


@pytest.mark.parametrize("required", [True, False])
def test_a_text_with_a_null_byte_is_refused(required: bool) -> None:
    assert "cannot be stored" in message(TEXT if required else optional(TEXT), "a\x00b")


def test_of_an_answer_that_was_sent_twice_the_first_counts() -> None:
    assert answer(LIKERT, "1", "2") == Answer(number=1.0)


def test_answers_to_what_was_not_asked_are_dropped() -> None:
    form = StepForm({"q": YES_NO}, "en", MultiDict({"item-q": "1", "item-other": "5", "q": "0"}))
    assert form.validate()
    assert form.answers() == {"q": Answer(number=1.0)}


def test_one_wrong_answer_keeps_the_others_in_the_page() -> None:
    items: dict[str, Item] = {"likert": LIKERT, "text": TEXT, "number": NUMBER}
    sent = MultiDict({"item-likert": "2", "item-text": "kept", "item-number": "twelve"})
    form = StepForm(items, "en", sent)
    assert not form.validate()
    fields = {field.item_id: field.bound for field in form.fields}
    assert [field.item_id for field in form.wrong] == ["number"]
    assert (fields["likert"].data, fields["text"].data) == ("2", "kept")
    assert fields["number"]._value() == "twelve"


def test_an_empty_page_has_no_messages() -> None:
    form = StepForm({"likert": LIKERT, "text": TEXT, "number": NUMBER}, "en")
    assert form.wrong == []


def test_words_follow_the_language() -> None:
    item = Likert(
        kind="likert",
        text={"en": "Sure?", "de": "Sicher?"},
        min=1,
        max=3,
        labels={1: {"en": "no", "de": "nein"}},
    )
    (field,) = StepForm({"q": item}, "de").fields
    assert (field.text, field.label_of("1"), field.label_of("2")) == ("Sicher?", "nein", None)
    assert field.language_of_text == "de"
    (field,) = StepForm({"q": item}, "fr").fields
    assert (field.text, field.language_of_text) == ("Sure?", "en")


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
