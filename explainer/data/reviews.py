"""Film reviews: sentences called positive or negative, read from a folder or fetched once.

Source: Pang and Lee (2005), Seeing stars, ACL 115-124: sentence polarity dataset v1.0. The original
is in Windows-1252; copies in UTF-8 are read, too.
"""

import io
import re
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from explainer.data.fetch import DataError, fetch, read, unpack
from explainer.encoding import sha256

URL = "https://www.cs.cornell.edu/people/pabo/movie-review-data/rt-polaritydata.tar.gz"
LABELS = ("negative", "positive")
FILES = ("rt-polarity.neg", "rt-polarity.pos")  # in the order of the labels
SHARES = (0.8, 0.1)  # of training and validation; the rest is for the test

Labels = NDArray[np.uint8]


@dataclass(frozen=True)
class Reviews:
    """Sentences, labels uint8 (n,), and the SHA-256 of each file they were read from."""

    texts: tuple[str, ...]
    labels: Labels
    files: dict[str, str]
    name: str = "Pang and Lee's sentence polarity dataset v1.0"
    terms: str = "research use"

    def part(self, rows: NDArray[np.int64]) -> tuple[list[str], Labels]:
        """Texts and labels of some rows."""
        return [self.texts[row] for row in rows], self.labels[rows]


@dataclass(frozen=True)
class Split:
    """Rows of each part, int64."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


def load(folder: Path | None = None) -> Reviews:
    """Read the sentences from `folder`, or from the cache, which is filled when empty.

    folder: has rt-polarity.neg and rt-polarity.pos, one sentence a line. Raises DataError saying
    which file is wrong, and what to do.
    """
    advice = f"unpack {URL} into it, or leave --data out to fetch it"
    texts, labels, files = [], [], {}
    packed = _members() if folder is None else None
    for label, name in enumerate(FILES):
        found, data = (name, packed[name]) if packed else read(folder or Path(), [name], advice)
        lines = [line.strip() for line in _text(data, found).split("\n")]
        kept = [line for line in lines if line]
        if not kept:
            raise DataError(f"{found} holds no sentence: {advice}")
        texts += kept
        labels += [label] * len(kept)
        files[found] = sha256(data)
    return Reviews(tuple(texts), np.array(labels, np.uint8), files)


def split(reviews: Reviews, seed: int) -> Split:
    """Draw 80 % for training, 10 % for validation and the rest for the test.

    Sentences of the same words, whatever their case and punctuation, fall into the same part.
    """
    groups: dict[str, list[int]] = {}
    for row, text in enumerate(reviews.texts):
        groups.setdefault(" ".join(re.findall(r"\w+", text.lower())), []).append(row)
    members = list(groups.values())
    order = np.random.default_rng(seed).permutation(len(members))
    rows = np.array([row for group in order for row in members[group]])
    before = np.cumsum([0, *(len(members[group]) for group in order)])
    first, second = (
        int(before[np.searchsorted(before, share * len(rows))])
        for share in (SHARES[0], sum(SHARES))
    )
    return Split(rows[:first], rows[first:second], rows[second:])


def _members() -> dict[str, bytes]:
    """Both files, out of the original's archive."""
    archive = fetch("reviews/rt-polaritydata.tar.gz", [URL], None)
    found = {}
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                name = Path(member.name).name
                if member.isfile() and name in FILES:
                    found[name] = (tar.extractfile(member) or io.BytesIO()).read()
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"{archive} is damaged ({error}): delete it to fetch it again") from error
    for name in FILES:
        if name not in found:
            raise DataError(f"{archive} has no {name}: delete it to fetch it again")
    return found


def _text(data: bytes, name: str) -> str:
    data = unpack(data, name)
    try:
        return data.decode()
    except UnicodeDecodeError:
        pass
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name} is neither UTF-8 nor Windows-1252 ({error}): download it again"
        ) from error
