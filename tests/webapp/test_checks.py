"""Names, flow and files of a study: every mistake beyond the shape is said at its path."""

import re
from pathlib import Path
from typing import Any

import pytest
from lab import ASSETS, REPOSITORY, definition, digest_of, write_study
from mistakes import changed, places, rows

from webapp.checks import notes
from webapp.checks_files import find
from webapp.parts import File
from webapp.study import read

WRONG = r"""
stimuli.digits.checkpoint = digit | | expected one of: digits; did you mean digits?
explanations.mismatched.of = lime | | unknown name 'lime'
explanations.a = {method: shuffled, of: mismatched, seed: 1} | explanations.a.of | of a control
explanations.none = {method: shuffled, of: shap, seed: 1} | | rename it
factors.colour = {levels: [red, blue], vary: within} | | nothing depends on this factor
factors.explanation.levels.1 = shapp | | did you mean shap?
flow.1.page = welcome | | unknown name 'welcome'
flow.2.stimuli = cats | | unknown name 'cats'
flow.2.items.1 = certain | | unknown name 'certain'
flow.2.per_participant = 7 | | digits selects fewer stimuli than this
flow.2.order.max_run = {colour: 2} | flow.2.order.max_run.colour | unknown name 'colour'
factors.explanation.vary = between | flow.2.order.max_run.explanation | cannot be short
flow.3.scale = explanation-satisfacton | | did you mean explanation-satisfaction?
drop flow.3.fill | | need a word for [tool]
flow.3.fill = {tool: x, robot: y} | flow.3.fill.robot | has [robot]; remove it
drop flow.0 | | the flow starts with its only consent step
drop flow.5 | flow.4 | the flow ends with its only debrief step
drop pages.debrief | pages | there is no page called debrief; name its file here
flow.4.items = [used, trust] | items.trust | asked in two places
flow.4.items = [used, used] | items.used | asked in two places
pages.consent = gone.md | | gone.md: there is no such file
pages.consent = "." | | cannot be read: Is a directory
exclusions = [{id: x, item: age, equals: 1}] | exclusions.0.item | unknown name 'age'
exclusions = [{id: x, item: comment, equals: a}] | exclusions.0.item | a free text cannot decide
exclusions = [{id: x, item: sure, equals: "no"}] | exclusions.0.equals | 1 for yes or 0 for no
exclusions = [{id: x, item: used, equals: 1}] | exclusions.0.equals | 1 in quotation marks
exclusions = [{id: x, item: sure, equals: 7}] | exclusions.0.equals | 1 for yes or 0 for no
exclusions = [{id: x, item: trust, equals: 8}] | exclusions.0.equals | number from 1 to 7
exclusions = [{id: x, item: sure, equals: 1}, {id: x, item: sure, equals: 0}] | exclusions.1.id |
exclusions = [{id: x, item: used, equals: nevr}] | exclusions.0.equals | did you mean never?
checkpoints.digits.path = checkpoints/none | | no checkpoints/none beside the study
checkpoints.digits.path = checkpoints | | is no checkpoint: a folder with
checkpoints.digits.path = checkpoints/mnist-s4d/weights.safetensors | | is no checkpoint
stimuli.digits.data.path = data | | cannot be read: Is a directory
insert flow.3 = {step: debrief} | flow.6 | the flow ends with its only debrief step
insert flow.3 = {step: consent} | flow.0 | the flow starts with its only consent step
"""


@pytest.mark.parametrize(("change", "place", "expected"), rows(WRONG))
def test_a_wrong_name_or_flow_is_said_at_its_path(
    tmp_path: Path, change: str, place: str, expected: str
) -> None:
    messages = [message for path, message in places(tmp_path, changed(change)) if path == place]
    assert any(expected in message for message in messages)


