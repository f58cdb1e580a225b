"""A served installation to measure: gunicorn as it runs, requests one at a time."""

import http.client
import os
import platform
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

ROOT = Path(__file__).parent.parent


def machine() -> dict[str, object]:
    """What it is measured on, and how busy that was just before, in processes that want to run."""
    load = round(os.getloadavg()[0], 1)
    return {"processor": platform.machine(), "cores": os.cpu_count(), "load": load}


@contextmanager
def serve(instance: Path) -> Iterator[int]:
    """Serve an instance folder with gunicorn; gives the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "gunicorn", "--config", "python:webapp.serving"]
    environment = {**os.environ, "CREDENCE_INSTANCE": str(instance)}
    with subprocess.Popen(
        [*command, "--bind", f"127.0.0.1:{port}", "wsgi:app"], cwd=ROOT, env=environment
    ) as server:
        try:
            _wait_for(port)
            yield port
        finally:
            server.terminate()


def timed(port: int, method: str, path: str, *, compressed: bool = False) -> tuple[str, float]:
    """The page, and milliseconds from sending the request to its last byte."""
    started = time.perf_counter()
    _, body, _ = request(port, method, path, compressed=compressed)
    return body, 1000 * (time.perf_counter() - started)


def request(
    port: int,
    method: str,
    path: str,
    fields: dict[str, str] | None = None,
    *,
    compressed: bool = False,
) -> tuple[int, str, str]:
    """Status, page and where it leads to. Raises SystemExit on an error status."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Accept-Encoding": "gzip"} if compressed else {}
    if fields:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    connection.request(method, path, urlencode(fields or {}), headers)
    answer = connection.getresponse()
    body = answer.read().decode(errors="replace")
    connection.close()
    if answer.status >= 400:
        raise SystemExit(f"{method} {path.split('/')[1]}: {answer.status}")
    return answer.status, body, answer.getheader("Location", "")


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of the page's form."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))


def radios(page: str) -> list[str]:
    """The names of the page's radio buttons."""
    return re.findall(r'<input type="radio"[^>]*? name="([\w-]+)"', page)


def summary(values: list[float]) -> dict[str, float]:
    """How many, their median and their 95th percentile."""
    values = sorted(values)
    return {
        "n": len(values),
        "median": round(statistics.median(values), 2),
        "p95": round(values[int(0.95 * len(values))], 2),
    }


def _wait_for(port: int) -> None:
    for _ in range(300):
        try:
            request(port, "GET", "/")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the server did not start; run make demo first")
