"""Plan -> artifacts in a store: `python -m explainer.precompute PLAN.json --store DIR`.

A job whose key the store has is not done again, and every artifact is written whole or not at all:
stopping at any moment loses at most the job at work, and two processes on one plan do no harm.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explainer.artifact import ArtifactError, Store
from explainer.data.images import ImagesError
from explainer.jobs import Piece, Prepared, pieces
from explainer.methods import MethodError
from explainer.plan import Plan, PlanError, check
from explainer.selection import SelectionError

Progress = Callable[[int, int, str], None]


class PrecomputeError(Exception):
    """A plan cannot be carried out; the message says what to do."""


@dataclass(frozen=True)
class Result:
    """Digests of everything a plan asks for, and how many jobs were done now or before.

    stimuli: set name -> stimulus digests in selection order. explanations: name -> {stimulus
    digest: explanation digest}, selected stimuli only.
    """

    stimuli: dict[str, list[str]]
    explanations: dict[str, dict[str, str]]
    computed: int
    reused: int


@dataclass(frozen=True)
class Forecast:
    """What a run would do: jobs in all and still to do, model evaluations, and seconds."""

    jobs: int
    to_do: int
    evaluations: int
    seconds: float

    def __str__(self) -> str:
        """Say it in a line."""
        return (
            f"{self.to_do} of {self.jobs} explanations to do: {self.evaluations} model evaluations,"
            f" about {self.seconds:.0f} s"
        )


def run(
    plan: dict[str, Any],
    store: Store,
    *,
    device: str = "auto",
    only: str | None = None,
    progress: Progress | None = None,
) -> Result:
    """Make every stimulus and explanation of a plan; `only` names one explanation.

    device: auto, cpu or cuda. progress(jobs done, jobs in all, what is at work). Raises
    PrecomputeError.
    """
    with _reasons():
        checked, sets, todo = _prepare(plan, store, device, only)
        done: dict[tuple[str, str, int], str] = {}
        computed = 0
        for number, piece in enumerate(todo):
            if progress:
                progress(number, len(todo), f"{piece.recipe.name} of {piece.prepared.name}")
            job = piece.job(done)
            digest = store.find(job)
            if digest is None:
                digest = piece.carry_out(job)
                computed += 1
            done[piece.prepared.name, piece.recipe.name, piece.row] = digest
        if progress:
            progress(len(todo), len(todo), "done")
    return Result(
        stimuli={found.name: [found.digest(row) for row in found.selected] for found in sets},
        explanations={
            recipe.name: {
                found.digest(row): done[found.name, recipe.name, row]
                for found in sets
                for row in found.selected
            }
            for recipe in checked.recipes
            if only in {None, recipe.name}
        },
        computed=computed,
        reused=len(todo) - computed,
    )


def forecast(
    plan: dict[str, Any], store: Store, *, device: str = "auto", only: str | None = None
) -> Forecast:
    """Count what `run` would do, and time the model on one batch. Raises PrecomputeError."""
    with _reasons():
        _, _, todo = _prepare(plan, store, device, only)
        done: dict[tuple[str, str, int], str] = {}
        left = evaluations = 0
        seconds = 0.0
        pace: dict[str, float] = {}
        for piece in todo:
            # A control of something that is not there yet cannot be there either.
            ready = piece.recipe.of is None or _source(piece) in done
            digest = store.find(piece.job(done)) if ready else None
            if digest is not None:
                done[piece.prepared.name, piece.recipe.name, piece.row] = digest
                continue
            left += 1
            if piece.recipe.of is None:
                cost = int(piece.recipe.parameters["evaluations"])
                evaluations += cost
                if piece.prepared.name not in pace:
                    pace[piece.prepared.name] = _seconds_an_evaluation(piece.prepared)
                seconds += cost * pace[piece.prepared.name]
    return Forecast(len(todo), left, evaluations, round(seconds, 1))


def _prepare(
    plan: dict[str, Any], store: Store, device: str, only: str | None
) -> tuple[Plan, list[Prepared], list[Piece]]:
    checked = check(plan, only)
    sets = [Prepared(stimuli, store, device) for stimuli in checked.stimuli]
    return checked, sets, [piece for found in sets for piece in pieces(found, checked)]


def _source(piece: Piece) -> tuple[str, str | None, int]:
    return piece.prepared.name, piece.recipe.of, piece.source


def _seconds_an_evaluation(prepared: Prepared) -> float:
    from explainer.models.image import predict

    images = prepared.data.images[:50]
    predict(prepared.model, images)
    started = time.perf_counter()
    predict(prepared.model, images)
    return (time.perf_counter() - started) / len(images)


@contextmanager
def _reasons() -> Iterator[None]:
    """Turn every expected error into a PrecomputeError."""
    from explainer.machine import DeviceError
    from explainer.models.checkpoint import CheckpointError

    try:
        yield
    except (
        ArtifactError,
        CheckpointError,
        DeviceError,
        ImagesError,
        MethodError,
        PlanError,
        SelectionError,
    ) as error:
        raise PrecomputeError(str(error)) from error


def main(arguments: list[str] | None = None) -> int:
    """Precompute from a command line that needs no Flask."""
    parser = argparse.ArgumentParser(prog="python -m explainer.precompute")
    parser.add_argument("plan", type=Path)
    parser.add_argument("--store", type=Path, required=True, help="the artifacts' folder")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--only", help="one explanation's name")
    parser.add_argument("--dry-run", action="store_true", help="only say what there is to do")
    options = parser.parse_args(arguments)
    store = Store(options.store)
    try:
        plan = json.loads(options.plan.read_bytes())
    except (OSError, ValueError) as error:
        print(f"error: {options.plan}: no readable plan ({error})", file=sys.stderr)
        return 1
    try:
        if options.dry_run:
            print(forecast(plan, store, device=options.device, only=options.only))
            return 0
        result = _with_bar(plan, store, options.device, options.only)
    except PrecomputeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    print(
        json.dumps(
            {
                "stimuli": result.stimuli,
                "explanations": result.explanations,
                "computed": result.computed,
                "reused": result.reused,
            },
            indent=2,
        )
    )
    return 0


def _with_bar(plan: dict[str, Any], store: Store, device: str, only: str | None) -> Result:
    from tqdm import tqdm

    with tqdm(unit="job") as bar:

        def progress(done: int, total: int, what: str) -> None:
            bar.total = total
            bar.set_postfix_str(what, refresh=False)
            bar.update(done - bar.n)

        return run(plan, store, device=device, only=only, progress=progress)


if __name__ == "__main__":
    sys.exit(main())
