"""How long a trial page takes over HTTP, beside the plainest page of the same server.

`python -m benchmarks.trial_page` copies the demo's installation (made by `make demo`) to a scratch
folder, serves it with gunicorn, walks participants through the study one request at a time, and
writes `benchmarks/results/trial_page.json`. A time is from sending the request to the last byte.
"""

import http.client
import json
import os
import platform
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode

ROOT = Path(__file__).parent.parent
RESULT = Path(__file__).parent / "results" / "trial_page.json"
PARTICIPANTS = 30


def main() -> None:
    """Measure and write the result."""
    with tempfile.TemporaryDirectory() as scratch:
        instance = Path(scratch) / "instance"
        shutil.copytree(ROOT / "instance", instance)
        port = _free_port()
        command = [sys.executable, "-m", "gunicorn", "--config", "python:webapp.serving"]
        environment = {**os.environ, "CREDENCE_INSTANCE": str(instance)}
        with subprocess.Popen(
            [*command, "--bind", f"127.0.0.1:{port}", "wsgi:app"], cwd=ROOT, env=environment
        ) as server:
            try:
                times = _measure(port)
            finally:
                server.terminate()
    summary = {name: _summary(values) for name, values in times.items()}
    result = {
        "command": "python -m benchmarks.trial_page",
        "machine": {"processor": platform.machine(), "cores": os.cpu_count()},
        "milliseconds": summary,
        "ratio_of_medians_trial_to_plain": round(
            summary["show a trial"]["median"] / summary["plain page"]["median"], 2
        ),
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def _measure(port: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {"plain page": [], "show a trial": [], "submit a trial": []}
    _wait_for(port)
    for _ in range(PARTICIPANTS):
        page, _ = _timed(port, "GET", "/s/demo")
        fields = {**_hidden(page), "choice": "agree"}
        _, _, place = _request(port, "POST", "/s/demo", fields)
        while True:
            page, milliseconds = _timed(port, "GET", place)
            action = re.search(r'action="(/p/[^"]+)"', page)
            if action is None:
                break
            if 'name="item-trust"' in page:
                times["show a trial"].append(milliseconds)
                times["plain page"].append(_timed(port, "GET", "/")[1])
            fields = {**_hidden(page), **dict.fromkeys(_radios(page), "1")}
            fields |= {"item-used": "never"} if 'name="item-used"' in page else {}
            started = time.perf_counter()
            _request(port, "POST", action[1], fields)
            if 'name="item-trust"' in page:
                times["submit a trial"].append(1000 * (time.perf_counter() - started))
    return times


def _timed(port: int, method: str, path: str) -> tuple[str, float]:
    started = time.perf_counter()
    _, body, _ = _request(port, method, path)
    return body, 1000 * (time.perf_counter() - started)


def _request(
    port: int, method: str, path: str, fields: dict[str, str] | None = None
) -> tuple[int, str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if fields else {}
    connection.request(method, path, urlencode(fields or {}), headers)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    if answer.status >= 400:
        raise SystemExit(f"{method} {path.split('/')[1]}: {answer.status}")
    return answer.status, body, answer.getheader("Location", "")


def _hidden(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))


def _radios(page: str) -> list[str]:
    return re.findall(r'<input type="radio"[^>]*? name="([\w-]+)"', page)


def _summary(values: list[float]) -> dict[str, float]:
    values = sorted(values)
    return {
        "n": len(values),
        "median": round(statistics.median(values), 2),
        "p95": round(values[int(0.95 * len(values))], 2),
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    for _ in range(100):
        try:
            _request(port, "GET", "/")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the server did not start; run make demo first")


if __name__ == "__main__":
    main()
