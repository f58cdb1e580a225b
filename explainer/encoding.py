"""How an artifact becomes bytes: canonical JSON, arrays in base64, files whole or not at all."""

import base64
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Json = dict[str, Any]


class ArtifactError(Exception):
    """An artifact is missing, damaged, of another format, or could not be written."""


def canonical_json(data: Any) -> bytes:
    """Serialise with sorted keys, no spaces, UTF-8; a NaN or infinity is a ValueError."""
    text = json.dumps(
        data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def sha256(data: bytes) -> str:
    """SHA-256 as 64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()


def round_off(array: NDArray[np.floating], decimals: int = 5) -> NDArray[np.float32]:
    """Round in float64; return float32, without negative zeros.

    By default below what float32 arithmetic is sure of, so that a digest does not hang on a
    machine's last bit.
    """
    return (np.round(array.astype(np.float64), decimals) + 0.0).astype(np.float32)


def encode_array(array: NDArray[Any]) -> Json:
    """Encode as little-endian base64 with dtype and shape. Raises ArtifactError on NaN."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ArtifactError("an array holds NaN or infinity; nothing was written")
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return {
        "dtype": little.dtype.str.lstrip("<|"),
        "shape": list(array.shape),
        "base64": base64.b64encode(little.tobytes()).decode(),
    }


def decode_array(data: Mapping[str, Any], name: str) -> NDArray[Any]:
    """Decode what encode_array made. Raises ArtifactError where shape and bytes disagree."""
    if data.get("dtype") not in ("f4", "u1"):
        raise ArtifactError(f"{name} has dtype {data.get('dtype')!r}, expected f4 or u1")
    dtype = np.dtype(data["dtype"]).newbyteorder("<")
    raw = base64.b64decode(data["base64"], validate=True)
    shape = tuple(data["shape"])
    if len(raw) != dtype.itemsize * int(np.prod(shape)):
        raise ArtifactError(f"{name} holds {len(raw)} bytes, which is not its shape {shape}")
    array = np.frombuffer(raw, dtype).reshape(shape)
    if dtype.kind == "f" and not np.isfinite(array).all():
        raise ArtifactError(f"{name} holds NaN or infinity")
    return array


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all, even after a power cut.

    Raises ArtifactError, naming the cause, and leaves no partial file.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # A temporary file is private; the web server may run as another user.
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            reason = error.strerror or error
            raise ArtifactError(
                f"cannot write {path}: {reason}; nothing is half-written: free space or fix the "
                "folder, then run the same command again"
            ) from error
        raise
