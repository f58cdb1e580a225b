"""How often the analysis errs, on simulated studies of which the truth is known; how fast it is.

`python -m benchmarks.analysis_errors` simulates the default design (two conditions within people,
12 trials, 7 points; people differ in level and in their reaction to the condition, stimuli in
level) at 20 and 60 people, and counts how often each method finds an effect that is not there, and
how often its 95 % interval holds the true one, of none and of 0.8 logits. Bounds are Monte Carlo
bounds: where a rate of 5 % (95 %) would lie in 99 of 100 runs; a rate beyond them is marked.
--replicates sets how many studies. It writes `benchmarks/results/analysis_errors.json`.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from analysis.estimate import NotEstimableError
from analysis.ordinal import clmm, contrast_test
from analysis.power.draw import draw
from analysis.power.study import Block, Study
from analysis.power.truth import Spread, Truth, assumed
from analysis.ttest import paired_difference

RESULT = Path(__file__).parent / "results" / "analysis_errors.json"
PEOPLE = (20, 60)
EFFECT = 0.8
SLOPES = ("1 + condition | participant", "1 | stimulus")
INTERCEPTS = ("1 | participant", "1 | stimulus")
CONDITIONS = ({"condition": "a"}, {"condition": "b"})
STUDY = Study(
    slug="default",
    factors={"condition": ("a", "b")},
    within=frozenset({"condition"}),
    cells=({},),
    by_block=({},),
    blocks=(Block("main", ("trust",), 12, CONDITIONS, (("", 12),)),),
    points={"trust": 7},
    hypotheses=(),
)
# Sd of a person's deviation at each condition: the reaction to the condition has sd .5 sqrt(2).
SPREAD = Spread(participant=1.0, stimulus=0.5, slope=0.5)

# R gets no longer than this for one fit, so that the whole stays under ten minutes.
_MOST_R_SECONDS = 150

Row = dict[str, float | None]


def main() -> None:
    """Simulate, count, time, write and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.analysis_errors")
    parser.add_argument("--replicates", type=int, default=500, help="default: 500")
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    started = time.monotonic()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    rows = []
    with ProcessPoolExecutor(options.cores, mp_context=get_context("spawn")) as pool:
        for people in PEOPLE:
            for effect in (0.0, EFFECT):
                seeds = range(options.replicates)
                one = partial(replicate, people, effect)
                found = list(pool.map(one, seeds, chunksize=8))
                rows += summarise(people, effect, found)
    result = {
        "command": f"python -m benchmarks.analysis_errors --replicates {options.replicates}",
        "machine": {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "load": round(os.getloadavg()[0], 1),
        },
        "replicates": options.replicates,
        "errors": rows,
        "speed": speed(),
    }
    result["seconds"] = round(time.monotonic() - started)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(table(result))


def truth(effect: float) -> Truth:
    """What one simulated study is drawn from."""
    return assumed(STUDY, "trust", {("condition", "b"): effect}, SPREAD)


def replicate(people: int, effect: float, seed: int) -> dict[str, Row]:
    """One simulated study by every method: p, and whether its interval holds the true effect.

    The comparison of means has no truth in logits, so it stands only where there is no effect.
    """
    generator = np.random.default_rng([people, round(1000 * effect), seed])
    data = draw(STUDY, STUDY.blocks, truth(effect), (people, 1.0), generator)
    found = _mixed("clmm with slopes", data, SLOPES, effect)
    found |= _mixed("clmm without slopes", data, INTERCEPTS, effect)
    return found | {"comparison of means": _means(data)} if effect == 0 else found


def _mixed(name: str, data: pd.DataFrame, random: Sequence[str], effect: float) -> dict[str, Row]:
    wald, ratio = f"{name}, Wald", f"{name}, likelihood ratio"
    try:
        fit = clmm(data, "rating ~ condition", random)
        row = fit.coefficients.iloc[0]
        # Where there is an effect only the interval is judged; power is analysis.power's to say.
        p = contrast_test(fit, "condition", "b", "a").p if effect == 0 else None
    except NotEstimableError:
        lost: Row = {"p": None, "covers": None}
        return {wald: lost, ratio: lost} if effect == 0 else {wald: lost}
    covers = float(row["low"] <= effect <= row["high"])
    found: dict[str, Row] = {wald: {"p": float(row["p"]), "covers": covers}}
    return found | {ratio: {"p": p, "covers": None}} if effect == 0 else found


def _means(data: pd.DataFrame) -> Row:
    means = data.groupby(["participant", "condition"], observed=True)["rating"].mean().unstack()
    try:
        found = paired_difference(means["b"], means["a"])
    except NotEstimableError:
        return {"p": None, "covers": None}
    inside = found.low is not None and found.high is not None and found.low <= 0 <= found.high
    return {"p": found.p, "covers": float(inside)}


