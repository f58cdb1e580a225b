"""Texts in a file of JSON lines: each an object with `text`, and where known its `truth`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explainer.data.contents import ContentsError, read_bytes

LONGEST = 20_000  # characters


@dataclass(frozen=True)
class Texts:
    """texts and truths (None where unknown), one a line of the file."""

    texts: tuple[str, ...]
    truths: tuple[str | None, ...]


def read_texts(path: Path, sha256: str) -> Texts:
    """Read and check. Raises ContentsError naming the file, the line, and what to do."""
    try:
        lines = read_bytes(path, sha256).decode().splitlines()
    except UnicodeDecodeError as error:
        raise ContentsError(f"{path}: not UTF-8 ({error.reason}); save it as UTF-8") from error
    found = [
        _entry(f"{path}:{number}", line) for number, line in enumerate(lines, 1) if line.strip()
    ]
    if not found:
        raise ContentsError(f'{path}: holds no text; write a line {{"text": "..."}} for each')
    return Texts(tuple(text for text, _ in found), tuple(truth for _, truth in found))


def _entry(where: str, line: str) -> tuple[str, str | None]:
    try:
        entry: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ContentsError(f"{where}: not JSON ({error})") from error
    if not isinstance(entry, dict) or set(entry) - {"text", "truth"} or "text" not in entry:
        raise ContentsError(
            f'{where}: expected {{"text": ..., "truth": ...}}, truth if it is known'
        )
    text, truth = entry["text"], entry.get("truth")
    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST:
        raise ContentsError(f"{where}: text is not 1 to {LONGEST} characters with a word in them")
    if truth is not None and not isinstance(truth, str):
        raise ContentsError(f"{where}: truth is {truth!r}, expected a label")
    return text, truth
