"""`python -m analysis power`: read a design, simulate it, say what the power is."""

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scipy import stats

from analysis.power.curve import WILSON, point, reached
from analysis.power.model import PowerError
from analysis.power.pilot import piloted
from analysis.power.progress import Progress
from analysis.power.run import Job, Setting, run
from analysis.power.sequential import SPENDING, boundaries
from analysis.power.study import read
from analysis.power.text import describe
from analysis.power.truth import Spread, assumed, parse_effects

SCALES = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
MOST_LOOKS = 20
MOST_SD = 20.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    add = parser.add_argument
    add("design", type=Path, help="an export bundle, or the JSON of flask study design")
    says = "what is planned for, on the latent scale; several add up"
    add("--effect", action="append", required=True, metavar="FACTOR=LEVEL:LOGITS", help=says)
    add("--hypothesis", metavar="ID", help="which one to test (default: the first confirmatory)")
    says = "numbers of participants (default: 20,30,40,60,80,120)"
    sizes = (20, 30, 40, 60, 80, 120)
    add("--people", type=_sizes, default=sizes, metavar="N,N,...", help=says)
    says = "find the smallest effect, as a multiple of --effect, at the largest of --people"
    add("--smallest", action="store_true", help=says)
    add("--replicates", type=int, default=200, help="simulated studies a size (default: 200)")
    add("--alpha", type=float, default=0.05, help="level of the two-sided test (default: 0.05)")
    add("--target", type=float, default=0.8, help="power that is wanted (default: 0.8)")
    add("--looks", type=int, default=1, help="equally spaced tests of the data (default: 1)")
    says = "how looks share alpha (default: obrien-fleming)"
    add("--spending", choices=SPENDING, default="obrien-fleming", help=says)
    says = "take thresholds and standard deviations from the bundle's answers"
    add("--pilot", action="store_true", help=says)
    for name, value in asdict(Spread()).items():
        says = f"standard deviation without a pilot (default: {value:g})"
        add(f"--{name}-sd", type=float, default=value, metavar="LOGITS", help=says)
    add("--seed", type=int, default=1, help="seed of the simulation (default: 1)")
    add("--cores", type=int, default=os.cpu_count() or 1, help="processes (default: all cores)")
    says = "where results are kept: the same command goes on there (default: power)"
    add("--out", type=Path, default=Path("power"), metavar="DIR", help=says)


def power(options: argparse.Namespace) -> int:
    """Run the command. Raises PowerError or BundleError; returns the exit code."""
    _check(options)
    effects, hypothesis, setting = _setting(options)
    limits = boundaries(setting.looks, options.alpha, SPENDING[options.spending])
    levels = [float(p) for p in 2 * stats.norm.sf(limits)]
    most = max(options.people)
    sizes = [(most, x) for x in SCALES] if options.smallest else [(n, 1.0) for n in options.people]
    jobs = [Job(n, x, number) for n, x in sizes for number in range(options.replicates)]
    kept = options.out / f"{setting.key[:16]}.jsonl"
    found = run(setting, jobs, kept, options.cores, Progress(sys.stderr))
    points = [
        point(
            x if options.smallest else n,
            [each for each in found if (each.job.people, each.job.scale) == (n, x)],
            levels,
            setting.looks,
        )
        for n, x in sizes
    ]
    result = {
        "schema": "credence/power/1",
        "study": setting.study.slug,
        "hypothesis": hypothesis,
        "effects": {f"{factor}={level}": size for (factor, level), size in effects.items()},
        **_told(setting),
        "pilot": options.pilot,
        "alpha": options.alpha,
        "boundaries": limits.tolist(),
        "spending": options.spending if options.looks > 1 else None,
        "people": most if options.smallest else None,
        "points": [asdict(each) | {"power": each.power} for each in points],
        "target": options.target,
        "reached": asdict(reached(points, options.target, root=not options.smallest)),
        "intervals": WILSON,
        "replicates_in": kept.name,
    }
    target = options.out / "power.json"
    target.write_text(json.dumps(result, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    print(describe(result), end="")
    print(f"Written to {target}.")
    return 0


def _setting(
    options: argparse.Namespace,
) -> tuple[dict[tuple[str, str], float], dict[str, Any], Setting]:
    """The planned effects, the hypothesis, and what is simulated for it."""
    study, dataset = read(options.design)
    hypothesis = dict(study.hypothesis(options.hypothesis))
    model, item = study.model(hypothesis), str(hypothesis["outcome"])
    blocks = study.asking(item)
    effects = parse_effects(options.effect, study)
    if not options.pilot:
        spread = Spread(options.participant_sd, options.stimulus_sd, options.slope_sd)
        truth = assumed(study, item, effects, spread)
    elif dataset is None:
        raise PowerError("--pilot takes a bundle with answers, not the JSON of a design")
    else:
        truth = piloted(study, model, item, effects, dataset)
    looks = tuple((look + 1) / options.looks for look in range(options.looks))
    return effects, hypothesis, Setting(study, blocks, truth, model, looks, options.seed)


def _told(setting: Setting) -> dict[str, Any]:
    """What the simulation rests on."""
    truth = setting.truth
    return {
        "model": asdict(setting.model),
        "test": "likelihood ratio of the model without the contrast",
        "truth": {
            "thresholds": truth.thresholds.tolist(),
            "cells": list(truth.cells),
            "mean": truth.mean.tolist(),
            "effect": truth.effect.tolist(),
            "participant_covariance": truth.participant.tolist(),
            "stimulus_covariance": truth.stimulus.tolist(),
        },
        "looks": list(setting.looks),
        "seed": setting.seed,
    }


def _check(options: argparse.Namespace) -> None:
    """Raises PowerError on an option out of range."""
    if not 0 < options.alpha < 1 or not 0 < options.target < 1:
        raise PowerError("--alpha and --target lie between 0 and 1")
    if min(options.replicates, options.looks, options.cores, *options.people) < 1:
        raise PowerError("--people, --replicates, --looks and --cores are at least 1")
    if options.looks > MOST_LOOKS or options.seed < 0:
        raise PowerError(f"--looks is at most {MOST_LOOKS}, --seed at least 0")
    for sd in (options.participant_sd, options.stimulus_sd, options.slope_sd):
        if not 0 <= sd <= MOST_SD:
            raise PowerError(f"standard deviations lie between 0 and {MOST_SD:g} logits")


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(sorted({int(part) for part in text.split(",")}))
