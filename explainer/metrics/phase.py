"""Measure what a plan has explained: stimuli share batches, each is done by one process.

A stimulus is the unit of work, since its explanations are compared with the same random ones. What
is measured of an explanation is written at once, so an interrupt loses at most the group at work of
each stimulus at work.
"""

import time
from collections.abc import Collection, Mapping, Sequence

import torch

from explainer.artifact import ArtifactError, Measures, Store
from explainer.claims import Claims
from explainer.encoding import canonical_json, sha256
from explainer.jobs import Name, Piece
from explainer.metrics.groups import Question, ask
from explainer.metrics.measure import Known
from explainer.progress import Meter, Progress
from explainer.shapley.game import Play, drive_all
from explainer.work import AT_ONCE, SHOWN_EVERY, WAIT, Show


def carry_out(
    pieces: Sequence[Piece],
    done: Mapping[Name, str],
    store: Store,
    groups: Sequence[str],
    show: Show | None,
) -> int:
    """Measure the explanations of selected stimuli; return of how many anything was measured here.

    done: digest of each piece. groups: names of GROUPS.
    """
    phase = _Phase(pieces, done, store, groups, show)
    phase.tell("measuring")
    for those in phase.by_set():
        phase.do(those)
    phase.tell("done")
    return phase.measured


def shown(pieces: Collection[Piece]) -> list[Piece]:
    """Those of selected stimuli; the rest is made only to be borrowed from."""
    return [piece for piece in pieces if piece.row in piece.prepared.selected]


def lacking(store: Store, digest: str, groups: Sequence[str]) -> list[str]:
    """The groups that were not yet asked of an explanation; all, where the file is damaged."""
    there = _there(store, digest)
    return [group for group in groups if group not in there.asked]


def _there(store: Store, digest: str) -> Measures:
    try:
        return store.read_measures(digest) or Measures()
    except ArtifactError:
        return Measures()


class _Phase:
    """What one process measures, and what it tells of it."""

    def __init__(
        self,
        pieces: Sequence[Piece],
        done: Mapping[Name, str],
        store: Store,
        groups: Sequence[str],
        show: Show | None,
    ) -> None:
        """Start."""
        self._pieces, self._done = shown(pieces), done
        self._store, self._groups = store, groups
        self._claims = Claims(store.root / "claims")
        self._show, self._shown, self._what = show, 0.0, ""
        self._stimuli = len({(each.prepared.name, each.row) for each in self._pieces})
        self._finished = self._stimuli_finished = self.measured = 0
        self._meter = Meter(self._tick)

    def by_set(self) -> list[list[list[Piece]]]:
        """The pieces of each stimulus, of each set."""
        sets: dict[str, dict[int, list[Piece]]] = {}
        for piece in self._pieces:
            rows = sets.setdefault(piece.prepared.name, {})
            rows.setdefault(piece.row, []).append(piece)
        return [list(rows.values()) for rows in sets.values()]

    def do(self, stimuli: list[list[Piece]]) -> None:
        """Measure those of one set; those that others are at work on, last."""
        at_once = AT_ONCE[stimuli[0][0].prepared.subject.device.type]
        while stimuli:
            found = drive_all((self._attempt(pieces) for pieces in stimuli), at_once)
            others = [each for each, ours in zip(stimuli, found, strict=True) if not ours]
            if len(others) == len(stimuli):
                self.tell("waiting for another process")
                time.sleep(WAIT)
            stimuli = others

    def tell(self, what: str) -> None:
        """Say how far it is."""
        if self._show is None:
            return
        self._shown, elapsed = time.monotonic(), time.perf_counter() - self._meter.started
        cuda = any(piece.prepared.subject.device.type == "cuda" for piece in self._pieces[:1])
        left = len(self._pieces) - self._finished
        self._show(
            Progress(
                jobs=(self._finished, len(self._pieces)),
                stimuli=(self._stimuli_finished, self._stimuli),
                evaluations=self._meter.rows,
                pace=self._meter.pace,
                left=elapsed * left / self.measured if self.measured else None,
                memory=torch.cuda.memory_reserved() if cuda else None,
                what=what,
            )
        )

    def _attempt(self, pieces: list[Piece]) -> Play[bool]:
        """Measure a stimulus's explanations; False where another process is at work on them."""
        if any(self._lacking(piece) for piece in pieces):
            name = {"metrics of": [self._done[piece.name] for piece in pieces]}
            with self._claims.claim(sha256(canonical_json(name))) as ours:
                if not ours:
                    return False
                known = Known()
                for piece in pieces:
                    yield from self._measure(piece, known)
                    self._advance(1)
        else:
            self._advance(len(pieces))
        self._stimuli_finished += 1
        return True

    def _measure(self, piece: Piece, known: Known) -> Play[None]:
        groups = self._lacking(piece)  # another may have done it since we looked
        if not groups:
            return
        self._what = f"measuring {piece.recipe.name} of {piece.prepared.name}"
        digest = self._done[piece.name]
        question = Question(piece, self._store.read_explanation(digest), known)
        there = _there(self._store, digest)
        for group in groups:
            found, seconds = yield from self._meter.watch(ask(question, group))
            there = there + found + Measures(seconds=seconds)
            self._store.write_measures(digest, there)
        self.measured += 1

    def _lacking(self, piece: Piece) -> list[str]:
        return lacking(self._store, self._done[piece.name], self._groups)

    def _advance(self, number: int) -> None:
        self._finished += number
        self._tick()

    def _tick(self) -> None:
        if time.monotonic() - self._shown >= SHOWN_EVERY:
            self.tell(self._what)
