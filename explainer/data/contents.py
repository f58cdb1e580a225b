"""Files that a study's stimuli are taken from: read only with the digest that is asked for."""

import io
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.encoding import sha256 as digest_of


class ContentsError(Exception):
    """A file of contents is missing, damaged, or not the one that was meant."""


def read_bytes(path: Path, sha256: str) -> bytes:
    """Read a file that must have a digest. Raises ContentsError."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ContentsError(f"{path}: no such file; check the data's path") from error
    except OSError as error:
        raise ContentsError(f"{path}: cannot be read ({error.strerror})") from error
    digest = digest_of(data)
    if digest != sha256:
        raise ContentsError(
            f"{path}: SHA-256 is {digest}, but {sha256} is asked for; the file is damaged or "
            "another one: copy it again, or put its digest in place if it is the one meant"
        )
    return data


def read_arrays(path: Path, sha256: str) -> dict[str, NDArray[Any]]:
    """Read the arrays of an .npz file by name. Raises ContentsError."""
    data = read_bytes(path, sha256)
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error, AttributeError) as error:
        raise ContentsError(f"{path}: no .npz of plain arrays; make it again") from error
