"""Labelled images in an .npz file: `images` uint8 (n, height, width), `labels`, `indices`."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from explainer.data.contents import ContentsError, read_arrays


@dataclass(frozen=True)
class Images:
    """images uint8 (n, height, width), or with 3 colours last; labels, indices int (n,).

    indices: rows of the test file.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.integer]
    indices: NDArray[np.integer]


def read_images(path: Path, sha256: str) -> Images:
    """Read and check. Raises ContentsError naming the file, what is wrong, and what to do."""
    arrays = read_arrays(path, sha256)
    try:
        images, labels, indices = (arrays[name] for name in ("images", "labels", "indices"))
    except KeyError as error:
        raise ContentsError(
            f"{path}: no .npz with images, labels and indices ({error}); make it again"
        ) from error
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise ContentsError(
            f"{path}: images is {images.dtype} {images.shape}, expected uint8 (n, height, width)"
        )
    for name, array in (("labels", labels), ("indices", indices)):
        if array.dtype.kind not in "iu" or array.shape != images.shape[:1]:
            raise ContentsError(
                f"{path}: {name} is {array.dtype} {array.shape}, expected a whole number an image"
            )
    return Images(images, labels, indices)
