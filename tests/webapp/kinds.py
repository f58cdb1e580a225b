"""A study with one page of every kind of item, and good answers to it."""

from copy import deepcopy
from typing import Any

from lab import questions_only


def en(text: str) -> dict[str, str]:
    return {"en": text}


LOOKS = [
    {"value": "heat", "text": en("The coloured picture")},
    {"value": "bars", "text": en("The bars under the line, one for each moment of the series")},
    {"value": "words", "text": en("The words")},
]
AGREE = {1: en("disagree strongly"), 5: en("agree strongly")}
ROWS = [
    {"id": "one", "text": en("I understand how the digit reader works.")},
    {"id": "two", "text": en("I could explain to a friend what red and blue say.")},
]
ITEMS: dict[str, dict[str, Any]] = {
    "rely": {
        "kind": "likert",
        "section": en("Points"),
        "text": en("I would rely on this answer."),
        "min": 1,
        "max": 7,
        "labels": {1: en("not at all"), 7: en("completely")},
        "may_refuse": True,
    },
    "felt": {
        "kind": "semantic_differential",
        "section": en("Points"),
        "text": en("The explanation felt"),
        "min": -3,
        "max": 3,
        "left": en("confusing"),
        "right": en("enlightening"),
        "may_refuse": True,
    },
    "odd": {"kind": "yes_no", "text": en("Did you notice anything odd?"), "may_refuse": True},
    "first": {
        "kind": "choice",
        "text": en("Which did you look at first?"),
        "choices": LOOKS,
        "may_refuse": True,
    },
    "looked": {
        "kind": "multiple",
        "text": en("Which did you look at?"),
        "choices": LOOKS,
        "max_chosen": 2,
        "may_refuse": True,
    },
    "order": {
        "kind": "ranking",
        "text": en("Put these in order, from most to least helpful."),
        "choices": LOOKS,
        "may_refuse": True,
    },
    "agree": {
        "kind": "matrix",
        "text": en("How far do you agree?"),
        "rows": ROWS,
        "min": 1,
        "max": 5,
        "labels": AGREE,
        "may_refuse": True,
    },
    "slider": {
        "kind": "slider",
        "section": en("Numbers"),
        "text": en("How mentally demanding was it?"),
        "min": 0,
        "max": 100,
        "step": 5,
        "min_label": en("very low"),
        "max_label": en("very high"),
        "may_refuse": True,
    },
    "sure": {
        "kind": "confidence",
        "section": en("Numbers"),
        "text": en("How confident are you?"),
        "min": 50,
        "role": "confidence",
        "may_refuse": True,
    },
    "years": {
        "kind": "number",
        "section": en("Numbers"),
        "text": en("How long have you used such models?"),
        "unit": en("years"),
        "min": 0,
        "max": 80,
        "required": False,
        "may_refuse": True,
    },
    "since": {
        "kind": "date",
        "section": en("Numbers"),
        "text": en("When did you first use one?"),
        "min": "1990-01-01",
        "max": "2030-01-01",
        "may_refuse": True,
    },
    "field": {"kind": "text", "text": en("Your field of work"), "max_length": 60, "short": True},
    "comment": {
        "kind": "text",
        "text": en("Anything else?"),
        "max_length": 500,
        "required": False,
        "may_refuse": True,
    },
}
ANSWERS = {
    "item-rely": "6",
    "item-felt": "-2",
    "item-odd": "0",
    "item-first": "bars",
    "item-looked": ["heat", "words"],
    "item-order.heat": "2",
    "item-order.bars": "3",
    "item-order.words": "1",
    "item-agree.one": "2",
    "item-agree.two": "5",
    "item-slider": "85",
    "item-sure": "73",
    "item-years": "2,5",
    "item-since": "2021-02-28",
    "item-field": "Größe & <b>no markup</b>",
    "item-comment": "\none\n\ntwo ",
}
STORED: dict[str, Any] = {
    "rely": 6.0,
    "felt": -2.0,
    "odd": 0.0,
    "first": "bars",
    "looked": ["heat", "words"],
    "order": ["words", "heat", "bars"],
    "agree.one": 2.0,
    "agree.two": 5.0,
    "slider": 85.0,
    "sure": 73.0,
    "years": 2.5,
    "since": "2021-02-28",
    "field": "Größe & <b>no markup</b>",
    "comment": "\none\n\ntwo ",
}


def all_kinds() -> dict[str, Any]:
    """The study: consent, one page with all of them, debrief."""
    study = questions_only()
    study["slug"] = "kinds"
    study["items"] = deepcopy(ITEMS)
    study["flow"][1] = {"step": "questionnaire", "items": list(ITEMS)}
    return study
