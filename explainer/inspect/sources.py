"""What a command reads: a checkpoint by name, and contents from a file or the shipped sample."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import explainer
from explainer import library
from explainer.contents import contents
from explainer.data.contents import ContentsError
from explainer.encoding import sha256
from explainer.methods import MethodError
from explainer.subjects import Subject
from explainer.subjects.load import load
from explainer.subjects.prompt import PromptSubject
from explainer.subjects.text import TextSubject
from explainer.subjects.tokens import encoded

INSTANCE = Path("instance")
SHIPPED = Path(explainer.__file__).parent / "assets" / "data"
SAMPLES = {
    "image": "mnist-200.npz",
    "text": "reviews-48.jsonl",
    "prompt": "prompts-24.jsonl",
    "series": "sp500-40.npz",
}


@dataclass(frozen=True)
class Source:
    """Contents, truths (None where unknown) and where each is from; note: what to know of them."""

    path: Path
    sha256: str
    contents: Any
    truths: list[Any]
    sources: list[dict[str, Any]]
    note: str

    def __len__(self) -> int:
        """How many there are."""
        return len(self.truths)

    def to_json(self) -> dict[str, Any]:
        """Return what was read, without the contents."""
        return {"name": self.path.name, "sha256": self.sha256, "n": len(self), "note": self.note}

    def __str__(self) -> str:
        """What was read, for a title."""
        return f"{len(self)} of {self.path.name}"


def find(name: str) -> Path:
    """Where a checkpoint lies. Raises CheckpointError."""
    return library.find(name, INSTANCE)


def subject(name: str, device: str) -> Subject:
    """Load a checkpoint by its name or path. Raises CheckpointError and DeviceError."""
    return load(find(name), device=device)


def source(subject: Subject, data: Path | None, rows: list[int] | None = None) -> Source:
    """Read contents that a subject can be asked about; the shipped sample by default.

    Raises ContentsError.
    """
    path = data or SHIPPED / SAMPLES[subject.kind]
    try:
        digest = sha256(path.read_bytes())
    except OSError as error:
        raise ContentsError(f"{path}: cannot be read ({error.strerror})") from error
    found = contents(subject, path, digest)
    card = path.with_suffix(".json")
    note = json.loads(card.read_bytes()).get("note", "") if card.exists() else ""
    return Source(path, digest, *found.take(rows or list(range(len(found)))), note)


def texts(subject: Subject, data: Path | None) -> Source:
    """Read texts. Raises MethodError for a subject that reads none."""
    if not isinstance(subject, PromptSubject | TextSubject):
        raise MethodError(
            f"this needs a checkpoint that reads texts, not one of kind {subject.kind}"
        )
    return source(subject, data)


def prompts(name: str, device: str) -> PromptSubject:
    """Load a language model. Raises MethodError for another checkpoint."""
    found = subject(name, device)
    if not isinstance(found, PromptSubject):
        raise MethodError(f"{name} is no language model; name one such as wikitext-s4")
    return found


def passages(subject: PromptSubject, given: Source, length: int | None = None) -> list[list[int]]:
    """The tokens of each text; or of all pieces of `length` that a text has, the rest left out.

    Raises MethodError where no text is as long.
    """
    whole = [encoded(subject.tokeniser, text)[0].tolist() for text in given.contents]
    if length is None:
        return [each for each in whole if len(each) > 1]
    found = [
        each[start : start + length]
        for each in whole
        for start in range(0, len(each) - length + 1, length)
    ]
    if not found:
        longest = max(map(len, whole))
        raise MethodError(
            f"no text of {given.path.name} has {length} tokens, the longest has {longest}: give "
            "a lower --length, or longer texts"
        )
    return found
