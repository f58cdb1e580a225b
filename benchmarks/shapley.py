"""How fast Shapley values come within an error, beside shap's explainers on the same models.

`python -m benchmarks.shapley [--device cuda]` takes some minutes, prints tables, and writes
`benchmarks/results/shapley.json` and a plot, on a GPU `shapley_cuda`. shap's explainers call the
same network through numpy at the best of three batch sizes, on the full game as their users run it,
and on the reduced game that ours plays, in which pixels that masking does not change are left out.
"""

import argparse
import json
import os
import statistics
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks import plain
from benchmarks.measuring import Run, in_turn, machine, peak, prepare, waiting
from benchmarks.models import MODELS
from explainer.data.texts import read_texts
from explainer.methods.shapley_adjusted import Slopes
from explainer.models.image import ImageClassifier, Preprocessing
from explainer.models.sequence import SequenceClassifier, SequenceClassifierConfig
from explainer.shapley.adjusted import adjusted
from explainer.shapley.estimate import Estimate, Stop, without_idle
from explainer.shapley.game import Game, Inputs, Play, drive, drive_all
from explainer.shapley.leverage import leverage
from explainer.shapley.permutation import permutation
from explainer.shapley.regression import kernel
from explainer.subjects.image import ImageSubject
from explainer.subjects.load import load

os.environ.setdefault("NUMBA_DISABLE_JIT", "1")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import shap

ASSETS = Path(__file__).parent.parent / "explainer" / "assets"
RESULTS = Path(__file__).parent / "results"
SEEDS = (1, 2, 3)
IMAGES = (0, 8)  # rows of mnist-200: 193 and 125 of 784 pixels are not black
REFERENCE = 120_000
TARGET = 0.5  # relative error
BATCHES = (10, 64, 256)
NOTES = {
    "error": "Euclidean distance to the reference over the reference's size; medians over images "
    "and seeds, with the least and the most",
    "reference": f"antithetic permutations on the reduced game, {REFERENCE} evaluations, seed 0",
    "seconds_to_target": f"to a relative error of {TARGET}: the seconds of the least budget that "
    "came within it, or, where that is less, the largest budget's seconds times (its error / "
    "target)^2, as the error of an unbiased estimator falls with the root of its budget",
    "adjusted": "its budget counts a gradient as 3 evaluations",
    "shap": "at the best of batch sizes 10, 64, 256 by evaluations per second; KernelExplainer "
    "chooses its own, and its regularisation is the default, which keeps 10 features",
}

Worth = Callable[[NDArray[np.bool_]], NDArray[np.float64]]
Values = NDArray[np.float64]
Estimator = Callable[["Case", Stop, int], Play[Estimate]]
OURS: dict[str, Estimator] = {
    "adjusted": lambda each, stop, seed: adjusted(each.reduced, each.slopes, stop, seed),
    "permutation": lambda each, stop, seed: permutation(each.reduced, stop, seed),
    "kernel": lambda each, stop, seed: kernel(each.reduced, stop, seed),
    "leverage": lambda each, stop, seed: leverage(each.reduced, stop, seed),
}


@dataclass
class Case:
    """A game: `full` as users play it, `reduced` without idle players, `place` of those in full.

    network: scores inputs as they are, without what our engine shares. slopes: of the reduced game.
    """

    name: str
    network: Callable[[Inputs], Tensor]
    full: Game
    reduced: Game
    place: NDArray[np.intp]
    reference: Values
    slopes: Slopes


