"""Whatever is sent for an item of any kind, it is an answer or a message."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from werkzeug.datastructures import MultiDict

from webapp.forms import StepForm
from webapp.items import Item, Question
from webapp.items.answer import Answer
from webapp.items.order import shuffled

EN = {"en": "The question?"}
ABC = [{"value": value, "text": {"en": value.upper()}} for value in ("a", "b.b", "0")]
ROWS = [{"id": "one", "text": {"en": "Row one"}}, {"id": "two", "text": {"en": "Row two"}}]
Sent = Mapping[str, str | list[str]]


def item(kind: str, **more: Any) -> Question:
    made: Question = TypeAdapter(Item).validate_python({"kind": kind, "text": EN, **more})
    return made


LIKERT = item("likert", min=-1, max=3)
DIFFERENTIAL = item(
    "semantic_differential", min=-2, max=2, left={"en": "cold"}, right={"en": "warm"}
)
YES_NO = item("yes_no")
CHOICE = item("choice", choices=ABC)
MULTIPLE = item("multiple", choices=ABC, max_chosen=2)
RANKING = item("ranking", choices=ABC)
MATRIX = item("matrix", rows=ROWS, min=1, max=5)
SLIDER = item("slider", min=-10, max=10, step=2.5)
CONFIDENCE = item("confidence", min=50)
NUMBER = item("number", min=-5, max=80)
WHOLE = item("number", whole=True)
DATE = item("date", min="2000-02-28", max="2026-11-24")
TEXT = item("text", max_length=20)
SHORT = item("text", max_length=20, short=True)
KINDS = {
    "likert": LIKERT,
    "semantic_differential": DIFFERENTIAL,
    "yes_no": YES_NO,
    "choice": CHOICE,
    "multiple": MULTIPLE,
    "ranking": RANKING,
    "matrix": MATRIX,
    "slider": SLIDER,
    "confidence": CONFIDENCE,
    "number": NUMBER,
    "whole": WHOLE,
    "date": DATE,
    "text": TEXT,
    "short": SHORT,
}
GOOD: dict[str, Sent] = {
    "likert": {"": "0"},
    "semantic_differential": {"": "-2"},
    "yes_no": {"": "0"},
    "choice": {"": "b.b"},
    "multiple": {"": ["0", "a"]},
    "ranking": {"a": "2", "b.b": "3", "0": "1"},
    "matrix": {"one": "1", "two": "5"},
    "slider": {"": "-7.5"},
    "confidence": {"": "50"},
    "number": {"": "12.5"},
    "whole": {"": "12"},
    "date": {"": "2000-02-29"},
    "text": {"": "a\r\nb"},
    "short": {"": "one line"},
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def changed(item: Question, **more: Any) -> Question:
    return item.model_copy(update=more)


def optional(item: Question) -> Question:
    return changed(item, required=False)


def form_of(item: Question, sent: Sent) -> StepForm:
    pairs = [
        (f"item-q.{part}" if part else "item-q", value)
        for part, values in sent.items()
        for value in ([values] if isinstance(values, str) else values)
    ]
    return StepForm({"q": item}, "en", MultiDict(pairs))


def message(item: Question, sent: Sent | str) -> str:
    form = form_of(item, {"": sent} if isinstance(sent, str) else sent)
    assert not form.validate()
    assert [field.item_id for field in form.wrong] == ["q"]
    assert form.wrong[0].first_id.startswith("item-q")
    return str(form.wrong[0].bound.errors[0])


def answers(item: Question, sent: Sent | str) -> dict[str, Answer]:
    form = form_of(item, {"": sent} if isinstance(sent, str) else sent)
    assert form.validate(), form.wrong[0].bound.errors
    return form.answers()


def answer(item: Question, sent: Sent | str) -> Answer:
    return answers(item, sent)["q"]


@pytest.mark.parametrize(
    ("item", "sent", "stored"),
    [
        (LIKERT, "3", Answer(number=3.0)),
        (LIKERT, "-1", Answer(number=-1.0)),
        (LIKERT, "0", Answer(number=0.0)),
        (DIFFERENTIAL, "-2", Answer(number=-2.0)),
        (YES_NO, "1", Answer(number=1.0)),
        (YES_NO, "0", Answer(number=0.0)),
        (CHOICE, "b.b", Answer(text="b.b")),
        (CHOICE, "0", Answer(text="0")),
        (MULTIPLE, "b.b", Answer(json=["b.b"])),
        (MULTIPLE, {"": ["0", "a"]}, Answer(json=["a", "0"])),
        (MULTIPLE, {"": ["a", "a"]}, Answer(json=["a"])),
        (RANKING, {"a": "2", "b.b": "3", "0": "1"}, Answer(json=["0", "a", "b.b"])),
        (SLIDER, "0", Answer(number=0.0)),
        (SLIDER, " -7,5 ", Answer(number=-7.5)),
        (SLIDER, "10", Answer(number=10.0)),
        (item("slider", min=0, max=1, step=0.1), "0.3", Answer(number=0.3)),
        (CONFIDENCE, "50", Answer(number=50.0)),
        (CONFIDENCE, "100", Answer(number=100.0)),
        (DATE, "2000-02-29", Answer(text="2000-02-29")),
        (DATE, " 2026-11-24 ", Answer(text="2026-11-24")),
        (TEXT, "  yes ", Answer(text="  yes ")),
        (TEXT, "0", Answer(text="0")),
        (TEXT, "?", Answer(text="?")),
        (TEXT, "a\r\nb\rc\nd", Answer(text="a\nb\nc\nd")),
        (TEXT, "\U0001f600 <script>", Answer(text="\U0001f600 <script>")),
        (TEXT, "x\r\n" * 9 + "yz", Answer(text="x\n" * 9 + "yz")),
        (SHORT, "<b>it</b>", Answer(text="<b>it</b>")),
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
def test_answers_are_stored_as_they_were_meant(
    item: Question, sent: Sent | str, stored: Answer
) -> None:
    for same in (item, optional(item), changed(item, may_refuse=True)):
        assert answer(same, sent) == stored


def test_each_row_of_a_matrix_has_an_answer_of_its_own() -> None:
    assert answers(MATRIX, {"one": "1", "two": "5"}) == {
        "q.one": Answer(number=1.0),
        "q.two": Answer(number=5.0),
    }
    assert answers(optional(MATRIX), {"two": "5"}) == {"q.one": Answer(), "q.two": Answer(number=5)}
    rows = changed(MATRIX, may_refuse=True)
    assert answers(rows, {"one": "?", "two": "5"})["q.one"] == Answer(missing="refused")
    assert set(MATRIX.split("q")) == {"q.one", "q.two"}


@every_kind
@pytest.mark.parametrize("sent", [(), ("",), (" \t\n",), ("\u00a0\u2003",)])
def test_a_required_item_asks_for_its_answer(kind: str, sent: tuple[str, ...]) -> None:
    everywhere = {part: list(sent) for part in KINDS[kind].parts or ("",)}
    said = message(KINDS[kind], everywhere)
    assert said.startswith(("Choose ", "Write ", "Give "))


@every_kind
@pytest.mark.parametrize("sent", [(), ("",), (" \t\n",), ("\u00a0\u2003",)])
def test_an_optional_item_may_stay_empty(kind: str, sent: tuple[str, ...]) -> None:
    everywhere = {part: list(sent) for part in KINDS[kind].parts or ("",)}
    assert set(answers(optional(KINDS[kind]), everywhere).values()) == {Answer()}
    assert Answer().missing_reason == "not_answered"


@every_kind
def test_who_prefers_not_to_say_is_asked_no_more(kind: str) -> None:
    asked = changed(KINDS[kind], may_refuse=True)
    radios = kind in ("likert", "semantic_differential", "yes_no", "choice")
    if kind == "matrix":
        refusal: Sent = {"one": "?", "two": "?"}
    else:
        refusal = {"": "?"} if radios else {"?": "?"}
    found = answers(asked, refusal)
    assert set(found.values()) == {Answer(missing="refused")}
    assert {each.missing_reason for each in found.values()} == {"refused"}
    if not radios and kind != "matrix":
        both = message(asked, {**GOOD[kind], **refusal})
        assert both == "Give an answer, or prefer not to say, but not both."


@every_kind
def test_a_refusal_that_was_not_offered_is_no_answer(kind: str) -> None:
    message(KINDS[kind], {"?": "?"})
    if kind not in ("text", "short"):
        message(KINDS[kind], dict.fromkeys(KINDS[kind].parts or ("",), "?"))


POINTS = ("2.5", "+3", "3 ", "03", "three", "١", "1e0", "NaN", "<script>", "\x00", "x" * 10_000)
DIGITS = ("twelve", "NaN", "inf", "-Infinity", "1e999", "1e3", "0x10", "1_000", "١٢", "½", "9 y",
          "1.2.3", "1,000,000", "--1", "+", ".", ",", "9" * 16, "1\x002", "<b>1</b>", "1 2",
          "<script>alert(1)</script>", "1" * 100_000)  # fmt: skip
DATES = ("yesterday", "2026-02-29", "2026-13-01", "24.11.2026", "20261124", "2026-W01-1",
         "١٩٩٩-01-01", "2026-1-1", "0000-01-01", "2026-11-24T00:00", "2026-11-24\x00", "<script>",
         "1" * 10_000)  # fmt: skip
BAD: list[tuple[Question, tuple[Sent | str, ...], str]] = [
    (LIKERT, ("4", "-2", *POINTS), "Choose one of the points."),
    (DIFFERENTIAL, ("3", "-3", "warm", *POINTS), "Choose one of the points."),
    (YES_NO, ("2", "-1", "yes", "true", "on", "01", *POINTS), "Choose yes or no."),
    (
        CHOICE,
        ("First", "A", "b", "b.b ", "1", "'; DROP TABLE response;--", *POINTS),
        "Choose one of the answers.",
    ),
    (
        MULTIPLE,
        ("A", "a,b.b", {"": ["a", "c"]}, {"": ["a", "b.b", "0"]}, {"": ["a", "\x00"]}, *POINTS),
        "Choose 1 to 2 of the answers.",
    ),
    (
        RANKING,
        (
            {"a": "1"},
            {"a": "1", "b.b": "1", "0": "2"},
            {"a": "1", "b.b": "2", "0": "4"},
            {"a": "0", "b.b": "1", "0": "2"},
            {"a": "1", "b.b": "2", "0": "3.0"},
            {"a": "1", "b.b": "2", "0": "٣"},
            {"a": "1", "b.b": "2", "0": "3\x00"},
            {"a": "1", "b.b": "2", "0": "<script>"},
            {"a": "1", "b.b": "2", "0": "x" * 10_000},
            {"a": "1", "b.b": "2", "c": "3"},
        ),
        "Give every entry a place of its own, from 1 to 3.",
    ),
    (
        MATRIX,
        (
            {"one": "1"},
            {"one": "1", "three": "2"},
            {"": "1"},
            *({"one": "1", "two": bad} for bad in ("0", "6", *POINTS)),
        ),
        "Choose one of the points in every row.",
    ),
    (SLIDER, (*DIGITS[:-2], "<script>"), "Write a number in digits, such as 12."),
    (
        SLIDER,
        ("-10.1", "12.5", "1", "2.4999", "999999"),
        "Write a number from -10 to 10, in steps of 2.5.",
    ),
    (CONFIDENCE, ("49", "101", "50.5", "-60"), "Write a whole number from 50 to 100."),
    (NUMBER, DIGITS, "Write a number in digits, such as 12."),
    (
        WHOLE,
        ("1,000", "1.000", "12,345"),
        "Write the number without a mark between thousands, such as 1000.",
    ),
    (
        NUMBER,
        ("81", "80.0000001", "-5.1", "999999999999999", "-999999999999999"),
        "Write a number from -5 to 80.",
    ),
    (WHOLE, ("1.5", "1,5", "0.000000000000001"), "Write a whole number, such as 12."),
    (item("number", min=0), ("-1",), "Write a number of 0 or more."),
    (item("number", max=-3), ("-1",), "Write a number up to -3."),
    (DATE, DATES, "Write the date as year-month-day, such as 2026-11-24."),
    (DATE, ("2000-02-27", "0001-01-01"), "Give a date from 2000-02-28 on."),
    (DATE, ("2026-11-25", "9999-12-31"), "Give a date up to 2026-11-24."),
    (TEXT, ("x" * 21,), "The text has 21 characters; shorten it to 20 or fewer."),
    (TEXT, ("x" * 10**6,), "The text has 1,000,000 characters; shorten it to 20 or fewer."),
    (
        TEXT,
        ("a\x00b", "\x00"),
        "The text holds a character that cannot be stored; write it anew.",
    ),
    (SHORT, ("a\nb", "a\r\nb"), "Write the answer on one line."),
]  # fmt: skip


@pytest.mark.parametrize(("item", "sent", "expected"), BAD)
def test_what_is_no_answer_is_said(
    item: Question, sent: tuple[Sent | str, ...], expected: str
) -> None:
    for each in sent:
        assert message(item, each) == expected, each
        assert message(changed(item, may_refuse=True), each) == expected, each
        if each not in ({"one": "1"}, {"one": "1", "three": "2"}, {"": "1"}):
            assert message(optional(item), each) == expected, each


@every_kind
@settings(deadline=None)  # a busy machine is no counterexample
@given(data=st.data())
def test_whatever_is_sent_is_an_answer_or_a_message(kind: str, data: st.DataObject) -> None:
    """And an answer can be stored: it is finite, holds no null byte, and is JSON."""
    asked = KINDS[kind]
    word = st.text(max_size=30) | st.sampled_from(
        ["1", "2", "3", "a", "b.b", "0", "?", "50", "\x00"]
    )
    parts = st.sampled_from(["", "?", *asked.parts])
    sent = data.draw(st.dictionaries(parts, st.lists(word, max_size=3), max_size=4))
    form = form_of(asked, dict(sent))
    if form.validate():
        for found in form.answers().values():
            assert json.loads(json.dumps(found.json, allow_nan=False)) == found.json
            assert "\x00" not in (found.text or "")
            values = (found.number, found.text, found.json)
            assert sum(value is not None for value in values) == (found.missing_reason is None)
    else:
        assert form.wrong[0].bound.errors[0]


@settings(deadline=None)
@given(st.permutations(["a", "b.b", "0"]))
def test_any_order_can_be_ranked(order: list[str]) -> None:
    sent: Sent = {value: str(order.index(value) + 1) for value in order}
    assert answer(RANKING, sent) == Answer(json=order)


@settings(deadline=None)
@given(st.integers(0, 8))
def test_every_step_of_a_slider_can_be_chosen(steps: int) -> None:
    assert answer(SLIDER, f"{-10 + 2.5 * steps:g}") == Answer(number=-10 + 2.5 * steps)


def test_of_an_answer_that_was_sent_twice_the_first_counts() -> None:
    assert answer(LIKERT, {"": ["1", "2"]}) == Answer(number=1.0)


def test_answers_to_what_was_not_asked_are_dropped() -> None:
    sent = {"item-q": "1", "item-other": "5", "q": "0", "item-q.x": "9", "item-qq": "0"}
    form = StepForm({"q": YES_NO}, "en", MultiDict(sent))
    assert form.validate()
    assert form.answers() == {"q": Answer(number=1.0)}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "number"])
def test_one_wrong_answer_keeps_the_others_in_the_page(kind: str) -> None:
    sent = MultiDict({"item-wrong": "twelve"})
    for part, values in GOOD[kind].items():
        name = f"item-q.{part}" if part else "item-q"
        sent.setlist(name, [values] if isinstance(values, str) else list(values))
    form = StepForm({"q": KINDS[kind], "wrong": NUMBER}, "en", sent)
    assert not form.validate()
    kept, wrong = form.fields
    assert [field.item_id for field in form.wrong] == ["wrong"]
    for part, values in GOOD[kind].items():
        assert list(kept.sent.all(part)) == ([values] if isinstance(values, str) else values)
    assert wrong.sent.first() == "twelve"


def test_a_message_leads_to_the_first_control_that_it_is_about() -> None:
    def first(item: Question, sent: Sent) -> str:
        form = form_of(item, sent)
        form.validate()
        return form.fields[0].first_id

    assert first(LIKERT, {}) == "item-q-1"
    assert first(MATRIX, {"one": "1"}) == "item-q.two-1"
    assert first(RANKING, {"a": "1", "b.b": "2", "0": "2"}) == "item-q.b.b-1"
    assert first(RANKING, {}) == "item-q.a-1"


def test_words_follow_the_language() -> None:
    asked = item(
        "likert", text={"en": "Sure?", "de": "Sicher?"}, min=1, max=3, labels={1: {"en": "no"}}
    )
    (field,) = StepForm({"q": asked}, "de").fields
    assert (field.text, field.language_of_text) == ("Sicher?", "de")
    assert (field.say({"en": "no"}), field.language_of({"en": "no"})) == ("no", "en")
    (field,) = StepForm({"q": asked}, "fr").fields
    assert (field.text, field.language_of_text) == ("Sure?", "en")


def test_a_section_has_its_heading_once() -> None:
    items = {
        name: item("yes_no", section=section)
        for name, section in [("a", None), ("b", EN), ("c", EN), ("d", {"en": "Other"})]
    }
    found = [field.heading for field in StepForm(items, "en").fields]
    assert found == [False, True, False, True]
    assert not any(field.bound.errors for field in StepForm(items, "en").fields)


@pytest.mark.parametrize(
    ("kind", "more", "expected"),
    [
        ("likert", {"min": 1, "max": 1}, "max must be 1 to 20 above min"),
        ("likert", {"min": 1, "max": 22}, "max must be 1 to 20 above min"),
        ("likert", {"min": 1, "max": 5, "labels": {6: EN}}, "label 6 lies outside 1 to 5"),
        ("semantic_differential", {"min": 1, "max": 7, "left": EN}, "right"),
        ("slider", {"min": 0, "max": 10, "step": 3}, "whole number of steps"),
        ("slider", {"min": 5, "max": 5}, "whole number of steps"),
        ("slider", {"min": 0, "max": 5000}, "whole number of steps"),
        ("slider", {"min": 0, "max": 5, "step": 0}, "greater than 0"),
        ("confidence", {"min": 100}, "less than 100"),
        ("multiple", {"choices": ABC, "min_chosen": 3, "max_chosen": 2}, "min_chosen"),
        ("multiple", {"choices": ABC, "max_chosen": 4}, "max_chosen"),
        ("ranking", {"choices": [ABC[0], ABC[0]]}, "stands among the choices twice"),
        ("matrix", {"rows": [ROWS[0], ROWS[0]], "min": 1, "max": 5}, "two rows have the same id"),
        ("matrix", {"rows": ROWS, "min": 1, "max": 50}, "max must be 1 to 20 above min"),
        ("number", {"min": 2, "max": 1}, "max must be above min"),
        ("date", {"min": "2026-02-30"}, "day is out of range"),
        ("date", {"min": "today"}, "year-month-day"),
        ("date", {"min": "2026-02-02", "max": "2026-02-01"}, "max must be after min"),
        ("text", {"max_length": 0}, "greater than or equal to 1"),
        ("yes_no", {"role": "scale"}, "items of a scale have this role by themselves"),
        ("dial", {}, "does not match any of the expected tags"),
    ],
)
def test_a_question_that_nobody_can_answer_is_refused(
    kind: str, more: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ValidationError, match=expected):
        item(kind, **more)


def test_an_order_is_kept_and_differs_between_people() -> None:
    items = {f"i{number}": item("yes_no") for number in range(6)}
    orders = {tuple(shuffled(items, 7, who, 2)) for who in range(60)}
    assert len(orders) > 40
    assert all(sorted(order) == sorted(items) for order in orders)
    assert list(shuffled(items, 7, "a", 2)) == list(shuffled(items, 7, "a", 2))
    # Every item comes first about equally often: 1 in 6 of 600, within 5 standard errors.
    first = [next(iter(shuffled(items, who))) for who in range(600)]
    assert all(abs(first.count(name) - 100) < 5 * (600 * 5 / 36) ** 0.5 for name in items)


def test_shuffling_keeps_sections_together_and_in_place() -> None:
    sections = ["x", "x", "x", "y", "y", "y"]
    items = {
        f"{section}{number}": item("yes_no", section={"en": section})
        for number, section in enumerate(sections)
    }
    for who in range(20):
        assert [name[0] for name in shuffled(items, who)] == sections
