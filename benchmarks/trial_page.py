"""How long a trial page takes over HTTP, beside the plainest page of the same server.

`python -m benchmarks.trial_page` copies the demo's installation (made by `make demo`) to a scratch
folder, serves it with gunicorn, walks participants through the study one request at a time, and
writes `benchmarks/results/trial_page.json`. A time is from sending the request to the last byte.
"""

import json
import re
import shutil
import tempfile
import time
from pathlib import Path

from benchmarks.served import ROOT, hidden, machine, radios, request, serve, summary, timed

RESULT = Path(__file__).parent / "results" / "trial_page.json"
PARTICIPANTS = 30


def main() -> None:
    """Measure and write the result."""
    with tempfile.TemporaryDirectory() as scratch:
        instance = Path(scratch) / "instance"
        shutil.copytree(ROOT / "instance", instance)
        with serve(instance) as port:
            times = _measure(port)
    found = {name: summary(values) for name, values in times.items()}
    result = {
        "command": "python -m benchmarks.trial_page",
        "machine": machine(),
        "milliseconds": found,
        "ratio_of_medians_trial_to_plain": round(
            found["show a trial"]["median"] / found["plain page"]["median"], 2
        ),
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def _measure(port: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {"plain page": [], "show a trial": [], "submit a trial": []}
    for _ in range(PARTICIPANTS):
        page, _ = timed(port, "GET", "/s/demo")
        fields = {**hidden(page), "choice": "agree"}
        _, _, place = request(port, "POST", "/s/demo", fields)
        while True:
            page, milliseconds = timed(port, "GET", place)
            action = re.search(r'action="(/p/[^"]+)"', page)
            if action is None:
                break
            if 'name="item-trust"' in page:
                times["show a trial"].append(milliseconds)
                times["plain page"].append(timed(port, "GET", "/")[1])
            fields = {**hidden(page), **dict.fromkeys(radios(page), "1")}
            fields |= {"item-used": "never"} if 'name="item-used"' in page else {}
            started = time.perf_counter()
            request(port, "POST", action[1], fields)
            if 'name="item-trust"' in page:
                times["submit a trial"].append(1000 * (time.perf_counter() - started))
    return times


if __name__ == "__main__":
    main()
