"""Who is at work on which job, so that processes that share a store share the work.

A claim is a lock that the system keeps on a file, `claims/<2 hex>/<job key>` in the store: it goes
when its process ends, however it ends, so no claim is ever stale. Where the file system has no
locks, everybody gets every claim: work may then be done twice, never wrongly.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)


class Claims:
    """The claims in a folder."""

    def __init__(self, root: Path) -> None:
        """Use `root`, which is created by the first claim."""
        self.root = root

    @contextmanager
    def claim(self, key: str) -> Iterator[bool]:
        """Whether the job is ours now; it is until the block ends."""
        path = self.root / key[:2] / key
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        ours = False
        try:
            ours = _lock(handle, path)
            yield ours
        finally:
            if ours:
                path.unlink(missing_ok=True)
            os.close(handle)


def _lock(handle: int, path: Path) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return True
        raise
    try:
        # Whoever held it may have removed the file since we opened it.
        return os.fstat(handle).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False
