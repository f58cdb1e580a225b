"""The registered questionnaires: wording and scoring as published, placeholders filled."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from lab import REPOSITORY, definition, write_study
from mistakes import places
from pydantic import ValidationError

from webapp import scales
from webapp.definition import Questionnaire
from webapp.items import Likert, Slider, YesNo
from webapp.problems import FileError
from webapp.study import read

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
    first = items["es1"]
    assert isinstance(first, Likert)
    assert (first.min, first.max, first.required) == (1, 5, True)
    assert first.labels == {1: {"en": "disagree strongly"}, 5: {"en": "agree strongly"}}


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


def test_a_scale_may_be_left_out_or_refused_where_its_page_says_so() -> None:
    entry = Questionnaire(step="questionnaire", scale="nasa-tlx", required=False, may_refuse=True)
    items = scales.items_of(entry, scales.shipped(), {})
    assert {(item.required, item.may_refuse) for item in items.values()} == {(False, True)}
    with pytest.raises(ValidationError, match="at the items themselves"):
        Questionnaire(step="questionnaire", items=["a"], required=False)


def test_the_task_load_index_is_asked_on_lines_of_21_marks() -> None:
    """Hart & Staveland (1988): from low to high in 20 steps; performance from perfect on."""
    items = scales.shipped()["nasa-tlx"].to_items({})
    lines = {name: item for name, item in items.items() if isinstance(item, Slider)}
    assert list(lines) == list(items)
    assert all(item.line == (0, 100, 5) for item in lines.values())
    ends = {name: (item.min_label, item.max_label) for name, item in lines.items()}
    assert ends.pop("performance") == ({"en": "perfect"}, {"en": "failure"})
    assert all(each == ({"en": "very low"}, {"en": "very high"}) for each in ends.values())


def test_the_survey_of_2023_has_nine_items_in_five_sections() -> None:
    items = scales.shipped()["s4-text-trust"].to_items({})
    sections = [item.section["en"] for item in items.values() if item.section]
    assert len(items) == len(sections) == 9
    assert list(dict.fromkeys(sections)) == [
        "Interpretability", "Fairness", "Robustness", "Safety", "Overall",
    ]  # fmt: skip
    assert [name for name, item in items.items() if isinstance(item, YesNo)] == ["f1", "r2", "s2"]


def test_every_point_of_a_scale_can_have_its_label() -> None:
    changed = OWN | {
        "response": {"type": "likert", "min": 1, "max": 3, "labels": {1: "a", 2: "b", 3: "c"}}
    }
    item = scales.Scale.model_validate(changed).to_items({})["q1"]
    assert isinstance(item, Likert)
    assert item.labels == {1: {"en": "a"}, 2: {"en": "b"}, 3: {"en": "c"}}


OWN: dict[str, Any] = {
    "schema": "credence/scale/1",
    "id": "own",
    "name": "A scale of our own",
    "source": "nobody",
    "licence": "none",
    "language": "en",
    "response": {"type": "likert", "min": 1, "max": 5, "min_label": "a", "max_label": "b"},
    "items": [{"id": "q1", "text": "One"}, {"id": "q2", "text": "Two"}],
    "scores": [{"id": "s", "items": ["q1", "q2"], "reverse": [], "how": "sum", "min_answered": 1}],
}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"items": ["q1", "q9"]}, "names an unknown item q9"),
        ({"reverse": ["q9"]}, "names an unknown item q9"),
        ({"items": ["q1"], "reverse": ["q2"]}, "reverses an item that it does not count"),
        ({"items": ["q1", "q1"]}, "counts an item twice"),
        ({"min_answered": 3}, "asks for more answers than it has items"),
        ({"how": "median"}, "'mean' or 'sum'"),
        ({"items": []}, "at least 1 item"),
        ({"scale_by": "much"}, "valid number"),
    ],
)
def test_scoring_that_cannot_be_done_is_refused(change: dict[str, Any], expected: str) -> None:
    scale = OWN | {"scores": [OWN["scores"][0] | change]}
    with pytest.raises(ValidationError, match=re.escape(expected)):
        scales.Scale.model_validate(scale)


def with_scale(folder: Path, scale: dict[str, Any], name: str = "own") -> dict[str, Any]:
    """The small study that asks this scale of its own; the scale's file beside it."""
    (folder / "scales").mkdir()
    text = yaml.safe_dump(scale, sort_keys=False)
    (folder / "scales" / f"{name}.yaml").write_text(text, "utf-8")
    study = definition()
    study["flow"][3] = {"step": "questionnaire", "scale": "own"}
    return study


