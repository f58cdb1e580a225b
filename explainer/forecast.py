"""What a run would do and cost, by a short measurement of each method."""

import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
import torch

from explainer.artifact import Explanation, Job, Measures, Store, canonical_json
from explainer.attribution import to_artifact
from explainer.jobs import Name, Piece
from explainer.methods import Attribution
from explainer.metrics.groups import EXPLANATIONS, Question, ask
from explainer.metrics.measure import Known
from explainer.metrics.phase import lacking, shown
from explainer.progress import Meter, clock
from explainer.shapley.game import Ask, Found, Play, drive, drive_all
from explainer.work import AT_ONCE, Work

PATIENCE = 1.0  # seconds that a method with a budget is watched for
WARM_UP = 0.3  # seconds before that: a model's first batches are slower than the rest
ROWS = 256  # read whatever the time: a game's first asks are small, and slow for their size
FEW = 3  # stimuli that are counted, to say how much measuring the others takes
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
    """What a run would do. jobs: in all. costs: of what is still to do, by explanation and set.

    measuring: of measuring explanations, by set.
    """

    plan: str
    jobs: int
    costs: dict[tuple[str, str], Cost]
    measuring: dict[str, Cost]

    @property
    def total(self) -> Cost:
        """Of all explanations, not yet measured."""
        return sum(self.costs.values(), NOTHING)

    def __str__(self) -> str:
        """Say it, a line for each explanation of each set, and one for all."""
        lines = [
            f"{name} of {stimuli}: {each.explanations} to do, {each}"
            for (name, stimuli), each in self.costs.items()
        ]
        lines += [
            f"metrics of {stimuli}: {each.explanations} explanations to measure, {each}"
            for stimuli, each in self.measuring.items()
        ]
        whole = sum(self.measuring.values(), self.total)
        lines.append(
            f"{self.total.explanations} of {self.jobs} explanations to do: {whole} "
            f"(plan {self.plan[:12]})"
        )
        return "\n".join(lines)


def measure(work: Work, store: Store, groups: Sequence[str]) -> Forecast:
    """Count what there is to do, and try every method that there is something to do of.

    groups: of metrics that are asked for.
    """
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
    return Forecast(
        work.plan.digest, len(work.todo), costs, measuring(work.todo, done, store, groups, one)
    )


def measuring(
    pieces: Sequence[Piece],
    done: Mapping[Name, str],
    store: Store,
    groups: Sequence[str],
    one: Mapping[tuple[str, str], Cost],
) -> dict[str, Cost]:
    """What measuring takes, by set; one: the cost of an explanation, where that is known."""
    sets: dict[str, list[tuple[Piece, list[str]]]] = {}
    for piece in shown(pieces):
        digest = done.get(piece.name)
        groups_left = list(groups) if digest is None else lacking(store, digest, groups)
        if groups_left:
            sets.setdefault(piece.prepared.name, []).append((piece, groups_left))
    found = {}
    for name, todo in sets.items():
        removing = [piece for piece, groups_left in todo if "removal" in groups_left]
        costs = [_removal(removing)] if removing else []
        costs += [
            _anew([each for each in todo if each[0].recipe == recipe], one)
            for recipe in {piece.recipe.name: piece.recipe for piece, _ in todo}.values()
        ]
        found[name] = replace(sum(costs, NOTHING), explanations=len(todo))
    return found


def _removal(pieces: Sequence[Piece]) -> Cost:
    """What the metrics take that are always asked for, from a few stimuli and a short measurement.

    The model is not asked to count what it would be asked.
    """
    rows: dict[int, list[Piece]] = {}
    for piece in pieces:
        rows.setdefault(piece.row, []).append(piece)
    evaluations = size = own = 0.0
    for some in list(rows.values())[:FEW]:
        started, known = time.perf_counter(), Known()
        for piece in some:
            found = _answered(ask(Question(piece, _made_up(piece), known), "removal"))
            evaluations += found.evaluations
            size += _on_disk(len(canonical_json(found.to_json())))
        own += time.perf_counter() - started
    few, meter = min(FEW, len(rows)), Meter()
    until = time.perf_counter() + PATIENCE
    for piece in next(iter(rows.values())):
        question = Question(piece, _made_up(piece), Known())
        drive(_patiently(meter.watch(ask(question, "removal")), meter, until))
        if meter.rows:
            break
    share = len(rows) / few
    seconds = own + evaluations * meter.model_seconds / max(1, meter.rows)
    return Cost(0, round(evaluations * share), seconds * share, round(size * share))


def _anew(todo: list[tuple[Piece, list[str]]], one: Mapping[tuple[str, str], Cost]) -> Cost:
    """What explaining again takes, of the explanations of one recipe and set."""
    first = todo[0][0]
    if first.of is not None:
        return NOTHING
    still = first.prepared.subject.artifact_kind == "text"  # a text has no neighbours
    times = sum(
        EXPLANATIONS.get(group, 0)
        for _, groups in todo
        for group in groups
        if not (still and group == "sensitivity")
    )
    if not times:
        return NOTHING
    each = one.get(first.name[:2]) or _one([first])
    return Cost(0, times * each.evaluations, times * each.seconds, 0)


def _answered(play: Play[Measures]) -> Measures:
    """What a play finds where the answers are noise."""
    random, answer = np.random.default_rng(0), None
    while True:
        try:
            asked: Ask = next(play) if answer is None else play.send(answer)
        except StopIteration as stop:
            found: Measures = stop.value
            return found
        answer = torch.from_numpy(random.normal(size=(len(asked.coalitions), 1)))


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
    return [each[0] for each in drive_all(plays, len(some)) if each is not None]


def _watched(
    piece: Piece, meter: Meter, until: float | None
) -> Play[tuple[Attribution, float] | None]:
    """A piece's attribution, or None where it takes too long."""
    with piece.named():
        return (yield from _patiently(piece.explain(meter), meter, until))


def _patiently(play: Play[Found], meter: Meter, until: float | None) -> Play[Found | None]:
    """What a play finds, or None where it takes too long."""
    answer: Any = None
    while until is None or time.perf_counter() < until or meter.rows < ROWS:
        try:
            asked = play.send(answer)
        except StopIteration as stop:
            found: Found = stop.value
            return found
        answer = yield asked
    return None


def _size(piece: Piece) -> int:
    """Bytes on disk of an explanation with its run, job and stimulus."""
    written = _made_up(piece).to_json(), piece.prepared.stimulus(piece.row).to_json()
    return sum(_on_disk(len(zlib.compress(canonical_json(each)))) for each in written) + 2 * BLOCK


def _on_disk(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _made_up(piece: Piece) -> Explanation:
    """An explanation whose values are pure noise."""
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
    return to_artifact(job, stimulus.kind, found, names)
