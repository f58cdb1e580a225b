"""What study.yaml may say: every wrong shape is said at its path, and editors know it too."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from kinds import all_kinds
from lab import REPOSITORY, definition, questions_only
from mistakes import changed, places, rows, said

from explainer.methods import Method
from explainer.methods.catalogue import METHODS
from webapp.definition import Definition, json_schema, say

WRONG = r"""
drop schema | | missing; this key is required
schema = credence/study/9 | | input should be 'credence/study/1'
colour = red | | unknown key; remove it or correct its name
block = main | | unknown key
slug = Small Study | | string should match pattern
seed = eleven | | input should be a valid integer
seed = 1.5 | | input should be a valid integer
title = A study | | input should be a valid dictionary
title = {} | | at least 1 item
title = {english: x} | title.english | string should match pattern
title = {en: "  "} | title.en | at least 1 character
title = {en: 7} | title.en | input should be a valid string
pages.consent = "../../secret.md" | | without ..
pages.consent = "/etc/passwd" | | relative to the study
pages.consent = "a\\b.md" | | with / and without ..
pages.consent = "" | | at least 1 character
checkpoints.digits.path = "../x" | | without ..
checkpoints.digits.sha256 = abc | | sha256sum
drop checkpoints.digits.sha256 | | missing
stimuli.digits.select.right = -1 | | greater than or equal to 0
stimuli.digits.select = {right: 0, wrong: 0, seed: 1} | | select at least one
explanations.shap.method = magic | explanations.shap | expected one of '
drop explanations.shap.method | explanations.shap | method
stimuli.digits.select = {count: 0, seed: 1} | stimuli.digits.select.count | than or equal to 1
stimuli.digits.select = {count: 3, right: 1, seed: 1} | stimuli.digits.select.right | unknown key
stimuli.digits.select = {right: 1, seed: 1} | stimuli.digits.select.wrong | missing
stimuli.digits.select = some | | valid dictionary
stimuli.digits.generation = {tokens: 0} | stimuli.digits.generation.tokens | or equal to 1
stimuli.digits.background = data | | valid dictionary
explanations.shap.parameters.mask = 2 | | a number from 0 to 1, got 2
explanations.shap.parameters.mask = men | | expected "default" or "mean" or
explanations.shap.parameters.mask = true | | got True
explanations.shap.parameters.evaluations = 3 | | expected a whole number from 4 to 1e+07, got 3
explanations.shap.parameters.evaluations = 100.0 | | expected a whole number
explanations.shap.parameters.samples = 3 | | unknown key; remove it or correct its name
explanations.shap.of = mismatched | | unknown key
drop explanations.mismatched.of | | missing
explanations.mismatched.parameters = {} | | unknown key
explanations.mismatched.words = {en: x} | | unknown key
explanations.w = {method: placebic, of: shap, words: {}} | explanations.w.words | by language
explanations.w = {method: placebic, of: shap, words: {en: " "}} | explanations.w.words | of 1 to
explanations.w = {method: placebic, of: shap, words: {English: x}} | explanations.w.words | expected
explanations.w = {method: placebic, of: shap, words: some} | explanations.w.words | "default" or a
factors.explanation.levels = [none] | | at least 2 items
factors.explanation.levels = [none, none] | factors.explanation | a level stands here twice
factors.explanation.vary = across | | 'within', 'block' or 'between'
items.trust.kind = dial | items.trust | expected one of 'likert'
items.trust.max = 1 | items.trust | max must be 1 to 20 above min
items.trust.max = 40 | items.trust | max must be 1 to 20 above min
items.trust.labels = {"9": {en: x}} | items.trust | label 9 lies outside 1 to 7
items.used.choices.1.value = always | items.used.choices | a value stands among the choices twice
items.used.choices.1.value = with space | | string should match pattern
drop items.used.choices.1 | items.used.choices | at least 2 items
items.used.min_chosen = 1 | | unknown key
items.trust.role = scale | | items of a scale have this role by themselves
items.trust.may_refuse = perhaps | | valid boolean
flow.3.item_order = random | | 'fixed' or 'shuffled'
flow.4.may_refuse = true | flow.4 | say required and may_refuse at the items themselves
items.years.max = 0 | items.years | max must be above min
items.years.max = .nan | | finite number
items.years.min = -.inf | | finite number
items.comment.text = {en: 7} | items.comment.text.en | valid string
drop items.comment.text | | missing
drop flow.2.block | flow.2 | expected one of
flow.2.block = Main | | string should match pattern
items.comment.max_length = 0 | | greater than or equal to 1
items.Trust me = {kind: yes_no, text: {en: x}} | | string should match pattern
flow = [] | | at least 2 items
flow.1 = {step: quiz} | | expected one of
flow.1 = instructions | | expected one of
flow.2.per_participant = 0 | | greater than or equal to 1
flow.2.items = [] | flow.2 | asks nothing by itself; name items
flow.2.order.rule = random | | 'shuffled' or 'fixed'
flow.3.items = [used] | flow.3 | give either a scale or items
drop flow.4.items | flow.4 | give either a scale or items
recruitment.id_parameter = a b | | string should match pattern
recruitment.outcomes.complete.code = "<b>" | | string should match pattern
"""


@pytest.mark.parametrize(("change", "place", "expected"), rows(WRONG))
def test_a_wrong_shape_is_said_at_its_path(
    tmp_path: Path, change: str, place: str, expected: str
) -> None:
    found = places(tmp_path, changed(change))
    assert {path for path, _ in found} == {place}
    assert any(expected in message for _, message in found)


def test_a_mistake_in_a_key_that_is_also_a_kind_has_its_own_path(tmp_path: Path) -> None:
    study = definition()
    study["items"]["comment"]["text"] = {"en": 7}
    study["flow"][2]["block"] = "Main block"
    del study["items"]["comment"]["kind"]
    del study["items"]["years"]["text"]
    assert [line.split(": ")[1] for line in said(tmp_path, study)] == [
        "items.years.text",
        "items.comment",
        "flow.2.block",
    ]


@pytest.mark.parametrize("seed", [-1, 2**63, 10**40])
def test_seeds_that_do_not_fit_are_refused(tmp_path: Path, seed: int) -> None:
    study = definition()
    study["explanations"]["shap"]["seed"] = seed
    assert "explanations.shap.seed" in said(tmp_path, study)[0]


def test_a_language_that_is_too_long_for_its_column_is_refused(tmp_path: Path) -> None:
    study = definition() | {"title": {"de-Latn-DE-1996-x-abc": "Eine Studie"}}
    assert "title" in said(tmp_path, study)[0]


@pytest.mark.parametrize("length", [64, 500_000])
def test_a_slug_has_at_most_63_characters(tmp_path: Path, length: int) -> None:
    ((path, message),) = places(tmp_path, definition() | {"slug": "x" * length})
    assert path == "slug"
    assert len(message) < 300


def test_say_falls_back_to_the_first_language() -> None:
    assert say({"en": "Yes", "de": "Ja"}, "de") == "Ja"
    assert say({"en": "Yes", "de": "Ja"}, "fr") == "Yes"


def through_an_editor(study: Any) -> Any:
    """A study as an editor's JSON Schema check meets it: every key is text."""
    return json.loads(json.dumps(study))


