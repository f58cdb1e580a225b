"""Labelled images in an .npz file: `images` uint8 (n, height, width), `labels`, `indices`."""

import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from explainer.artifact import sha256 as digest_of


class ImagesError(Exception):
    """A file of images is missing, damaged, or not the one that was meant."""


@dataclass(frozen=True)
class Images:
    """images uint8 (n, height, width); labels int (n,); indices int (n,), rows of the test file."""

    images: NDArray[np.uint8]
    labels: NDArray[np.integer]
    indices: NDArray[np.integer]


def read_images(path: Path, sha256: str) -> Images:
    """Read and check. Raises ImagesError naming the file, what is wrong, and what to do."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ImagesError(f"{path}: no such file; check the data's path") from error
    except OSError as error:
        raise ImagesError(f"{path}: cannot be read ({error.strerror})") from error
    digest = digest_of(data)
    if digest != sha256:
        raise ImagesError(
            f"{path}: SHA-256 is {digest}, but {sha256} is asked for; the file is damaged or "
            "another one: copy it again, or put its digest in place if it is the one meant"
        )
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            images, labels, indices = (file[name] for name in ("images", "labels", "indices"))
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ImagesError(
            f"{path}: no .npz with images, labels and indices ({error}); make it again"
        ) from error
    if images.dtype != np.uint8 or images.ndim != 3:
        raise ImagesError(
            f"{path}: images is {images.dtype} {images.shape}, expected uint8 (n, height, width)"
        )
    for name, array in (("labels", labels), ("indices", indices)):
        if array.dtype.kind not in "iu" or array.shape != images.shape[:1]:
            raise ImagesError(
                f"{path}: {name} is {array.dtype} {array.shape}, expected a whole number an image"
            )
    return Images(images, labels, indices)
