"""scikit-learn's digits: 1,797 images of 8 x 8 pixels that come with it.

Source: Alpaydin and Kaynak (1998), Optical recognition of handwritten digits, UCI repository.
"""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from explainer.data.fetch import DataError, read, text
from explainer.encoding import sha256

FILE = "digits.csv"
LARGEST_PIXEL = 16


@dataclass(frozen=True)
class SmallDigits:
    """Images uint8 (n, 8, 8) from 0 to 16, labels uint8 (n,), and the file's SHA-256."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    files: dict[str, str]
    name: str = "Optical recognition of handwritten digits (scikit-learn)"
    terms: str = "CC BY 4.0"


def load(folder: Path | None = None) -> SmallDigits:
    """Read the digits from `folder`, which has digits.csv, gzipped or not, or from scikit-learn.

    Each row is 64 pixels and a label. Raises DataError saying what is wrong with the file.
    """
    if folder is None:
        name = f"{FILE}.gz"
        data = files("sklearn.datasets.data").joinpath(name).read_bytes()
    else:
        name, data = read(folder, [FILE], "leave --data out to take scikit-learn's own")
    try:
        table = np.loadtxt(text(data, name).splitlines(), delimiter=",", ndmin=2)
    except ValueError as error:
        raise DataError(f"{name} is no table of numbers ({error})") from error
    if table.shape[0] == 0 or table.shape[1] != 65:
        raise DataError(f"{name} has shape {table.shape}, expected rows of 64 pixels and a label")
    largest = np.array([LARGEST_PIXEL] * 64 + [9])
    if not ((table >= 0) & (table <= largest) & (table == np.floor(table))).all():
        raise DataError(
            f"{name} holds other values than pixels from 0 to {LARGEST_PIXEL} and labels to 9"
        )
    whole = table.astype(np.uint8)
    return SmallDigits(whole[:, :64].reshape(-1, 8, 8), whole[:, 64].copy(), {name: sha256(data)})