def test_the_json_schema_accepts_good_studies() -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    demo = yaml.safe_load((REPOSITORY / "studies" / "demo" / "study.yaml").read_text("utf-8"))
    for study in (demo, definition(), questions_only(), all_kinds()):
        validator.validate(through_an_editor(study))


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda each: each.name)
def test_every_method_can_be_asked_for_with_its_defaults_and_by_the_schema(method: Method) -> None:
    """What study.yaml makes of a method is what a plan makes of it, and an editor takes both."""
    entry: dict[str, Any] = {"method": method.name}
    defaults = method.complete({})
    given = entry | ({"of": "shap"} if method.control else {})
    full = given | (defaults if method.control else {"parameters": defaults})
    validator = jsonschema.Draft202012Validator(json_schema())
    for each in (given, full):
        study = definition()
        study["explanations"]["new"] = each
        found = Definition.model_validate(study).explanations["new"].model_dump()
        assert {name: found[name] for name in full} == full
        validator.validate(through_an_editor(study))


def test_the_json_schema_completes_methods_and_their_parameters() -> None:
    """The place of a method's parameters has their names, words, limits and defaults."""
    parts = json_schema()["$defs"]
    assert set(METHODS) == {
        part["properties"]["method"]["const"]
        for part in parts.values()
        if "const" in part.get("properties", {}).get("method", {})
    }
    evaluations = parts["PermutationParameters"]["properties"]["evaluations"]
    assert evaluations["type"] == "integer"
    assert evaluations["default"] == METHODS["permutation"].parameters["evaluations"].default
    mask = parts["PermutationParameters"]["properties"]["mask"]["anyOf"]
    assert "mean" in mask[0]["enum"]
    assert (mask[1]["minimum"], mask[1]["maximum"]) == (0, 1)


def test_the_json_schema_takes_a_studys_own_words() -> None:
    """As the check does: by language, not empty, at most 1000 characters."""
    validator = jsonschema.Draft202012Validator(json_schema())
    parameter = METHODS["placebic"].parameters["words"]
    for words in (
        "default",
        {"en": "It looked."},
        {"en": "x" * 1000, "de-AT": "y"},
        "some",
        {},
        {"en": ""},
        {"en": "  "},
        {"en": 7},
        {"English": "It looked."},
        {"en": "x" * 1001},
        ["It looked."],
        None,
    ):
        study = definition()
        study["explanations"]["new"] = {"method": "placebic", "of": "shap", "words": words}
        assert validator.is_valid(study | {"items": {}}) is parameter.accepts(words), words


@pytest.mark.parametrize(
    "change",
    [
        "colour = red",
        "explanations.shap.method = magic",
        "explanations.shap.parameters.mask = men",
        "explanations.shap.parameters.evaluations = 3",
        "explanations.shap.parameters.samples = 3",
        "explanations.mismatched.parameters = {}",
        "stimuli.digits.select = {count: 3, right: 1, seed: 1}",
        "drop flow",
        "slug = Not A Slug",
        "items.trust.kind = dial",
        "items.trust.min = one",
        "flow.1.step = quiz",
        "factors.explanation.vary = across",
    ],
)
def test_the_json_schema_rejects_broken_studies(change: str) -> None:
    validator = jsonschema.Draft202012Validator(json_schema())
    assert not validator.is_valid(through_an_editor(changed(change)))