@pytest.mark.parametrize(
    ("more", "place", "expected"),
    [
        ({"outcome": "trst"}, "hypotheses.0.outcome", "did you mean trust?"),
        ({"contrast": ["shap", "nil"]}, "hypotheses.0.contrast.1", "unknown name 'nil'"),
        ({"contrast": ["shap", "shap"]}, "hypotheses.0.contrast", "the two levels are the same"),
        ({"outcome": "comment"}, "hypotheses.0.outcome", "unknown name 'comment'"),
        ({"outcome": "years"}, "hypotheses.0.outcome", "unknown name 'years'"),
    ],
)
def test_hypotheses_name_items_and_levels(
    tmp_path: Path, more: dict[str, Any], place: str, expected: str
) -> None:
    hypothesis = {
        "id": "H1",
        "outcome": "trust",
        "formula": "rating ~ explanation",
        "contrast": ["shap", "none"],
        "confirmatory": True,
    }
    ((path, message),) = places(tmp_path, definition() | {"hypotheses": [hypothesis | more]})
    assert path == place
    assert expected in message


def reading(name: str, **explanations: Any) -> dict[str, Any]:
    """The small study on another shipped checkpoint."""
    study = definition()
    path = f"checkpoints/{name}"
    digest = digest_of(ASSETS / path / "weights.safetensors")
    study["checkpoints"]["digits"] = {"path": path, "sha256": digest}
    study["explanations"] |= explanations
    return study


def test_a_method_that_does_not_apply_to_what_a_checkpoint_reads_is_said(tmp_path: Path) -> None:
    anchors = {"method": "anchors"}
    ((path, message),) = places(tmp_path, reading("mnist-s4d", words=anchors))
    assert path == "explanations.words.method"
    assert message.startswith(
        "anchors does not apply to digits, of kind image; it applies to: text"
    )
    write_study(tmp_path, reading("reviews-s4", words=anchors))
    assert read(tmp_path, tmp_path / "instance").definition.explanations["words"].seed == 0


def placebic(**more: Any) -> dict[str, Any]:
    """The small study with words in place of an explanation."""
    study = definition()
    study["explanations"]["words"] = {"method": "placebic", "of": "shap", "seed": 1, **more}
    return study


def test_words_are_there_in_every_language_of_the_study(tmp_path: Path) -> None:
    """The study's own or ours."""
    write_study(tmp_path, placebic(words={"en": "Made by a computer.", "de": "Vom Computer."}))
    found = read(tmp_path, tmp_path / "instance").definition.explanations["words"]
    assert found.model_dump()["words"]["de"] == "Vom Computer."
    ((path, message),) = places(tmp_path, placebic(words={"en": "Made by a computer."}))
    assert path == "explanations.words.words"
    assert message == "participants read it in de too; write it in each language"
    study = placebic()
    study["title"]["it"] = "Un piccolo studio"
    ((path, message),) = places(tmp_path, study)
    assert (path, "in it too" in message) == ("explanations.words.words", True)


@pytest.mark.parametrize(
    ("checkpoint", "plan", "place", "message"),
    [
        ("mnist-s4d", {"method": "exact"}, "players", "at most 12 players here, and there are 784"),
        (
            "mnist-s4d",
            {"method": "exact", "parameters": {"players": "patches", "size": 7}},
            "players",
            "there are 16: group them into fewer .*, raise most_players, or use permutation",
        ),
        ("mnist-s4d", {"method": "owen"}, "players", "at most 547 players"),
        (
            "mnist-s4d",
            {"method": "interactions", "parameters": {"evaluations": 10**6}},
            "players",
            "at most 256 players",
        ),
        (
            "mnist-s4d",
            {"method": "permutation", "parameters": {"evaluations": 1567}},
            "evaluations",
            "needs at least 1568 for 784 players",
        ),
        (
            "sp500-spacetime",
            {"method": "kernel", "parameters": {"players": "segments", "evaluations": 40}},
            "evaluations",
            "needs at least 44 for 7 players",
        ),
    ],
)
def test_what_a_method_cannot_do_with_so_many_players_is_said(
    tmp_path: Path, checkpoint: str, plan: dict[str, Any], place: str, message: str
) -> None:
    found = dict(places(tmp_path, reading(checkpoint, new=plan)))
    assert list(found) == [f"explanations.new.parameters.{place}"]
    assert re.search(message, found[f"explanations.new.parameters.{place}"])


