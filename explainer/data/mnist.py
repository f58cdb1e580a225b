"""MNIST: read from a folder, or fetched once from a public mirror and kept.

Source: LeCun, Cortes and Burges, http://yann.lecun.com/exdb/mnist/, idx format.
"""

import math
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from explainer.data.fetch import DataError, fetch, read, unpack
from explainer.encoding import sha256

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
# SHA-256 of the original files, enforced on what is fetched.
FILES = {
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",  # noqa: E501
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",  # noqa: E501
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
UNSIGNED_BYTES = 0x08

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Digits:
    """Images uint8 (n, 28, 28) and labels uint8 (n,)."""

    images: Bytes
    labels: Bytes


@dataclass(frozen=True)
class Mnist:
    """Both halves, and the SHA-256 of each file they were read from."""

    train: Digits
    test: Digits
    files: dict[str, str]
    name: str = "MNIST"
    terms: str = "usually given as CC BY-SA 3.0"


def load(folder: Path | None = None) -> Mnist:
    """Read MNIST from `folder`, or from the cache, which is filled from a mirror when empty.

    Raises DataError saying which file is wrong, and what to do.
    """
    raw = {name: _read(folder, name) for name in FILES}
    train_images, train_labels, test_images, test_labels = (
        _idx(data, name) for name, data in raw.items()
    )
    return Mnist(
        _digits(train_images, train_labels, "train"),
        _digits(test_images, test_labels, "t10k"),
        {name: sha256(data) for name, data in raw.items()},
    )


def _read(folder: Path | None, name: str) -> bytes:
    """Read one file from `folder`, or from the cache; as it is, or unpacked without .gz."""
    if folder is None:
        urls = [mirror + name for mirror in MIRRORS]
        return fetch(f"mnist/{name}", urls, FILES[name]).read_bytes()
    advice = (
        f"download the four files ({', '.join(FILES)}) from {MIRRORS[0]} into it, or leave --data "
        "out to fetch them"
    )
    return read(folder, [name.removesuffix(".gz")], advice)[1]


def _idx(data: bytes, name: str) -> Bytes:
    """Parse an idx file of unsigned bytes, gzipped or not."""
    data = unpack(data, name)
    if len(data) < 4 or data[0] or data[1] or data[2] != UNSIGNED_BYTES or data[3] not in (1, 3):
        raise DataError(f"{name} is no idx file of bytes: download it again")
    dimensions = data[3]
    start = 4 + 4 * dimensions
    if len(data) < start:
        raise DataError(f"{name} ends within its header: download it again")
    shape = struct.unpack(f">{dimensions}I", data[4:start])
    if len(data) - start != math.prod(shape):
        raise DataError(
            f"{name} holds {len(data) - start} values, its header says {shape}: download it again"
        )
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape).copy()


def _digits(images: Bytes, labels: Bytes, half: str) -> Digits:
    if images.ndim != 3 or images.shape[1:] != (28, 28):
        raise DataError(f"the {half} images have shape {images.shape}, expected (n, 28, 28)")
    if labels.shape != images.shape[:1]:
        raise DataError(f"there are {len(images)} {half} images and {labels.size} labels")
    if labels.max(initial=0) > 9:
        raise DataError(f"a {half} label is {labels.max()}, expected 0 to 9")
    return Digits(images, labels)
