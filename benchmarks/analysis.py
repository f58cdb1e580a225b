"""How long the analysis takes and how much memory: loading a million answers, and a whole report.

`python -m benchmarks.analysis` writes bundles to a scratch folder, runs each task in a process of
its own, one after the other, and writes `benchmarks/results/analysis.json`. Beside loading stands
pandas reading the same two tables of texts, unchecked: the ratio is what checking costs.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from multiprocessing import Process
from pathlib import Path

from benchmarks import big_bundle

RESULT = Path(__file__).parent / "results" / "analysis.json"
TASKS = {
    "load": "from analysis.dataset import load; load(sys.argv[1])",
    "plain": "import pandas as pd; [pd.read_csv(sys.argv[1] + f'/data/table-{t}_data.csv', "
    "dtype=str) for t in ('responses', 'steps')]",
    "report": "from pathlib import Path; from analysis.report import write_report; "
    "write_report(Path(sys.argv[1]), Path(sys.argv[1] + '-report'))",
}
_MEASURED = """
import json, resource, sys, time
start = time.perf_counter()
{task}
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps(dict(seconds=round(time.perf_counter() - start, 2),
    processor_seconds=round(time.process_time(), 2), peak_mib=used.ru_maxrss // 1024)))
"""


def main() -> None:
    """Measure and write the result."""
    found: dict[str, object] = {
        "command": "python -m benchmarks.analysis",
        "machine": {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "load": round(os.getloadavg()[0], 1),
        },
    }
    with tempfile.TemporaryDirectory() as scratch:
        large = _write(Path(scratch) / "large", people=25_000)
        found["1,000,000 ratings: load and check"] = _run("load", large)
        found["the same: pandas reading them as texts"] = _run("plain", large)
        usual = _write(Path(scratch) / "usual", people=300)
        found["300 participants x 40 trials: report"] = _run("report", usual)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


def _write(bundle: Path, people: int) -> Path:
    """Write a bundle in a process of its own: a later one would begin with this one's memory."""
    process = Process(target=big_bundle.write, args=(bundle, people, 40))
    process.start()
    process.join()
    return bundle


def _run(task: str, bundle: Path) -> object:
    """Seconds and memory of one task in a new process, imports included."""
    code = _MEASURED.format(task=TASKS[task])
    done = subprocess.run(
        [sys.executable, "-c", code, str(bundle)], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
