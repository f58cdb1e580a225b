"""What is wrong with a file that a researcher wrote, said by file, line and path."""

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One mistake: where it stands in the file and what was expected there."""

    path: Path
    message: str


Problems = Iterator[Problem]


class FileError(Exception):
    """A file cannot be used; `str()` gives one line for each mistake."""

    def __init__(self, file: str, problems: list[Problem], lines: dict[Path, int]) -> None:
        """Keep the mistakes; `lines` maps a path to its line in the file, counted from 1."""
        self.problems = problems
        super().__init__("\n".join(_say(file, problem, lines) for problem in problems))


def known(path: Path, name: str, names: Iterable[str]) -> Problems:
    """A problem where a name is none of those that are there, with the nearest of them."""
    names = list(names)
    if name not in names:
        close = difflib.get_close_matches(name, names, 1)
        hint = f"; did you mean {close[0]}?" if close else ""
        expected = ", ".join(names) if names else "nothing is defined there yet"
        yield Problem(path, f"unknown name {name!r}, expected one of: {expected}{hint}")


def _say(file: str, problem: Problem, lines: dict[Path, int]) -> str:
    path = ".".join(str(part) for part in problem.path)
    return f"{file}:{_line(problem.path, lines)}: {path + ': ' if path else ''}{problem.message}"


def _line(path: Path, lines: dict[Path, int]) -> int:
    """Line of the deepest part of the path that is in the file; a missing key has its parent's."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)
