"""Carry a plan's jobs out: many at once, each by one process, each written when it is done."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from explainer.artifact import Store
from explainer.claims import Claims
from explainer.jobs import Name, Piece, pieces
from explainer.plan import Plan
from explainer.prepared import Prepared
from explainer.progress import Meter, Progress
from explainer.shapley.game import Play, drive_all

Show = Callable[[Progress], None]

WAIT = 0.2  # seconds before asking again for what another process is at work on
SHOWN_EVERY = 0.2  # seconds
# Explanations made together, so that they fill batches; they are what an interrupt loses.
AT_ONCE = {"cpu": 8, "cuda": 64}


@dataclass(frozen=True)
class Work:
    """A checked plan with its sets prepared; what to do of it, and what other shards do.

    Both lists have each piece after what it is made from.
    """

    plan: Plan
    sets: list[Prepared]
    todo: list[Piece]
    elsewhere: list[Piece]


def divide(plan: Plan, sets: list[Prepared], shard: tuple[int, int]) -> Work:
    """Shard (i, n) does selected stimuli i, i + n, ..., counted from 1 through all sets."""
    todo: list[Piece] = []
    elsewhere: list[Piece] = []
    number = 0
    for prepared in sets:
        mine: list[int] = []
        others: list[int] = []
        for row in prepared.selected:
            (mine if number % shard[1] == shard[0] - 1 else others).append(row)
            number += 1
        todo += pieces(prepared, plan, mine)
        elsewhere += pieces(prepared, plan, others)
    return Work(plan, sets, todo, elsewhere)


def carry_out(
    todo: Sequence[Piece], store: Store, show: Show | None
) -> tuple[dict[Name, str], int]:
    """Do what is not done; return every piece's digest, and how many were computed here."""
    run = _Run(todo, store, show)
    run.tell("starting")
    groups: dict[tuple[str, bool], list[Piece]] = {}
    for piece in todo:
        groups.setdefault((piece.prepared.name, piece.of is not None), []).append(piece)
    for group in groups.values():
        run.do(group)
    run.tell("done")
    return run.done, run.computed


def cost(piece: Piece) -> int:
    """A guess at the evaluations that a piece takes."""
    recipe = piece.of or piece.recipe
    return int(recipe.parameters.get("evaluations", 100)) if piece.asks else 0


class _Run:
    """What one process does, and what it tells of it."""

    def __init__(self, todo: Sequence[Piece], store: Store, show: Show | None) -> None:
        """Start."""
        self.store, self.claims = store, Claims(store.root / "claims")
        self.done: dict[Name, str] = {}
        self.computed = 0
        self._todo, self._finished = todo, 0
        self._cost_left, self._cost_spent = sum(map(cost, todo)), 0
        self._lacks: dict[tuple[str, int], int] = {}
        for piece in todo:
            if piece.row in piece.prepared.selected:
                place = piece.prepared.name, piece.row
                self._lacks[place] = self._lacks.get(place, 0) + 1
        self._show, self._shown, self._what = show, 0.0, ""
        self._meter = Meter(self._tick)

    def do(self, group: list[Piece]) -> None:
        """Do pieces that need nothing of one another; those that others are at work on, last."""
        at_once = AT_ONCE[group[0].prepared.subject.device.type]
        while group:
            others: list[Piece] = []
            found = drive_all((self._attempt(piece) for piece in group), at_once)
            for piece, digest in zip(group, found, strict=True):
                if digest is None:
                    others.append(piece)
                else:
                    self.done[piece.name] = digest
            if len(others) == len(group):
                self.tell("waiting for another process")
                time.sleep(WAIT)
            group = others

    def tell(self, what: str) -> None:
        """Say how far it is."""
        if self._show is None:
            return
        self._shown, elapsed = time.monotonic(), time.perf_counter() - self._meter.started
        lacking = sum(1 for each in self._lacks.values() if each)
        cuda = any(piece.prepared.subject.device.type == "cuda" for piece in self._todo[:1])
        self._show(
            Progress(
                jobs=(self._finished, len(self._todo)),
                stimuli=(len(self._lacks) - lacking, len(self._lacks)),
                evaluations=self._meter.rows,
                pace=self._meter.pace,
                left=self._cost_left * elapsed / self._cost_spent if self._cost_spent else None,
                memory=torch.cuda.memory_reserved() if cuda else None,
                what=what,
            )
        )

    def _attempt(self, piece: Piece) -> Play[str | None]:
        """A piece's digest; None where another process is at work on it."""
        self._what = f"{piece.recipe.name} of {piece.prepared.name}"
        job = piece.job(self.done)
        digest = self.store.find(job)
        if digest is None:
            with self.claims.claim(job.key) as ours:
                if not ours:
                    return None
                digest = self.store.find(job)  # another may have done it since we looked
                if digest is None:
                    digest = yield from piece.carry_out(job, self._meter, self.done)
                    self.computed += 1
                    self._cost_spent += cost(piece)
        self._finished += 1
        self._cost_left -= cost(piece)
        place = piece.prepared.name, piece.row
        if place in self._lacks:
            self._lacks[place] -= 1
        self._tick()
        return digest

    def _tick(self) -> None:
        if time.monotonic() - self._shown >= SHOWN_EVERY:
            self.tell(self._what)
