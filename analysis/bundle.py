"""The files of an export bundle, from a folder or a zip, each checked against checksums.txt."""

import hashlib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

CHECKSUMS = "checksums.txt"
LARGEST_FILE = 2 * 2**30
_CHUNK = 2**20


class BundleError(Exception):
    """A bundle is missing, damaged or of another format; the message says what to do."""


class Files(Protocol):
    """Named files that can be opened."""

    def names(self) -> set[str]:
        """Every file, as a path with forward slashes relative to the bundle."""
        ...

    def open(self, name: str) -> BinaryIO:
        """Open one for reading."""
        ...


class _Folder:
    def __init__(self, root: Path) -> None:
        self._root = root

    def names(self) -> set[str]:
        return {
            path.relative_to(self._root).as_posix()
            for path in self._root.rglob("*")
            if not path.is_dir()
        }

    def open(self, name: str) -> BinaryIO:
        return (self._root / name).open("rb")


class _Zip:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
        if len(names) != len(set(names)):
            raise BundleError("the zip holds two files of one name; export the bundle again")
        large = [i.filename for i in archive.infolist() if i.file_size > LARGEST_FILE]
        if large:
            raise BundleError(
                f"{large[0]} is larger than 2 GiB; unpack the zip and give the folder"
            )
        # Zipping a folder by hand puts its name in front of every file.
        tops = {name.split("/")[0] for name in names}
        top = tops.pop() + "/" if len(tops) == 1 and CHECKSUMS not in names else ""
        self._stored = {name.removeprefix(top): name for name in names}

    def names(self) -> set[str]:
        return set(self._stored)

    def open(self, name: str) -> BinaryIO:
        # ZipFile.open gives IO[bytes]; what it returns is a BufferedIOBase all the same.
        return self._archive.open(self._stored[name])  # type: ignore[return-value]


@contextmanager
def open_bundle(path: Path) -> Iterator[Files]:
    """Open a bundle and check every file's SHA-256; raises BundleError naming the first bad one."""
    try:
        if path.is_dir():
            folder = _Folder(path)
            _verify(folder)
            yield folder
        elif path.is_file():
            with zipfile.ZipFile(path) as archive:
                files = _Zip(archive)
                _verify(files)
                yield files
        else:
            raise BundleError(
                f"no bundle at {path}; give the folder or .zip that the export of a study wrote"
            )
    except zipfile.BadZipFile as error:
        raise BundleError(
            f"{path} is not a readable zip ({error}); download the bundle again"
        ) from error
    except OSError as error:
        raise BundleError(f"cannot read {path}: {error.strerror or error}") from error
    except BundleError as error:
        if str(path) in str(error):
            raise
        raise BundleError(f"{path}: {error}") from error


def digest(files: Files) -> str:
    """SHA-256 of checksums.txt, which stands for the whole bundle."""
    return _sha256(files, CHECKSUMS)


def _verify(files: Files) -> None:
    names = files.names()
    if CHECKSUMS not in names:
        raise BundleError(
            f"there is no {CHECKSUMS}, so this is no export bundle; give the folder or .zip that "
            "the export of a study wrote"
        )
    with files.open(CHECKSUMS) as file:
        expected = _parse(file.read())
    for name in sorted(expected.keys() - names):
        raise BundleError(f"{name} is missing; export the bundle again")
    for name in sorted(names - expected.keys() - {CHECKSUMS}):
        raise BundleError(
            f"{name} is not listed in {CHECKSUMS}; take it out, or export the bundle again"
        )
    for name, wanted in sorted(expected.items()):
        if _sha256(files, name) != wanted:
            raise BundleError(
                f"{name} was changed after the export (its checksum differs); export the bundle "
                "again and keep your edits elsewhere"
            )


def _parse(data: bytes) -> dict[str, str]:
    expected: dict[str, str] = {}
    try:
        lines = data.decode().splitlines()
    except UnicodeDecodeError as error:
        raise BundleError(f"{CHECKSUMS} is not UTF-8; export the bundle again") from error
    for number, line in enumerate(lines, 1):
        checksum, separator, name = line.partition("  ")
        if not separator or len(checksum) != 64 or name in expected:
            raise BundleError(
                f"{CHECKSUMS} line {number} is not '<sha256>  <path>' with a new path; export the "
                "bundle again"
            )
        expected[name] = checksum
    return expected


def _sha256(files: Files, name: str) -> str:
    total = hashlib.sha256()
    with files.open(name) as file:
        while chunk := file.read(_CHUNK):
            total.update(chunk)
    return total.hexdigest()
