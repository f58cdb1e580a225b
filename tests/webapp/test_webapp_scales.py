"""The registered questionnaires: wording and scoring as published, placeholders filled."""

import json
import re
from typing import Any

import pytest
from lab import REPOSITORY
from pydantic import ValidationError

from webapp import scales
from webapp.definition import Questionnaire
from webapp.items import Likert, YesNo

GOLDEN = REPOSITORY / "tests" / "golden" / "explanation_satisfaction.json"


def test_explanation_satisfaction_is_as_published() -> None:
    """Hoffman, Mueller, Klein & Litman (2023), Frontiers in Computer Science 5:1096257."""
    published = json.loads(GOLDEN.read_text("utf-8"))
    scale = scales.shipped()["explanation-satisfaction"]
    for part in ("id", "name", "source", "licence"):
        assert getattr(scale, part) == published[part]
    assert [item.model_dump(exclude_none=True) for item in scale.items] == published["items"]
    assert scale.response is not None
    assert scale.response.model_dump(exclude_none=True) == published["response"]
    # Published scoring: the mean of the 8 items, none reversed.
    (score,) = scale.scores
    assert score.items == [item["id"] for item in published["items"]]
    assert (score.how, score.reverse, score.min_answered) == ("mean", (), 8)


@pytest.mark.parametrize("scale_id", scales.shipped())
def test_every_registered_scale_says_where_it_comes_from(scale_id: str) -> None:
    scale = scales.shipped()[scale_id]
    assert scale.id == scale_id
    assert len(scale.source) > 20
    assert scale.licence
    ids = [item.id for item in scale.items]
    assert len(set(ids)) == len(ids)
    assert {name for score in scale.scores for name in score.items} <= set(ids)


def test_placeholders_are_filled_as_they_stand() -> None:
    scale = scales.shipped()["explanation-satisfaction"]
    assert scale.placeholders == {"tool"}
    items = scale.to_items({"tool": r"digit \1 reader"})
    assert items["es7"].text["en"] == (
        r"This explanation of the digit \1 reader shows me how accurate the digit \1 reader is."
    )
    assert not any(re.search(r"\[\w+\]", item.text["en"]) for item in items.values())
    assert (items["es1"].min, items["es1"].max, items["es1"].required) == (1, 5, True)
    assert items["es1"].labels == {1: {"en": "disagree strongly"}, 5: {"en": "agree strongly"}}


def test_a_questionnaire_shows_its_scale_or_its_own_items_in_order() -> None:
    found = {"explanation-satisfaction": scales.shipped()["explanation-satisfaction"]}
    own: dict[str, Any] = {
        name: YesNo(kind="yes_no", text={"en": name}) for name in ("first", "second", "third")
    }
    entry = Questionnaire(step="questionnaire", items=["third", "first"])
    assert list(scales.items_of(entry, found, own)) == ["third", "first"]
    entry = Questionnaire(
        step="questionnaire", scale="explanation-satisfaction", fill={"tool": "x"}
    )
    items = scales.items_of(entry, found, own)
    assert list(items) == [f"es{number}" for number in range(1, 9)]
    assert all(isinstance(item, Likert) for item in items.values())


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"items": ["q1", "q9"]}, "names an unknown item q9"),
        ({"reverse": ["q9"]}, "names an unknown item q9"),
        ({"items": ["q1"], "reverse": ["q2"]}, "reverses an item that it does not count"),
        ({"min_answered": 3}, "asks for more answers than it has items"),
        ({"how": "median"}, "'mean' or 'sum'"),
        ({"items": []}, "at least 1 item"),
    ],
)
def test_scoring_that_cannot_be_done_is_refused(change: dict[str, Any], expected: str) -> None:
    score = {"id": "s", "items": ["q1", "q2"], "reverse": [], "how": "sum", "min_answered": 1}
    scale = {
        "schema": "credence/scale/1",
        "id": "s",
        "name": "S",
        "source": "nobody",
        "licence": "none",
        "language": "en",
        "response": {"type": "likert", "min": 1, "max": 5, "min_label": "a", "max_label": "b"},
        "items": [{"id": "q1", "text": "One"}, {"id": "q2", "text": "Two"}],
        "scores": [score | change],
    }
    with pytest.raises(ValidationError, match=re.escape(expected)):
        scales.Scale.model_validate(scale)
