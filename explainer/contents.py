"""What a stimulus set is taken from: data read for a subject, by row."""

from pathlib import Path
from typing import Any, Protocol

from explainer.data.contents import ContentsError
from explainer.data.images import read_images
from explainer.data.pieces import read_pieces
from explainer.data.texts import read_texts
from explainer.subjects import Subject
from explainer.subjects.image import ImageSubject
from explainer.subjects.series import SeriesSubject
from explainer.subjects.text import TextSubject

Rows = tuple[Any, list[Any], list[dict[str, Any]]]


class Contents(Protocol):
    """Data that a set's stimuli are taken from."""

    def __len__(self) -> int:
        """How many rows."""

    def take(self, rows: list[int]) -> Rows:
        """Contents, truths (None where unknown) and sources of rows, as Subject.stimuli wants."""


def contents(subject: Subject, path: Path, digest: str) -> Contents:
    """Read data that a subject can be asked about. Raises ContentsError."""
    if isinstance(subject, ImageSubject):
        return _Images(subject, path, digest)
    if isinstance(subject, SeriesSubject):
        return _Pieces(subject, path, digest)
    return _Texts(subject, path, digest)


def background(path: Path, digest: str) -> Any:
    """Read what masks draw from: texts of a .jsonl, images or windows of an .npz.

    Raises ContentsError.
    """
    if path.suffix == ".jsonl":
        return list(read_texts(path, digest).texts)
    try:
        return read_pieces(path, digest).past
    except ContentsError:
        return read_images(path, digest).images


class _Images:
    """Labelled images that fit a checkpoint."""

    def __init__(self, subject: ImageSubject, path: Path, digest: str) -> None:
        """Read. Raises ContentsError where the data do not fit."""
        self.found, self.sha256 = read_images(path, digest), digest
        self.labels: tuple[str, ...] = subject.model.labels
        shape = subject.preprocessing.shape
        if self.found.images.shape[1:] != shape:
            raise ContentsError(
                f"{path}: images are {self.found.images.shape[1:]}, but the checkpoint "
                f"reads {shape}: name data that fits it"
            )
        if self.found.labels.max(initial=0) >= len(self.labels):
            raise ContentsError(
                f"{path}: a label is {self.found.labels.max()}, but the checkpoint has "
                f"{len(self.labels)} classes: name data that fits it"
            )

    def __len__(self) -> int:
        """How many images."""
        return len(self.found.images)

    def take(self, rows: list[int]) -> Rows:
        """Images uint8, labels, and where they are in the data and in the test file."""
        truths = [self.labels[int(self.found.labels[row])] for row in rows]
        sources = [
            {
                "data_sha256": self.sha256,
                "index": row,
                "test_index": int(self.found.indices[row]),
            }
            for row in rows
        ]
        return self.found.images[rows], truths, sources


class _Texts:
    """Texts, whose truths, where they are known, are labels of the checkpoint."""

    def __init__(self, subject: Subject, path: Path, digest: str) -> None:
        """Read. Raises ContentsError where a truth is no label."""
        self.found, self.sha256 = read_texts(path, digest), digest
        labels = subject.model.labels if isinstance(subject, TextSubject) else ()
        for number, truth in enumerate(self.found.truths, 1):
            if truth is not None and truth not in labels:
                known = f"labels {', '.join(labels)}" if labels else "no labels"
                raise ContentsError(
                    f"{path}: truth {number} is {truth!r}, but the checkpoint has {known}"
                )

    def __len__(self) -> int:
        """How many texts."""
        return len(self.found.texts)

    def take(self, rows: list[int]) -> Rows:
        """Texts, truths, and where they are in the data."""
        sources = [{"data_sha256": self.sha256, "index": row} for row in rows]
        return (
            [self.found.texts[row] for row in rows],
            [self.found.truths[row] for row in rows],
            sources,
        )


class _Pieces:
    """Windows of series that fit a forecaster."""

    def __init__(self, subject: SeriesSubject, path: Path, digest: str) -> None:
        """Read. Raises ContentsError where the windows are of another length."""
        self.found, self.sha256 = read_pieces(path, digest), digest
        if self.found.past.shape[1] != subject.lag:
            raise ContentsError(
                f"{path}: windows are of {self.found.past.shape[1]} steps, but the checkpoint "
                f"reads {subject.lag}: name data that fits it"
            )

    def __len__(self) -> int:
        """How many windows."""
        return len(self.found.past)

    def take(self, rows: list[int]) -> Rows:
        """Windows, the steps that came, and where they are in the data."""
        future = self.found.future
        sources = [
            {"data_sha256": self.sha256, "index": row, "ends": self.found.ends[row]} for row in rows
        ]
        return (
            list(self.found.past[rows]),
            [None if future is None else future[row] for row in rows],
            sources,
        )
