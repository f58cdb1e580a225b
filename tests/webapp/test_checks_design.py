"""Factors, groups, conditions, checks, quotas and minimisation: mistakes are said at their path."""

from pathlib import Path
from typing import Any

import pytest
from designing import asked_first
from lab import definition, write_study
from mistakes import changed, places, rows

from webapp.study import read

SHAPE = r"""
flow.2.when = {item: used} | flow.2.when | compare by one of
flow.2.when = {equals: 1} | flow.2.when | give one of: item, factor, all, any
flow.2.when = {any: []} | flow.2.when.any | at least 1 item
flow.2.when = {all: [{item: used, equals: a}], above: 3} | flow.2.when | stand inside all or any
flow.2.least_seconds = 0 | | greater than 0
flow.1 = {step: instructions, least_seconds: 9, time_limit_seconds: 5} | | must be below
flow.2.difficulty_bands = [0.9, 0.5] | flow.2 | ascending
flow.2.difficulty_bands = [0.5] | flow.2 | difficulty, and only that
flow.2.strata = [colour] | flow.2.strata.0 | 'model_correct'
flow.2.strata = [difficulty] | flow.2 | takes difficulty_bands
flow.2.break_page = intro | flow.2 | say in break_every
flow.2.after_break = {longer_than_minutes: 9} | flow.2.after_break.then | missing
flow.2.after_break = {longer_than_minutes: 9, then: stop} | flow.2.after_break.then | 'restart'
exclusions = [{id: x, failed_checks_above: -1}] | exclusions.0.failed_checks_above | or equal to 0
flow.1 = {step: check, items: [used], correct: {}} | flow.1 | what the right answer
flow.1 = {step: check, items: [used], correct: {sure: 1}} | flow.1 | not among the items
flow.1 = {block: all, blocks: []} | flow.1.blocks | at least 1 item
flow.1 = {block: All, blocks: [{step: instructions}]} | flow.1.block | should match pattern
flow.1 = {block: all, blocks: [{step: quiz}]} | flow.1.blocks.0 | 'group', got 'quiz'
flow.1 = {items: [used]} | flow.1 | 'group' by the key block or step
flow.2.trial = advise | flow.2.trial | 'read', got 'advise'
flow.1 = {block: all, order: {rule: x}, blocks: [{step: debrief}]} | flow.1.order.rule | 'latin'
assign = {rule: minimisation} | assign | minimisation, and only that, takes covariates
assign = {covariates: [{item: used}]} | assign | minimisation, and only that
assign = {covariates: [{item: years, bands: [3, 1]}]} | assign.covariates.0 | ascending
quotas = [{most: 3, cell: {a: b}, when: {item: used, equals: a}}] | quotas.0 | not both
release_after_hours = 0 | | greater than 0
"""
SENSE = r"""
factors.explanation.vary = block | factors.explanation.vary | needs two blocks
factors.explanation.shows = {lime: {en: x}} | factors.explanation.shows.lime | unknown name 'lime'
factors.mood = {levels: [a, b], vary: between} | factors.mood | nothing depends on this factor
flow.2.when = {factor: mood, equals: a} | flow.2.when | unknown name 'mood'
flow.2.when = {factor: explanation, equals: shap} | flow.2.when | changes from trial to trial
flow.2.when = {item: used, equals: never} | flow.2.when | not surely asked before
flow.2.when = {item: trust, equals: 1} | flow.2.when | on no page outside of trials
flow.4.when = {item: es1, equals: a} | | ok
flow.3.when = {item: es1, above: 3} | flow.3.when | not surely asked before
flow.2.not_in = [second] | flow.2.not_in.0 | no block that stands before
flow.2.break_every = 3 | | ok
flow.2.order.max_run = {model_correct: 3} | | ok
flow.1 = {step: check, items: [used], correct: {used: nevr}} | flow.1.correct.used | mean never
flow.1 = {step: check, items: [sure], correct: {sure: "no"}} | flow.1.correct.sure | 1 for yes
flow.1 = {step: check, items: [sure], correct: {sure: 0}, again: x} | flow.1.again | unknown name
quotas = [{most: 3, cell: {explanation: shap}}] | quotas.0.cell.explanation | unknown name
quotas = [{most: 3, when: {item: trust, above: 3}}] | quotas.0.when | unknown name 'trust'
quotas = [{most: 3, when: {factor: explanation, equals: shap}}] | quotas.0.when | a quota of a cell
quotas = [{most: 3, when: {item: used, equals: nevr}}] | quotas.0.when | mean never
quotas = [{most: 3, when: {item: years, equals: 81}}] | quotas.0.when | from 0 to 80, not with 81
quotas = [{most: 3, when: {item: used, above: 1}}] | quotas.0.when | compare by equals or in
quotas = [{most: 3, when: {item: years, above: 80}}] | quotas.0.when | a number from 0 to 80
quotas = [{most: 3, when: {item: years, below: 0}}] | quotas.0.when | a number from 0 to 80
exclusions = [{id: x, failed_checks_above: 0}] | exclusions.0.failed_checks_above | no check
exclusions = [{id: x, straight_lining: sus}] | exclusions.0.straight_lining | unknown name 'sus'
exclusions = [{id: x, straight_lining: explanation-satisfaction}] | | ok
assign = {rule: minimisation, covariates: [{item: used}]} | assign.covariates.0.item | before every
assign = {rule: minimisation, covariates: [{item: age}]} | assign.covariates.0.item | unknown name
"""