def main() -> None:
    """Measure, print and write the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shapley")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    device = parser.parse_args().device
    prepare()
    cases = {"mnist-s4d": list(digits(device)), "reviews-s4": list(reviews(device))}
    ending = "" if device == "cpu" else f"_{device}"
    result: dict[str, Any] = {
        "command": f"python -m benchmarks.shapley --device {device}",
        "machine": machine(),
        "notes": NOTES,
        "models": {name: compare(name, found) for name, found in cases.items()},
        # Both are of a CPU, and memory is that of the process. More stimuli than are at work at
        # once: with 8, all of them end together, and batches are never mixed.
        "original": original() if device == "cpu" else None,
        "megabytes": {f"{n} stimuli": peak(many, (n,), "explain") for n in (64, 160)},
    }
    print("original", result["original"], "\nmegabytes", result["megabytes"])
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"shapley{ending}.json").write_text(json.dumps(result, indent=2) + "\n")
    plot(result["models"], RESULTS / f"shapley{ending}.svg")


def digits(device: str) -> Iterator[Case]:
    """Pixels of some digits, masked by zero."""
    subject = load(ASSETS / "checkpoints" / "mnist-s4d", device=device)
    model: ImageClassifier = subject.model  # type: ignore[attr-defined]
    with np.load(ASSETS / "data" / "mnist-200.npz") as data:
        images = data["images"]
    for row in IMAGES:
        stimulus = subject.stimulus(images[row])
        outputs = subject.explained(stimulus, "predicted")
        players, mask = subject.players(stimulus), subject.mask(stimulus, "zero")
        game = subject.game(stimulus, outputs, players, mask)
        slopes = Slopes(subject, stimulus, outputs, players, "zero")
        yield case(f"image {row}", game, lambda inputs: model.log_probabilities(inputs[0]), slopes)


def reviews(device: str) -> Iterator[Case]:
    """Words of some film reviews, masked by the unknown token."""
    path = ASSETS / "data" / "reviews-48.jsonl"
    about = json.loads(path.with_suffix(".json").read_text())
    subject = load(ASSETS / "checkpoints" / "reviews-s4", device=device)
    for text in read_texts(path, about["sha256"]).texts[:2]:
        stimulus = subject.stimulus(text)
        outputs = subject.explained(stimulus, "predicted")
        players, mask = subject.players(stimulus), subject.mask(stimulus)
        game = subject.game(stimulus, outputs, players, mask)
        slopes = Slopes(subject, stimulus, outputs, players, "default")
        yield case(text[:24], game, subject.scorer, slopes)


def case(name: str, full: Game, network: Callable[[Inputs], Tensor], slopes: Slopes) -> Case:
    """Reduce a game and compute its reference."""
    reduced = without_idle(full)
    found = drive(permutation(reduced, Stop(evaluations=REFERENCE), seed=0))
    place = np.flatnonzero(~full.idle.numpy())
    reference = np.zeros(full.players)
    reference[place] = found.values[:, 0]
    errors = found.standard_errors
    if errors is not None:
        size = np.linalg.norm(reference)
        print(
            f"{name}: {len(place)} of {full.players} players, the reference's own error "
            f"{np.linalg.norm(errors) / size:.3f}"
        )
    slopes.playing = torch.from_numpy(place)
    return Case(name, network, full, reduced, place, reference, slopes)


def compare(name: str, cases: list[Case]) -> dict[str, Any]:
    """Errors and seconds of every estimator by budget, over cases and seeds."""
    players = max(len(each.place) for each in cases)
    whole = max(each.full.players for each in cases)
    pair = 2 * players + 2
    rows: dict[str, Any] = {}
    for title, estimator in OURS.items():
        budgets = [3 * pair, 8 * pair, 32 * pair]
        rows[f"ours {title}"] = [budgeted(cases, ours(estimator, n), n) for n in budgets]
    for game, size in (("full", whole), ("reduced", players)):
        if game == "reduced" and size == whole:
            continue
        batch = best_batch(cases[0], game)
        for pairs in (2, 8):
            n = pairs * (2 * size + 1)
            rows.setdefault(f"shap permutation, {game}", []).append(
                budgeted(cases, shap_permutation(game, n, batch), n)
            )
            rows.setdefault(f"shap kernel, {game}", []).append(
                budgeted(cases, shap_kernel(game, n), n)
            )
    found = {title: summary(each) for title, each in rows.items()}
    kinds = {"ours": "ours ", "shap, full": ", full", "shap, reduced": ", reduced"}
    best = {}
    for kind, part in kinds.items():
        rivals = {t: row["seconds_to_target"] for t, row in found.items() if part in t}
        if rivals:
            first = min(rivals, key=lambda title: rivals[title])
            best[kind] = {"estimator": first, "seconds": rivals[first]}
    speed = evaluations_per_second(cases[0])
    print(f"{name}\n" + "\n".join(f"  {title:28}{row}" for title, row in found.items()))
    ratios = {k: round(row["seconds"] / best["ours"]["seconds"], 2) for k, row in best.items()}
    print(f"  best {best}\n  times as long as ours {ratios}\n  evaluations a second {speed}")
    return {"estimators": found, "best": best, "times_ours": ratios, "per_second": speed}


def ours(estimator: Estimator, budget: int) -> Callable[[Case, int], Values]:
    """One of our estimators on the reduced game."""

    def run(each: Case, seed: int) -> Values:
        values = np.zeros(each.full.players)
        found = drive(estimator(each, Stop(evaluations=budget), seed))
        values[each.place] = found.values[:, 0]
        return values

    return run


def model_of(each: Case, game: str) -> tuple[Callable[[NDArray[Any]], Values], int]:
    """What shap calls: rows of zeros and ones -> worth; and how many columns there are."""
    played = each.full if game == "full" else each.reduced

    def worth(rows: NDArray[Any]) -> Values:
        scores = played.read(
            each.network(played.inputs(torch.from_numpy(rows > 0.5).to(played.device)))
        )
        found: Values = scores.double().cpu().numpy()[:, 0]
        return found

    return worth, played.players


def shap_permutation(game: str, budget: int, batch: int) -> Callable[[Case, int], Values]:
    """PermutationExplainer of shap."""

    def run(each: Case, seed: int) -> Values:
        model, players = model_of(each, game)
        masker = shap.maskers.Independent(np.zeros((1, players)))
        explainer = shap.explainers.Permutation(model, masker, seed=seed)
        found = explainer(np.ones((1, players)), max_evals=budget, batch_size=batch, silent=True)
        return placed(each, game, found.values[0])

    return run


def shap_kernel(game: str, budget: int) -> Callable[[Case, int], Values]:
    """KernelExplainer of shap."""

    def run(each: Case, seed: int) -> Values:
        model, players = model_of(each, game)
        np.random.seed(seed)
        explainer = shap.KernelExplainer(model, np.zeros((1, players)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = explainer.shap_values(np.ones((1, players)), nsamples=budget, silent=True)
        return placed(each, game, np.asarray(found)[0])

    return run


def placed(each: Case, game: str, values: Values) -> Values:
    """Values of the full game, zero for players that the reduced one leaves out."""
    if game == "full":
        return values
    found = np.zeros(each.full.players)
    found[each.place] = values
    return found


def best_batch(each: Case, game: str) -> int:
    """The batch size at which shap's PermutationExplainer is fastest."""
    players = (each.full if game == "full" else each.reduced).players
    runs: Mapping[str, Run] = {
        str(batch): lambda b=batch: shap_permutation(game, 2 * players + 1, b)(each, 1)
        for batch in BATCHES
    }
    seconds = in_turn(runs, 2)
    return int(min(seconds, key=lambda name: min(seconds[name])))


