"""CIFAR-10: read from a folder in its binary layout, or fetched once and kept.

Each record is a label and 32 x 32 red, then green, then blue pixels, row by row.
Source: Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images.
"""

import re
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from explainer.data.fetch import DataError, fetch, unpack
from explainer.encoding import sha256

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
NAME = "CIFAR-10"
TERMS = "no licence stated"
LABELS = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
WHOLE = (50_000, 10_000)  # training and test images
RECORD = 1 + 3 * 32 * 32
TRAINING = re.compile(r"data_batch_.*\.bin(\.gz)?")
TEST = re.compile(r"test_batch.*\.bin(\.gz)?")

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Pictures:
    """Images uint8 (n, 32, 32, 3) and labels uint8 (n,)."""

    images: Bytes
    labels: Bytes


@dataclass(frozen=True)
class Cifar:
    """Both halves, and the SHA-256 of each file they were read from."""

    train: Pictures
    test: Pictures
    files: dict[str, str]
    name: str = NAME
    terms: str = TERMS

    def found(self) -> str:
        """Say how many images are at hand, and of how many."""
        (train, test), (all_train, all_test) = (
            (len(self.train.labels), len(self.test.labels)),
            WHOLE,
        )
        return f"{train:,} of {all_train:,} training and {test:,} of {all_test:,} test images"


def load(folder: Path | None = None) -> Cifar:
    """Read CIFAR-10 from `folder`, as much of it as is there, or from the cache, filled when empty.

    folder: has data_batch_*.bin and test_batch*.bin, gzipped or not; all of them are read in the
    order of their names. Raises DataError saying which file is wrong, and what to do.
    """
    if folder is None:
        archive = fetch("cifar10/cifar-10-binary.tar.gz", [URL], SHA256)
        files = _members(archive)
        sums = {archive.name: SHA256}
    else:
        files = _files(folder)
        sums = {name: sha256(data) for name, data in files.items()}
    place = "the archive" if folder is None else folder
    train = _half(files, TRAINING, f"{place} has no training images (data_batch_*.bin)")
    test = _half(files, TEST, f"{place} has no test images (test_batch*.bin)")
    return Cifar(train, test, sums)


def _half(files: dict[str, bytes], pattern: re.Pattern[str], lacking: str) -> Pictures:
    """Join the batches whose names fit."""
    parts = [_records(data, name) for name, data in files.items() if pattern.fullmatch(name)]
    if not parts:
        raise DataError(f"{lacking}: unpack {URL} into it, or leave --data out to fetch it")
    images, labels = zip(*parts, strict=True)
    return Pictures(np.concatenate(images), np.concatenate(labels))


def _files(folder: Path) -> dict[str, bytes]:
    """Every batch in a folder, by name; the packed one where both are there."""
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise DataError(f"{folder} cannot be read ({error.strerror})") from error
    names = {path.name for path in paths}
    return {
        path.name: path.read_bytes()
        for path in paths
        if (TRAINING.fullmatch(path.name) or TEST.fullmatch(path.name))
        and f"{path.name}.gz" not in names
    }


def _members(archive: Path) -> dict[str, bytes]:
    """Every batch in the archive, by name."""
    found = {}
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                name = Path(member.name).name
                if member.isfile() and (TRAINING.fullmatch(name) or TEST.fullmatch(name)):
                    file = tar.extractfile(member)
                    found[name] = file.read() if file else b""
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"{archive} is damaged ({error}): delete it to fetch it again") from error
    return dict(sorted(found.items()))


def _records(data: bytes, name: str) -> tuple[Bytes, Bytes]:
    """Images (n, 32, 32, 3) and labels (n,) of one batch."""
    data = unpack(data, name)
    if not data or len(data) % RECORD:
        raise DataError(
            f"{name} holds {len(data)} bytes, expected a multiple of {RECORD}: download it again"
        )
    records = np.frombuffer(data, np.uint8).reshape(-1, RECORD)
    labels = records[:, 0].copy()
    if labels.max() >= len(LABELS):
        raise DataError(f"a label in {name} is {labels.max()}, expected 0 to 9")
    return records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy(), labels