@pytest.mark.parametrize(("change", "place", "expected"), rows(SHAPE))
def test_a_wrong_shape_is_said(tmp_path: Path, change: str, place: str, expected: str) -> None:
    found = places(tmp_path, changed(change))
    assert {path for path, _ in found} == {place}
    assert any(expected in message for _, message in found)


@pytest.mark.parametrize(("change", "place", "expected"), rows(SENSE))
def test_a_wrong_design_is_said(tmp_path: Path, change: str, place: str, expected: str) -> None:
    study = changed(change)
    if expected == "ok":
        write_study(tmp_path, study)
        read(tmp_path, tmp_path / "instance")
        return
    messages = [message for path, message in places(tmp_path, study) if path == place]
    assert any(expected in message for message in messages)


def grouped(rule: str) -> dict[str, Any]:
    """The small study with its questionnaires in a group after the trials."""
    study = definition()
    study["flow"][3:5] = [{"block": "after", "order": {"rule": rule}, "blocks": study["flow"][3:5]}]
    return study


def test_a_condition_may_rest_on_a_fixed_group_but_not_on_a_shuffled_one(tmp_path: Path) -> None:
    study = grouped("fixed")
    study["flow"][3]["blocks"][1]["when"] = {"item": "es1", "above": 3}
    write_study(tmp_path / "a", study)
    read(tmp_path / "a", tmp_path)
    study["flow"][3]["order"] = {"rule": "shuffled"}
    ((path, message),) = places(tmp_path / "b", study)
    assert path == "flow.3.blocks.1.when"
    assert "not surely asked before" in message


def test_mistakes_inside_groups_have_their_whole_path(tmp_path: Path) -> None:
    study = grouped("latin")
    study["flow"][3]["blocks"][0]["scale"] = "explanation-satisfacton"
    study["flow"][3]["blocks"][1]["items"] = ["used", "agee"]
    study["flow"][3]["blocks"].append({"step": "debrief"})
    found = dict(places(tmp_path, study))
    assert "did you mean" in found["flow.3.blocks.0.scale"]
    assert "unknown name 'agee'" in found["flow.3.blocks.1.items.1"]
    assert "only debrief" in found["flow.4"]


def test_blocks_that_share_stimuli_need_enough_of_them(tmp_path: Path) -> None:
    study = definition()
    second = {**study["flow"][2], "block": "second", "not_in": ["main"], "items": ["used"]}
    study["flow"].insert(3, second)
    study["flow"][5]["items"] = ["years"]
    ((path, message),) = places(tmp_path, study)
    assert path == "flow.3.per_participant"
    assert "takes 12 stimuli" in message


@pytest.mark.parametrize(
    ("item", "compared", "expected"),
    [
        ("sure", {"equals": "yes"}, "1 for yes or 0 for no, not with 'yes'"),
        ("sure", {"in": [True, 2]}, "1 for yes or 0 for no, not with 2"),
        ("trust", {"not_equals": 9}, "a whole number from 1 to 7, not with 9"),
        ("trust", {"equals": 2.5}, "a whole number from 1 to 7, not with 2.5"),
        ("comment", {"equals": 5}, "write 5 in quotation marks"),
        ("several", {"equals": "z"}, "unknown name 'z', expected one of: a, b"),
        ("order", {"equals": "a"}, "answered with an order"),
        ("grid", {"equals": 3}, "an answer for each row"),
    ],
)
def test_a_condition_that_no_answer_meets_is_said(
    tmp_path: Path, item: str, compared: dict[str, Any], expected: str
) -> None:
    study = asked_first()
    text, letters = {"en": "x"}, [{"value": each, "text": {"en": each}} for each in "ab"]
    study["items"] |= {
        "several": {"kind": "multiple", "text": text, "choices": letters},
        "order": {"kind": "ranking", "text": text, "choices": letters},
        "grid": {"kind": "matrix", "text": text, "min": 1, "max": 5},
    }
    study["items"]["grid"]["rows"] = [{"id": "a", "text": text}]
    study["flow"][1]["items"] = [*study["flow"][1]["items"], "several", "order", "grid", "comment"]
    study["flow"][1]["items"] += ["sure", "trust"]
    study["flow"][3] |= {"items": ["again"], "when": {"item": item, **compared}}
    study["items"]["again"] = study["items"]["sure"]
    ((where, said),) = places(tmp_path, study)
    assert where == "flow.3.when"
    assert expected in said