def budgeted(cases: list[Case], run: Callable[[Case, int], Values], budget: int) -> dict[str, Any]:
    """Seconds and errors over cases and seeds."""
    seconds, errors = [], []
    for each in cases:
        for seed in SEEDS:
            started = time.perf_counter()
            values = run(each, seed)
            seconds.append(time.perf_counter() - started)
            missed = np.linalg.norm(values - each.reference) / np.linalg.norm(each.reference)
            errors.append(float(missed))
    return {
        "budget": budget,
        "seconds": round(statistics.median(seconds), 4),
        "error": round(statistics.median(errors), 4),
        "error_range": [round(min(errors), 4), round(max(errors), 4)],
    }


def summary(budgets: list[dict[str, Any]]) -> dict[str, Any]:
    """All budgets of an estimator, and the seconds to the target."""
    last = budgets[-1]
    within = [each["seconds"] for each in budgets if each["error"] <= TARGET]
    seconds = min([*within[:1], last["seconds"] * (last["error"] / TARGET) ** 2])
    return {"budgets": budgets, "seconds_to_target": round(seconds, 4)}


def evaluations_per_second(each: Case, count: int = 2048) -> dict[str, float]:
    """Of our engine on the reduced game, shap's explainers, and the network alone."""
    device = each.full.device
    coalitions = (torch.rand(count, each.full.players) < 0.5).to(device)
    inputs = each.full.inputs(coalitions)
    # At which the network alone is fastest on a CPU; on a GPU, the batches that ours reads.
    batch = 64 if device.type == "cpu" else each.full.scorer.batch
    pieces = [tuple(part[k : k + batch] for part in inputs) for k in range(0, count, batch)]
    pair = 2 * each.full.players + 1
    chosen = best_batch(each, "full")
    n = max(pair, count // pair * pair)
    runs: Mapping[str, Run] = {
        "network alone": waiting(lambda: [each.network(piece) for piece in pieces], device.type),
        "ours": lambda: drive(permutation(each.reduced, Stop(evaluations=count), 1)),
        "shap permutation": lambda: shap_permutation("full", n, chosen)(each, 1),
        "shap kernel": lambda: shap_kernel("full", count)(each, 1),
    }
    done = {"shap permutation": n}
    seconds = in_turn(runs, 3)
    return {
        name: round(done.get(name, count) / statistics.median(found), 1)
        for name, found in seconds.items()
    }


def original() -> dict[str, float]:
    """Milliseconds an evaluation of the original's network: its way at batch 50, and our engine."""
    sizes = {"width": 128, "layers": 3, "state": 32, "inputs": 1, "labels": 10}
    config = SequenceClassifierConfig(**sizes, **MODELS["low-rank"])
    net = SequenceClassifier(config).eval().requires_grad_(False)
    x = torch.rand(50, 784, 1)
    preprocessing = Preprocessing(28, 28, (0.1307,), (0.3081,))
    subject = ImageSubject(ImageClassifier(net, preprocessing, tuple("0123456789")), "0" * 64)
    with np.load(ASSETS / "data" / "mnist-200.npz") as data:
        stimulus = subject.stimulus(data["images"][0])
    players = subject.players(stimulus)
    game = subject.game(stimulus, [0], players, subject.mask(stimulus, "zero"))
    engine: Mapping[str, Run] = {
        "original": lambda: plain.classify(
            net, x, plain.spectra(net.backbone, 784, plain.textbook_kernel)
        ),
        "ours": lambda: drive(permutation(without_idle(game), Stop(evaluations=1000), 1)),
    }
    seconds = in_turn(engine, 3)
    found = {
        "original": 1000 * statistics.median(seconds["original"]) / 50,
        "ours": 1000 * statistics.median(seconds["ours"]) / 1000,
    }
    found["ratio"] = found["original"] / found["ours"]
    return {name: round(value, 3) for name, value in found.items()}


def many(count: int) -> dict[str, Run]:
    """Explain many stimuli, for their memory."""
    subject = load(ASSETS / "checkpoints" / "mnist-s4d", device="cpu")
    with np.load(ASSETS / "data" / "mnist-200.npz") as data:
        images = data["images"][:count]

    def plays() -> Iterator[Play[Estimate]]:
        for image in images:
            stimulus = subject.stimulus(image)
            players, mask = subject.players(stimulus, "patches", 7), subject.mask(stimulus, "zero")
            yield permutation(subject.game(stimulus, [0], players, mask), Stop(200), 1)

    return {"explain": lambda: [None for _ in drive_all(plays())]}


def plot(models: dict[str, Any], path: Path) -> None:
    """Error by seconds, a line an estimator."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, len(models), figsize=(6 * len(models), 4.5), squeeze=False)
    for axis, (name, model) in zip(axes[0], models.items(), strict=True):
        for title, row in model["estimators"].items():
            seconds = [each["seconds"] for each in row["budgets"]]
            style = "-o" if title.startswith("ours") else "--s"
            axis.loglog(seconds, [each["error"] for each in row["budgets"]], style, label=title)
        axis.set(title=name, xlabel="seconds", ylabel="relative error")
        axis.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
