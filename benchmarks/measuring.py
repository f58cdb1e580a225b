"""How the benchmarks take time and memory: side by side, in one run."""

import ctypes
import multiprocessing
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import torch

from explainer.machine import keep_memory, versions

Run = Callable[[], Any]
Build = Callable[..., Mapping[str, Run]]


def prepare() -> None:
    """Use every core, and keep memory between calls as the product does."""
    torch.set_num_threads(os.cpu_count() or 1)
    torch.set_grad_enabled(False)
    torch.manual_seed(0)
    keep_memory()


def machine() -> dict[str, Any]:
    """Say where the numbers come from; load: how many processes wanted a core just before."""
    model = [
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    return {
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "processor": model[0].split(":")[1].strip() if model else platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 1),
        "versions": versions("torch"),
    }


def waiting(run: Run, device: str) -> Run:
    """The same run, which ends when the device has done all of it."""
    if device != "cuda":
        return run

    def whole() -> None:
        run()
        torch.cuda.synchronize()

    return whole


def in_turn(runs: Mapping[str, Run], rounds: int) -> dict[str, list[float]]:
    """Seconds of each run, taken in turn, `rounds` times, after one that does not count."""
    for run in runs.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - started)
    return seconds


def compare(seconds: Mapping[str, list[float]], amount: float = 1) -> dict[str, Any]:
    """Medians, and how many times as long as the first one each takes.

    amount: of whatever one run handles; a rate is of that. A ratio is taken within each round;
    its quartiles are over rounds.
    """
    first = next(iter(seconds.values()))
    found = {}
    for name, values in seconds.items():
        low, middle, high = statistics.quantiles(
            (b / a for a, b in zip(first, values, strict=True)), n=4, method="inclusive"
        )
        median = statistics.median(values)
        found[name] = {
            "milliseconds": _rounded(1000 * median),
            "per_second": _rounded(amount / median),
            "ratio": _rounded(middle),
            "ratio_quartiles": [_rounded(low), _rounded(high)],
        }
    return {"rounds": len(first), **found}


def peak(build: Build, arguments: tuple[Any, ...], name: str) -> float:
    """Megabytes that one run adds at most to what a process of its own holds before it.

    The run is the second: weights, and what the first one keeps for later ones, do not count.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(_peak, build, arguments, name).result()


def _peak(build: Build, arguments: tuple[Any, ...], name: str) -> float:
    prepare()
    run = build(*arguments)[name]
    run()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # makes VmHWM, the peak, what VmRSS is now
    before = _kilobytes("VmRSS")
    run()
    return _rounded((_kilobytes("VmHWM") - before) / 1024)


def _kilobytes(field: str) -> int:
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith(f"{field}:"))


def _rounded(x: float) -> float:
    return float(f"{x:.3g}")