def summarise(
    people: int, effect: float, found: Sequence[dict[str, Row]]
) -> list[dict[str, object]]:
    """One row a method: rejections and coverage, with Wilson intervals and whether in bounds."""
    rows: list[dict[str, object]] = []
    for method in found[0]:
        values = [each[method] for each in found]
        p = [row["p"] for row in values if row["p"] is not None]
        row: dict[str, object] = {
            "people": people,
            "effect": effect,
            "method": method,
            "without": len(values) - len(p),
            "rejected": _rate(sum(x < 0.05 for x in p), len(p), None if effect else 0.05),
        }
        covers = [each["covers"] for each in values if each["covers"] is not None]
        row["coverage"] = _rate(int(sum(covers)), len(covers), 0.95)
        rows.append(row)
    return rows


def _rate(hits: int, n: int, nominal: float | None) -> dict[str, object] | None:
    """A share with its 95 % Wilson interval, and where the nominal one lies 99 times in 100."""
    if not n:
        return None
    interval = stats.binomtest(hits, n).proportion_ci(0.95, method="wilson")
    rate: dict[str, object] = {
        "share": hits / n,
        "interval": [float(interval.low), float(interval.high)],
    }
    if nominal is not None:
        low, high = (float(x) / n for x in stats.binom.interval(0.99, n, nominal))
        rate |= {"bounds": [low, high], "within": low <= hits / n <= high}
    return rate


def speed() -> dict[str, object]:
    """Seconds of crossed clmm of 480 and of 50,000 ratings, R's ordinal beside it if there is R."""
    small = draw(STUDY, STUDY.blocks, truth(EFFECT), (40, 1.0), np.random.default_rng(1))
    block = Block("main", ("trust",), 50, CONDITIONS, (("", 200),))
    large = draw(STUDY, (block,), truth(EFFECT), (1000, 1.0), np.random.default_rng(2))
    return {f"{len(data)} ratings": _timed(data) for data in (small, large)}


def _timed(data: pd.DataFrame) -> dict[str, float | None]:
    started = time.perf_counter()
    fit = clmm(data, "rating ~ condition", INTERCEPTS)
    found: dict[str, float | None] = {
        "seconds": round(time.perf_counter() - started, 2),
        "log_likelihood": round(fit.log_likelihood, 4),
    }
    return found | _in_r(data)


_R = """
suppressMessages(library(ordinal))
data <- read.csv(commandArgs(TRUE)[1], stringsAsFactors = TRUE)
data$rating <- factor(data$rating, ordered = TRUE)
for (name in c("participant", "stimulus")) data[[name]] <- factor(data[[name]])
seconds <- system.time(fit <- clmm(rating ~ condition + (1 | participant) + (1 | stimulus), data))
cat(seconds[["elapsed"]], as.numeric(logLik(fit)))
"""


def _in_r(data: pd.DataFrame) -> dict[str, float | None]:
    """The same fit by R's ordinal; empty where Rscript or the package is missing or takes long."""
    program = shutil.which("Rscript")
    if program is None:
        return {}
    with tempfile.TemporaryDirectory() as scratch:
        csv, code = Path(scratch) / "data.csv", Path(scratch) / "fit.R"
        data[["rating", "condition", "participant", "stimulus"]].to_csv(csv, index=False)
        code.write_text(_R)
        try:
            done = subprocess.run(
                [program, str(code), str(csv)],
                check=False,
                capture_output=True,
                text=True,
                timeout=_MOST_R_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return {"r_seconds": None}
    if done.returncode:
        return {}
    seconds, likelihood = map(float, done.stdout.split()[-2:])
    return {"r_seconds": round(seconds, 2), "r_log_likelihood": round(likelihood, 4)}


def table(result: dict[str, object]) -> str:
    """The result for a reader."""
    lines = [f"{'people':>6} {'effect':>6}  {'method':<38} {'rejected':>9} {'coverage':>9} without"]
    for row in result["errors"]:  # type: ignore[attr-defined]
        shares = [_cell(row["rejected"]), _cell(row["coverage"])]
        lines.append(
            f"{row['people']:6d} {row['effect']:6.1f}  {row['method']:<38} {shares[0]:>9} "
            f"{shares[1]:>9} {row['without']:7d}"
        )
    lines.append("* beyond the Monte Carlo bounds of 5 % or 95 %")
    for name, found in result["speed"].items():  # type: ignore[attr-defined]
        beside = found.get("r_seconds")
        told = f", R's ordinal {beside:.2f} s" if beside is not None else ""
        lines.append(f"crossed clmm of {name}: {found['seconds']:.2f} s{told}")
    return "\n".join([*lines, f"{result['replicates']} replicates, {result['seconds']} s"])


def _cell(rate: dict[str, object] | None) -> str:
    if rate is None:
        return ""
    return f"{rate['share']:.1%}{'' if rate.get('within', True) else '*'}"


if __name__ == "__main__":
    main()
