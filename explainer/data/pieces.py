"""Windows of series in an .npz file: `past` (n, lag), where known `future` (n, horizon), `ends`."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from explainer.data.contents import ContentsError, read_arrays


@dataclass(frozen=True)
class Pieces:
    """past float64 (n, lag); future float64 (n, horizon) or None; ends: the last day of each past.

    ends are words such as 2021-03-05, "" where the file has none.
    """

    past: NDArray[np.float64]
    future: NDArray[np.float64] | None
    ends: tuple[str, ...]


def read_pieces(path: Path, sha256: str) -> Pieces:
    """Read and check. Raises ContentsError naming the file, what is wrong, and what to do."""
    arrays = read_arrays(path, sha256)
    if "past" not in arrays:
        raise ContentsError(f"{path}: no .npz with past (n, lag); make it again")
    past, future, ends = arrays["past"], arrays.get("future"), arrays.get("ends")
    for name, array in (("past", past), ("future", future)):
        if array is not None and (
            array.dtype.kind not in "fiu"
            or array.ndim != 2
            or len(array) != len(past)
            or not np.isfinite(array).all()
        ):
            raise ContentsError(
                f"{path}: {name} is {array.dtype} {array.shape}, expected finite numbers, a row "
                "for each window"
            )
    if len(past) == 0:
        raise ContentsError(f"{path}: holds no window")
    if ends is not None and (ends.dtype.kind != "U" or ends.shape != past.shape[:1]):
        raise ContentsError(f"{path}: ends is {ends.dtype} {ends.shape}, expected words, one each")
    return Pieces(
        past.astype(np.float64),
        None if future is None else future.astype(np.float64),
        tuple(map(str, ends)) if ends is not None else ("",) * len(past),
    )
