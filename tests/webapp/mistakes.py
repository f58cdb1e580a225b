"""Mistakes in a study file, a line each: what is changed | where it is said | what is expected.

A change is `path = value`, `insert path = value` or `drop path`; the value is YAML. Without a place
the mistake is said at the path that was changed.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from lab import definition, write_study

from webapp.problems import FileError
from webapp.study import read

CHANGE = re.compile(r"(?P<how>drop |insert )?(?P<path>[^=]+?)( = (?P<value>.*))?")


def rows(table: str) -> list[Any]:
    """One parameter set (change, place, expected) for each line."""
    found = []
    for line in table.strip().splitlines():
        change, place, expected = (part.strip() for part in line.split("|"))
        match = CHANGE.fullmatch(change)
        assert match, change
        found.append(pytest.param(change, place or match["path"], expected, id=change[:60]))
    return found


def changed(change: str) -> dict[str, Any]:
    """The small study with one change."""
    study = definition()
    match = CHANGE.fullmatch(change)
    assert match, change
    *way, last = [int(part) if part.isdigit() else part for part in match["path"].split(".")]
    here: Any = study
    for part in way:
        here = here[part]
    if match["how"] == "drop ":
        del here[last]
    elif match["how"] == "insert ":
        here.insert(last, yaml.safe_load(match["value"]))
    else:
        here[last] = yaml.safe_load(match["value"])
    return study


def said(folder: Path, study: dict[str, Any] | str) -> list[str]:
    """Every line of the refusal, as `line: path: message`."""
    write_study(folder, study)
    with pytest.raises(FileError) as caught:
        read(folder, folder / "instance")
    lines = str(caught.value).splitlines()
    file = str(folder / "study.yaml")
    assert all(re.match(re.escape(file) + r":\d+: ", line) for line in lines)
    return [line.removeprefix(f"{file}:") for line in lines]


def places(folder: Path, study: dict[str, Any]) -> list[tuple[str, str]]:
    """Every mistake in a study as (path, message)."""
    found = [line.split(": ", 2) for line in said(folder, study)]
    return [(path, message) for _, path, message in found]
