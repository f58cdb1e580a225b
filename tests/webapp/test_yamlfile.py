"""Every text file a researcher hands over is read safely, or refused with file and line."""

from pathlib import Path

import pytest

from webapp.problems import FileError
from webapp.yamlfile import LARGEST_FILE, parse, read_text


def refused(text: str) -> str:
    with pytest.raises(FileError) as caught:
        parse(text, "study.yaml")
    return str(caught.value)


def test_data_and_the_line_of_every_path() -> None:
    data, lines = parse("a: 1\nb:\n  - x\n  - c: 2\n1: one\n", "f")
    assert data == {"a": 1, "b": ["x", {"c": 2}], 1: "one"}
    assert lines[("a",)] == 1
    assert lines[("b",)] == 2
    assert lines[("b", 1)] == 4
    assert lines[("b", 1, "c")] == 4
    assert lines[(1,)] == 5


@pytest.mark.parametrize("word", ["no", "yes", "on", "off", "NO", "Yes", "y", "n"])
def test_words_that_yaml_1_1_takes_for_booleans_stay_words(word: str) -> None:
    assert parse(f"answer: {word}", "f")[0] == {"answer": word}


@pytest.mark.parametrize(("word", "value"), [("true", True), ("True", True), ("false", False)])
def test_true_and_false_are_booleans(word: str, value: bool) -> None:
    assert parse(f"answer: {word}", "f")[0] == {"answer": value}


def test_dates_stay_text() -> None:
    assert parse("day: 2026-11-22", "f")[0] == {"day": "2026-11-22"}


def test_a_repeated_key_is_said_with_its_line() -> None:
    assert refused("a: 1\nb: 2\na: 3\n") == (
        "study.yaml:3: a: this key stands here twice; remove one"
    )


def test_every_repeated_key_is_said() -> None:
    said = refused("a: {x: 1, x: 2}\nb: [{y: 1, y: 2}]\n")
    assert said.splitlines() == [
        "study.yaml:1: a.x: this key stands here twice; remove one",
        "study.yaml:2: b.0.y: this key stands here twice; remove one",
    ]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a: [1, 2", 1, "expected ',' or ']'"),
        ("a: 1\n\tb: 2\n", 2, "\\t"),
        ("a: 'open\nb: 2\n", 3, "while scanning a quoted scalar (line 1)"),
        ("a: 1\n---\nb: 2\n", 2, "but found another document"),
        ("a: &x 1\nb: *y\n", 2, "undefined alias"),
        ("a: !!python/object/apply:os.system ['true']\n", 1, "could not determine a constructor"),
        ("a: !!python/name:os.system\n", 1, "could not determine a constructor"),
        ("a: b: c\n", 1, "mapping values are not allowed"),
        ("@at\n", 1, "cannot start any token"),
    ],
)
def test_broken_yaml_is_said_with_its_line(text: str, line: int, reason: str) -> None:
    said = refused(text)
    assert said.startswith(f"study.yaml:{line}: not valid YAML: ")
    assert reason in said


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n"])
def test_an_empty_file_is_said(text: str) -> None:
    assert refused(text) == "study.yaml:1: the file is empty"


def test_python_objects_are_never_made(tmp_path: Path) -> None:
    mark = tmp_path / "made"
    refused(f"a: !!python/object/apply:os.mkdir ['{mark}']\n")
    assert not mark.exists()


def test_a_self_referring_alias_is_said() -> None:
    assert refused("a: &a\n  b: [*a]\n") == "study.yaml:1: a.b.0: an alias refers to itself"


def test_an_alias_bomb_is_refused_quickly() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert "aliases" in refused("\n".join(lines))


def test_aliases_in_moderation_are_fine() -> None:
    data, lines = parse("a: &x {en: Yes}\nb: *x\nc:\n  - *x\n", "f")
    assert data["c"] == [{"en": "Yes"}]
    assert lines[("b",)] == 2


def test_merge_keys_work() -> None:
    assert parse("a: &x {k: 1}\nb: {<<: *x, m: 2}\n", "f")[0]["b"] == {"k": 1, "m": 2}


def test_deep_nesting_is_refused() -> None:
    assert (
        refused("[" * 100_000 + "]" * 100_000) == "study.yaml:1: not valid YAML: nested too deeply"
    )


def test_keys_must_be_plain() -> None:
    assert refused("? [a, b]\n: 1\n") == "study.yaml:1: a key must be a plain word"


@pytest.mark.parametrize("text", ["a: 0x1G\n", "a: 1_000:99\n", "a: 190:20:30\n", "a: 1e400\n"])
def test_odd_scalars_never_end_in_a_traceback(text: str) -> None:
    parse(text, "f")


@pytest.mark.parametrize("tag", ["int", "float", "timestamp", "bool"])
def test_forced_types_that_do_not_fit_are_refused(tag: str) -> None:
    assert "not valid YAML" in refused(f"a: !!{tag} x\n")


def test_a_number_of_many_digits_is_refused() -> None:
    assert "not valid YAML" in refused(f"a: {'9' * 10_000}\n")


def test_text_is_read_as_utf8_with_either_line_end(tmp_path: Path) -> None:
    file = tmp_path / "consent.md"
    file.write_bytes(b"\xef\xbb\xbfCaf\xc3\xa9\r\nline\n")
    assert read_text(file) == "Café\nline\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"caf\xe9", "not UTF-8 text (byte 3); save it as UTF-8"),
        (b"\xff\xfea\x00", "not UTF-8 text (byte 0); save it as UTF-8"),
        (b"a\x00b", "holds a null byte; save it as plain text"),
        (b"x" * (LARGEST_FILE + 1), f"the file is larger than {LARGEST_FILE} bytes"),
        (b"\x89PNG\r\n\x1a\n", "not UTF-8 text (byte 0); save it as UTF-8"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "page.md"
    file.write_bytes(content)
    with pytest.raises(FileError) as caught:
        read_text(file)
    assert str(caught.value) == f"{file}:1: {said}"


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="there is no such file"):
        read_text(tmp_path / "none.md")
    with pytest.raises(FileError, match="cannot be read: Is a directory"):
        read_text(tmp_path)
