"""Files from the network: fetched once, resumed where they broke off, checked, and kept."""

import fcntl
import gzip
import hashlib
import http.client
import io
import os
import re
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

BYTES_AT_ONCE = 2**20
LARGEST_FETCH = 512 * 2**20
LARGEST_UNPACKED = 2 * 2**30
TIMEOUT = 30.0  # seconds without a byte
TRIES = 3  # of one address, as long as each brings it further


class DataError(Exception):
    """A data file is missing, damaged, or could not be fetched."""


class _RefusedError(Exception):
    """An address did not give the file; the message says why. `again`: trying on may help."""

    def __init__(self, reason: str, again: bool = False) -> None:
        super().__init__(reason)
        self.again = again


def cache_folder() -> Path:
    """Where fetched files are kept: $XDG_CACHE_HOME/credence, by default in ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "credence"


def fetch(name: str, urls: Sequence[str], sha256: str | None) -> Path:
    """Return `name` in the cache, fetched from the first of `urls` that gives its true content.

    name: a path below the cache's folder. sha256: of the whole file; None takes what comes, and
    then never joins parts of two answers. A download that broke off goes on where it stopped. In a
    terminal a bar shows it. Raises DataError naming every address with its reason, the file's
    place in the cache, and the way without a network.
    """
    path = cache_folder() / name
    if _is_whole(path, sha256):
        return path
    part = path.with_name(f"{path.name}.part")
    reasons = []
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path.parent):
            if _is_whole(path, sha256):
                return path
            for url in urls:
                try:
                    _fetch_from(url, part, sha256)
                except _RefusedError as error:
                    reasons.append(f"{url}: {error}")
                    continue
                part.replace(path)
                return path
    except OSError as error:
        raise DataError(
            f"{part} cannot be written ({error.strerror}): make room or set XDG_CACHE_HOME to "
            "another folder"
        ) from error
    raise DataError(
        f"{path.name} could not be fetched ({'; '.join(reasons)}): without a network, pass "
        f"--data DIR with a folder that has it, or put it at {path}"
    )


def read(folder: Path, names: Sequence[str], advice: str) -> tuple[str, bytes]:
    """Return the name and content of the first of `names` that `folder` has, gzipped or not.

    Raises DataError naming the folder, what it lacks, and `advice`: what to do.
    """
    for name in names:
        for path in (folder / f"{name}.gz", folder / name):
            if path.is_file():
                try:
                    return path.name, path.read_bytes()
                except OSError as error:
                    raise DataError(f"{path} cannot be read ({error.strerror})") from error
    raise DataError(f"{folder} has no {' or '.join(names)}: {advice}")


def unpack(data: bytes, name: str) -> bytes:
    """Undo gzip where `data` has it. Raises DataError naming the file when it is damaged."""
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            found = file.read(LARGEST_UNPACKED + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{name} is damaged ({error}): download it again") from error
    if len(found) > LARGEST_UNPACKED:
        raise DataError(f"{name} unpacks to more than {LARGEST_UNPACKED:,} bytes")
    return found


def text(data: bytes, name: str) -> str:
    """Read UTF-8, gzipped or not. Raises DataError naming the file when it is not."""
    try:
        return unpack(data, name).decode()
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is no UTF-8 text ({error}): download it again") from error


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time write here: the others wait, and find what it has fetched."""
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_whole(path: Path, sha256: str | None) -> bool:
    return path.exists() and sha256 in (None, _sha256(path))


def _fetch_from(url: str, part: Path, sha256: str | None) -> None:
    """Bring `part` to the true content from one address, or raise _RefusedError."""
    if sha256 is None:
        part.unlink(missing_ok=True)
    tries = TRIES
    while True:
        resumed = part.stat().st_size if part.exists() else 0
        try:
            _append(url, part)
        except _RefusedError as error:
            grown = part.exists() and part.stat().st_size > resumed
            tries -= 1
            if sha256 is None:
                part.unlink(missing_ok=True)
            if error.again and tries and (grown or resumed):
                continue
            raise
        digest = _sha256(part)
        if sha256 in (None, digest):
            return
        part.unlink()
        # The part may have begun as another mirror's wrong answer: once more, from the start.
        if not resumed:
            raise _RefusedError(f"the content is not the original's (SHA-256 {digest})")


def _append(url: str, part: Path) -> None:
    """Ask for what `part` lacks and write it; raise _RefusedError when the answer ends early."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "credence"} | ({"Range": f"bytes={have}-"} if have else {})
    request = urllib.request.Request(url, headers=headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            if answer.status != http.client.PARTIAL_CONTENT or _start(answer) != have:
                have = 0
            _write(answer, part, have)
    except urllib.error.HTTPError as error:
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            part.unlink()  # longer than the file: it belongs to another one
            raise _RefusedError("the part at hand is not of this file", again=True) from error
        raise _RefusedError(f"the server answers {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise _RefusedError(str(error.reason)) from error
    except (http.client.HTTPException, TimeoutError, ConnectionError) as error:
        raise _broken(error) from error


def _write(answer: Any, part: Path, have: int) -> None:
    """Write an answer's content into `part` from byte `have` on."""
    length = answer.headers.get("Content-Length")
    total = have + int(length) if length and length.isdigit() else None
    bar = tqdm(desc=part.stem, total=total, initial=have, unit="B", unit_scale=True, disable=None)
    with part.open("ab" if have else "wb") as file, bar:
        while True:
            if max(have, total or 0) > LARGEST_FETCH:
                raise _RefusedError(f"it is larger than {LARGEST_FETCH:,} bytes")
            try:
                data = answer.read(BYTES_AT_ONCE)
            except (http.client.HTTPException, OSError) as error:
                raise _broken(error) from error
            if not data:
                break
            file.write(data)
            have += len(data)
            bar.update(len(data))
    if total is not None and have < total:
        raise _RefusedError(f"the answer ends after {have:,} of {total:,} bytes", again=True)


def _broken(error: Exception) -> _RefusedError:
    return _RefusedError(f"the connection broke ({error!r})", again=True)


def _start(answer: Any) -> int | None:
    """The first byte that a partial answer holds."""
    found = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range") or "")
    return int(found[1]) if found else None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
