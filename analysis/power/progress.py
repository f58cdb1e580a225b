"""Say on one line how many simulated studies are ready, and about how long the rest takes."""

import time
from typing import TextIO


class Progress:
    """Called with what is ready and how many there are; what was there at first is not timed."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.start = time.monotonic()
        self.first: int | None = None

    def __call__(self, ready: int, total: int) -> None:
        """Write the line anew; the last one ends it."""
        if self.first is None:
            self.first = ready
        since = ready - self.first
        told = f"{ready} of {total} simulated studies"
        if since:
            seconds = (time.monotonic() - self.start) / since * (total - ready)
            told += f", about {seconds / 60:.0f} min" if seconds > 90 else f", {seconds:.0f} s"
            told += " left"
        end = "\n" if ready == total else ""
        print(f"\r{told:<60}", end=end, file=self.stream, flush=True)
