"""Which way a frozen S4 layer convolves fastest, by length and batch, on one kind of device.

`python -m benchmarks.ways [--device cuda]` takes a minute or two, prints a table, and writes
`benchmarks/results/ways_<device>.json`: times over those of the fastest way, the geometric mean of
two layers. `explainer.models.ways` holds what was found.
"""

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import torch

from benchmarks.measuring import Run, in_turn, machine, prepare, waiting
from explainer.models import ways
from explainer.models.s4 import CHUNK, LayerConfig, S4Layer, convolve_spectrum, scan

RESULTS = Path(__file__).parent / "results"
LAYERS: tuple[dict[str, Any], ...] = (
    {"width": 64, "state": 16},
    {"width": 128, "state": 16, "kernel": "low-rank", "init": "legs", "hold": "bilinear"},
)
LENGTHS = (16, 56, 84, 112, 200, 448, 784)
BATCHES = {"few": 1, "many": 64}
LARGEST = 2**27  # numbers in a whole matrix that is still tried
ROUNDS = 15


def main() -> None:
    """Measure, print and write the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ways")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    device = parser.parse_args().device
    prepare()
    found: dict[str, dict[str, dict[str, float]]] = {}
    for name, batch in BATCHES.items():
        found[name] = {}
        for length in LENGTHS:
            ratios = [compare(config, batch, length, device) for config in LAYERS]
            shared = set.intersection(*map(set, ratios))
            row = {way: statistics.geometric_mean(each[way] for each in ratios) for way in shared}
            found[name][str(length)] = {way: round(row[way], 2) for way in sorted(row)}
            taken = ways.fastest(device, batch, length, 64, CHUNK)
            print(
                f"{name:5}{length:6} steps {found[name][str(length)]}, taken: {taken}", flush=True
            )
    result = {
        "command": f"python -m benchmarks.ways --device {device}",
        "machine": machine(),
        "times_the_fastest": found,
    }
    (RESULTS / f"ways_{device}.json").write_text(json.dumps(result, indent=2) + "\n")


def compare(config: dict[str, Any], batch: int, length: int, device: str) -> dict[str, float]:
    """Time of each way over that of the fastest, in one layer."""
    layer = S4Layer(LayerConfig(**config)).eval().to(device)
    width = layer.D.shape[0]
    u = torch.randn(width, batch, length, device=device)
    chunks = layer.kernel.chunks(CHUNK)
    spectrum = torch.fft.rfft(layer.kernel(length), n=2 * length)[0]
    runs: dict[str, Run] = {
        "chunks": lambda: scan(u, chunks)[0],
        "fft": lambda: convolve_spectrum(u, spectrum),
    }
    if width * length**2 <= LARGEST:
        whole = layer.kernel.chunks(length).within
        runs["whole"] = lambda: torch.bmm(u, whole)
    timed = {name: waiting(run, device) for name, run in runs.items()}
    seconds = {name: statistics.median(each) for name, each in in_turn(timed, ROUNDS).items()}
    best = min(seconds.values())
    return {name: each / best for name, each in seconds.items()}


if __name__ == "__main__":
    main()