def test_a_study_can_bring_a_scale_of_its_own(tmp_path: Path) -> None:
    write_study(tmp_path, with_scale(tmp_path, OWN))
    file = read(tmp_path, tmp_path / "instance")
    assert file.scales["own"].name == "A scale of our own"
    frozen = scales.Scale.model_validate(file.source()["scales"]["own"])  # type: ignore[index]
    assert frozen == file.scales["own"]
    before = file.digest
    (tmp_path / "scales" / "own.yaml").write_text(yaml.safe_dump(OWN | {"licence": "CC0"}))
    assert read(tmp_path, tmp_path / "instance").digest != before


@pytest.mark.parametrize(
    ("change", "place", "expected"),
    [
        ({"items": [{"id": "q1"}]}, "items.0.text", "missing; this key is required"),
        ({"colour": "red"}, "colour", "unknown key"),
        ({"licence": " "}, "licence", "at least 1 character"),
        ({"response": {"type": "dial"}}, "response", "expected one of 'likert'"),
        ({"response": {"type": "likert", "min": 1}}, "response.max", "missing"),
        ({"response": {"type": "likert", "min": 1, "max": 99}}, "response", "1 to 20 above min"),
        ({"response": None}, "", "say how q1 is answered"),
        ({"items": [{"id": "q1", "text": "a"}, {"id": "q1", "text": "b"}]}, "", "the id q1"),
        ({"id": "other"}, "id", "the file of this scale is called other.yaml"),
        ({"id": "nasa-tlx"}, "id", "a scale with this id ships with Credence"),
        ({"schema": "credence/scale/2"}, "schema", "credence/scale/1"),
    ],
)
def test_a_mistake_in_a_scale_is_said_with_its_file_and_line(
    tmp_path: Path, change: dict[str, Any], place: str, expected: str
) -> None:
    write_study(tmp_path, with_scale(tmp_path, OWN | change))
    with pytest.raises(FileError) as caught:
        read(tmp_path, tmp_path / "instance")
    (line, *_) = str(caught.value).splitlines()
    assert re.match(rf"{re.escape(str(tmp_path))}/scales/own\.yaml:\d+: ", line)
    assert f"{place}: " in line or not place
    assert expected in line


@pytest.mark.parametrize(
    ("change", "path", "expected"),
    [
        ({"items": [{"id": "used", "text": "a"}]}, "items.used", "asked in two places"),
        ({"items": [{"id": "es1", "text": "a"}]}, "flow.4.scale", "has an item es1 too"),
        ({"scores": [{"id": "trust", "items": ["q1"], "how": "sum", "min_answered": 1}]},
         "flow.3.scale", "its score trust is called like another"),
        ({"scores": [{"id": "satisfaction", "items": ["q1"], "how": "sum", "min_answered": 1}]},
         "flow.3.scale", "its score satisfaction is called like another"),
    ],
)  # fmt: skip
def test_items_and_scores_have_one_name_each_in_a_study(
    tmp_path: Path, change: dict[str, Any], path: str, expected: str
) -> None:
    scale = OWN | change
    if "items" in change:
        scale |= {"scores": []}
    study = with_scale(tmp_path, scale)
    shipped = {"step": "questionnaire", "scale": "explanation-satisfaction", "fill": {"tool": "x"}}
    study["flow"].insert(4, shipped)
    found = dict(places(tmp_path, study))
    assert expected in found[path]


def test_a_scale_that_is_nowhere_is_asked_for_by_its_nearest_name(tmp_path: Path) -> None:
    study = with_scale(tmp_path, OWN)
    study["flow"][3]["scale"] = "owm"
    ((path, message),) = places(tmp_path, study)
    assert path == "flow.3.scale"
    assert message.endswith("did you mean own?")