@pytest.mark.parametrize(
    ("checkpoint", "plan"),
    [
        ("reviews-s4", {"method": "exact"}),  # each text has its own number of words
        ("mnist-s4d", {"method": "exact", "parameters": {"mask": "zero"}}),  # black ones play not
        ("mnist-s4d", {"method": "permutation", "parameters": {"evaluations": 1568}}),
        ("sp500-spacetime", {"method": "exact"}),
    ],
)
def test_what_only_the_inputs_can_tell_is_left_to_precompute(
    tmp_path: Path, checkpoint: str, plan: dict[str, Any]
) -> None:
    write_study(tmp_path, reading(checkpoint, new=plan))
    assert "new" in read(tmp_path, tmp_path / "instance").definition.explanations


def test_continuations_are_selected_by_number_and_nothing_else_is_gone_on_from(
    tmp_path: Path,
) -> None:
    study = reading("wikitext-s4")
    ((path, message),) = places(tmp_path, study)
    assert path == "stimuli.digits.select"
    assert "select by count and seed" in message
    study["stimuli"]["digits"] |= {"select": {"count": 6, "seed": 1}, "generation": {"tokens": 5}}
    write_study(tmp_path, study)
    found = read(tmp_path, tmp_path / "instance").definition
    assert found.stimuli["digits"].select.total == 6
    assert list(notes(found)) == []
    study = definition()
    study["stimuli"]["digits"]["generation"] = {"tokens": 5}
    ((path, message),) = places(tmp_path, study)
    assert path == "stimuli.digits.generation"
    assert "goes on from no text" in message


def test_background_data_are_looked_for(tmp_path: Path) -> None:
    study = definition()
    study["stimuli"]["digits"]["background"] = {"path": "data/none.npz", "sha256": "0" * 64}
    ((path, message),) = places(tmp_path, study)
    assert path == "stimuli.digits.background.path"
    assert message.startswith("no data/none.npz beside the study")


@pytest.mark.parametrize("part", ["checkpoints.digits", "stimuli.digits.data"])
def test_a_file_with_another_digest_is_a_mistake(tmp_path: Path, part: str) -> None:
    ((path, message),) = places(tmp_path, changed(f"{part}.sha256 = '{'0' * 64}'"))
    assert path == f"{part}.sha256"
    assert "another file, or a damaged one" in message


def test_a_scale_stands_in_the_flow_once(tmp_path: Path) -> None:
    study = definition()
    study["flow"].insert(3, study["flow"][3])
    assert [path for path, _ in places(tmp_path, study)] == ["flow.3.scale", "flow.4.scale"]


def test_two_blocks_have_two_names(tmp_path: Path) -> None:
    study = definition()
    study["flow"].insert(3, study["flow"][2] | {"items": ["used"]})
    study["flow"][5]["items"] = ["years"]
    assert [path for path, _ in places(tmp_path, study)] == ["flow.2.block", "flow.3.block"]


def test_files_are_looked_up_beside_the_study_then_in_instance_then_shipped(tmp_path: Path) -> None:
    folder, instance = tmp_path / "study", tmp_path / "instance"
    file = File(path="data/mnist-200.npz", sha256="0" * 64)
    shipped = find(file, folder, instance)
    assert shipped is not None
    assert shipped.is_relative_to(REPOSITORY / "explainer")
    for root in (instance, folder):
        (root / "data").mkdir(parents=True)
        (root / "data" / "mnist-200.npz").write_bytes(b"other")
        assert find(file, folder, instance) == root / "data" / "mnist-200.npz"
    assert find(File(path="data/none.npz", sha256="0" * 64), folder, instance) is None
