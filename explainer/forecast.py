"""What a run would do and cost, by a short measurement of each method."""

import time
import zlib
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np

from explainer.artifact import Job, Store, canonical_json
from explainer.attribution import to_artifact
from explainer.jobs import Name, Piece
from explainer.methods import Attribution
from explainer.progress import Meter, clock
from explainer.shapley.game import Play, drive_all
from explainer.work import AT_ONCE, Work

PATIENCE = 1.0  # seconds that a method with a budget is watched for
WARM_UP = 0.3  # seconds before that: a model's first batches are slower than the rest
BLOCK = 4096  # bytes that any file takes at least


@dataclass(frozen=True)
class Cost:
    """Of some explanations: how many, model evaluations, seconds, bytes on disk."""

    explanations: int
    evaluations: int
    seconds: float
    size: int

    def __add__(self, other: "Cost") -> "Cost":
        """Both."""
        return Cost(
            self.explanations + other.explanations,
            self.evaluations + other.evaluations,
            self.seconds + other.seconds,
            self.size + other.size,
        )

    def __str__(self) -> str:
        """Say it in a line."""
        return (
            f"{self.evaluations:,} model evaluations, about {clock(self.seconds)}, "
            f"{self.size / 1e6:,.1f} MB"
        )


NOTHING = Cost(0, 0, 0.0, 0)


@dataclass(frozen=True)
class Forecast:
    """What a run would do. jobs: in all. costs: of what is still to do, by explanation and set."""

    plan: str
    jobs: int
    costs: dict[tuple[str, str], Cost]

    @property
    def total(self) -> Cost:
        """Of all."""
        return sum(self.costs.values(), NOTHING)

    def __str__(self) -> str:
        """Say it, a line for each explanation of each set, and one for all."""
        lines = [
            f"{name} of {stimuli}: {each.explanations} to do, {each}"
            for (name, stimuli), each in self.costs.items()
        ]
        lines.append(
            f"{self.total.explanations} of {self.jobs} explanations to do: {self.total} "
            f"(plan {self.plan[:12]})"
        )
        return "\n".join(lines)


def measure(work: Work, store: Store) -> Forecast:
    """Count what there is to do, and try every method that there is something to do of."""
    done: dict[Name, str] = {}
    left: list[Piece] = []
    for piece in work.todo:
        # A control of something that is not there cannot be there either.
        ready = piece.made_of is None or piece.made_of in done
        digest = store.find(piece.job(done)) if ready else None
        if digest is None:
            left.append(piece)
        else:
            done[piece.name] = digest
    costs: dict[tuple[str, str], Cost] = {}
    one: dict[tuple[str, str], Cost] = {}
    for (stimuli, name), group in groupby(left, lambda each: each.name[:2]):
        some = list(group)
        first = some[0]
        if first.asks:
            each = _one(some)
        else:
            source = one.get((stimuli, str(first.recipe.of)), Cost(1, 0, 0.0, _size(first)))
            each = replace(source, evaluations=0, seconds=0.0)
        one[stimuli, name] = each
        n = len(some)
        costs[name, stimuli] = Cost(n, n * each.evaluations, n * each.seconds, n * each.size)
    return Forecast(work.plan.digest, len(work.todo), costs)


def _one(some: list[Piece]) -> Cost:
    """The mean cost of an explanation, from a few of them."""
    method = some[0].of or some[0].recipe
    budget = method.parameters.get("evaluations")
    several = AT_ONCE[some[0].prepared.subject.device.type] if budget else 1
    if budget is not None:
        _watch(some[:several], Meter(), WARM_UP)
    meter = Meter()
    found = _watch(some[:several], meter, None if budget is None else PATIENCE)
    seconds = time.perf_counter() - meter.started
    if budget is not None and len(found) < len(some[:several]):
        # What a play does by itself is mostly done at its start; the model's share grows.
        evaluations, own = int(budget), (seconds - meter.model_seconds) / len(some[:several])
        pace = meter.model_seconds / max(1, meter.rows)
        return Cost(1, evaluations, own + evaluations * pace, _size(some[0]))
    evaluations = round(sum(each.evaluations for each in found) / len(found))
    return Cost(1, evaluations, seconds / len(found), _size(some[0]))


def _watch(some: list[Piece], meter: Meter, patience: float | None) -> list[Attribution]:
    """Those attributions that are found in so many seconds."""
    until = None if patience is None else time.perf_counter() + patience
    plays = (_watched(piece, meter, until) for piece in some)
    return [each for each in drive_all(plays, len(some)) if each is not None]


def _watched(piece: Piece, meter: Meter, until: float | None) -> Play[Attribution | None]:
    """A piece's attribution, or None where it takes too long."""
    answer: Any = None
    with piece.named():
        play = piece.explain(meter)
        while until is None or time.perf_counter() < until or meter.rows == 0:
            try:
                ask = play.send(answer)
            except StopIteration as stop:
                found: Attribution = stop.value[0]
                return found
            answer = yield ask
    return None


def _size(piece: Piece) -> int:
    """Bytes on disk of an explanation with its run, job and stimulus: with values of pure noise."""
    stimulus, recipe = piece.prepared.stimulus(piece.row), piece.of or piece.recipe
    subject, given = piece.prepared.subject, recipe.parameters
    players = subject.players(stimulus, given.get("players", "default"), int(given.get("size", 1)))
    outputs = subject.explained(stimulus, given["output"])
    noise = np.random.default_rng(0).normal(size=(len(players), len(outputs)))
    found = Attribution(
        players.spans, noise, noise[0], noise[0], "noise", 0, noise[::-1], complete=False
    )
    job = Job("0" * 64, "0" * 64, recipe.method.name, dict(given), recipe.seed)
    names = [subject.outputs(stimulus)[k] for k in outputs]
    written = to_artifact(job, stimulus.kind, found, names).to_json(), stimulus.to_json()
    sizes = [len(zlib.compress(canonical_json(each))) for each in written]
    return sum(-(-size // BLOCK) * BLOCK for size in [*sizes, 1, 1])
