"""Every mistake in a study file is said by file, line and path, with what was expected."""

from pathlib import Path

import pytest
import yaml
from lab import REPOSITORY, definition, questions_only, write_study
from mistakes import said

from webapp.study import read


def test_the_small_study_has_no_mistakes(tmp_path: Path) -> None:
    file = read(write_study(tmp_path, definition()), tmp_path)
    assert file.definition.slug == "small"
    assert file.pages["instructions"].startswith("# What you will see")
    assert list(file.scales) == ["explanation-satisfaction"]
    assert file.definition.languages == ["en", "de"]


def test_a_study_of_questions_alone_has_no_mistakes(tmp_path: Path) -> None:
    assert read(write_study(tmp_path, questions_only()), tmp_path).definition.blocks == []


def test_the_demo_study_has_no_mistakes(tmp_path: Path) -> None:
    file = read(REPOSITORY / "studies" / "demo", tmp_path)
    assert read(REPOSITORY / "studies" / "demo" / "study.yaml", tmp_path).digest == file.digest


def test_the_line_is_the_one_in_the_file(tmp_path: Path) -> None:
    text = yaml.safe_dump(definition(), sort_keys=False)
    wrong = text.replace("vary: within", "vary: sideways")
    line = wrong.splitlines().index("    vary: sideways") + 1
    assert said(tmp_path, wrong)[0].startswith(f"{line}: factors.explanation.vary: ")


def test_a_missing_key_has_the_line_of_what_should_hold_it(tmp_path: Path) -> None:
    study = definition()
    del study["items"]["trust"]["max"]
    text = yaml.safe_dump(study, sort_keys=False)
    line = text.splitlines().index("  trust:") + 1
    expected = f"{line}: items.trust.max: missing; this key is required"
    assert said(tmp_path, text) == [expected]


def test_all_mistakes_are_said_at_once(tmp_path: Path) -> None:
    study = definition()
    study["flow"][2]["items"] = ["trsut"]
    study["pages"]["debrief"] = "gone.md"
    study["factors"]["explanation"]["levels"] = ["none", "lime"]
    assert len(said(tmp_path, study)) == 3


def test_an_empty_page_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "intro.md").write_text(" \n")
    expected = "9: pages.instructions: intro.md is empty; write its text"
    assert said(tmp_path, definition()) == [expected]


def test_a_page_that_is_no_text_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "intro.md").write_bytes(b"\xff\xfe")
    assert "intro.md: not UTF-8 text" in said(tmp_path, definition())[0]


@pytest.mark.parametrize(
    "text",
    ["- a\n- b\n", "just words\n", "42\n", "null\n", "true\n", "[" * 300 + "]" * 300 + "\n"],
)
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str) -> None:
    assert said(tmp_path, text)


@pytest.mark.parametrize(
    "value",
    ['"\\ud800"', '"\\0"', "!!binary AAEC", "!!set {a, b}", "{1: {2: 3}}", "[[1], {}]"],
)
@pytest.mark.parametrize("key", ["title", "slug", "seed", "flow", "items"])
def test_hostile_values_are_refused_in_words(tmp_path: Path, key: str, value: str) -> None:
    study = definition()
    del study[key]
    text = yaml.safe_dump(study, sort_keys=False) + f"{key}: {value}\n"
    for line in said(tmp_path, text):
        line.encode()
        assert len(line) < 400


@pytest.mark.parametrize("word", ["\\ud800", "\\0", "a\\ud800b"])
def test_words_that_no_database_can_store_are_refused(tmp_path: Path, word: str) -> None:
    text = yaml.safe_dump(definition(), sort_keys=False)
    assert said(tmp_path, text.replace("en: A small study", f'en: "{word}"'))
    assert said(tmp_path, text + f'"{word}": 1\n')


def test_a_huge_wrong_value_is_cut_in_the_message(tmp_path: Path) -> None:
    text = yaml.safe_dump(definition() | {"seed": "x" * 500_000})
    assert len(said(tmp_path, text)[0]) < 300


def test_the_digest_follows_every_text(tmp_path: Path) -> None:
    digests = {read(write_study(tmp_path, definition()), tmp_path).digest}
    for name in ("consent.md", "intro.md", "debrief.md"):
        (tmp_path / name).write_text(f"Another text of {name}")
        digests.add(read(tmp_path, tmp_path).digest)
    with (tmp_path / "study.yaml").open("a") as file:
        file.write("# a comment\n")
    digests.add(read(tmp_path, tmp_path).digest)
    assert len(digests) == 5


def test_line_ends_of_another_system_change_nothing(tmp_path: Path) -> None:
    before = read(write_study(tmp_path, definition()), tmp_path).digest
    for file in tmp_path.glob("*.*"):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert read(tmp_path, tmp_path).digest == before
