"""Tiny Shakespeare: a megabyte of plays, read from a folder or fetched once and kept."""

from dataclasses import dataclass
from pathlib import Path

from explainer.data.fetch import fetch, read, text
from explainer.encoding import sha256

URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"


@dataclass(frozen=True)
class Plays:
    """The text, and the SHA-256 of the file it was read from."""

    text: str
    files: dict[str, str]
    name: str = "tiny Shakespeare"
    terms: str = "public domain"


def load(folder: Path | None = None) -> Plays:
    """Read the plays from `folder`, which has input.txt, or from the cache, filled when empty.

    Raises DataError saying which file is wrong, and what to do.
    """
    if folder is None:
        name, data = "input.txt", fetch("shakespeare/input.txt", [URL], SHA256).read_bytes()
    else:
        advice = f"download {URL} into it, or leave --data out to fetch it"
        name, data = read(folder, ["input.txt"], advice)
    return Plays(text(data, name), {name: sha256(data)})
