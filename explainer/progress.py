"""How far a run is: explanations, stimuli, evaluations, time, memory."""

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor

from explainer.artifact import Measures
from explainer.methods import Attribution
from explainer.shapley.game import Ask, Play

Counted = TypeVar("Counted", Attribution, Measures)

GIB = 2**30
PART = 2048  # coalitions of a longer ask that are answered before progress is told


@dataclass(frozen=True)
class Progress:
    """What is done at one moment.

    jobs, stimuli: (done, in all), done now or before. evaluations: rows the model read so far in
    this run, pace: of them a second. left: seconds, None before anything is known. memory: bytes
    held on the GPU, None without one. what: is at work.
    """

    jobs: tuple[int, int]
    stimuli: tuple[int, int]
    evaluations: int
    pace: float
    left: float | None
    memory: int | None
    what: str

    def __str__(self) -> str:
        """Say it in a line."""
        said = [
            f"{self.what}: {self.stimuli[0]}/{self.stimuli[1]} stimuli",
            f"{self.jobs[0]}/{self.jobs[1]} explanations",
            f"{self.pace:,.0f} evaluations/s",
        ]
        if self.left is not None:
            said.append(f"{clock(self.left)} left")
        if self.memory is not None:
            said.append(f"{self.memory / GIB:.1f} GiB on the GPU")
        return ", ".join(said)


def clock(seconds: float) -> str:
    """Seconds as 12 s, 3 min or 2 h 05 min."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02} min"


class Meter:
    """Counts what the model reads for all plays, and what share of its time each play takes.

    tick: called whenever rows were read.
    """

    def __init__(self, tick: Callable[[], None] = lambda: None) -> None:
        """Start at nothing."""
        self.rows, self.model_seconds = 0, 0.0
        self.started = self._left = time.perf_counter()
        self._tick = tick

    @property
    def pace(self) -> float:
        """Rows a second since the start."""
        return self.rows / max(time.perf_counter() - self.started, 1e-9)

    def watch(self, play: Play[Counted]) -> Generator[Ask, Tensor, tuple[Counted, float]]:
        """Play on, and return also the seconds: a play's own, and its rows' share of the model's.

        What a play that does not ask computes is its own.
        """
        rows = own = 0.0
        before = self.rows, self.model_seconds
        answer: Any = None
        while True:
            started = time.perf_counter()
            try:
                ask = play.send(answer)
            except StopIteration as stop:
                found: Counted = stop.value
                break
            finally:
                self._left = time.perf_counter()
                own += self._left - started
            parts = []
            for coalitions in torch.split(ask.coalitions, PART):
                parts.append((yield Ask(ask.game, coalitions)))
                self.model_seconds += time.perf_counter() - self._left
                self._left = time.perf_counter()
                asked = len(coalitions) * ask.game.repeats
                rows += asked
                self.rows += asked
                self._tick()
            answer = torch.cat(parts)
        read = self.rows - before[0]
        share = (self.model_seconds - before[1]) * rows / read if read else 0.0
        # A play that never asks counts what it says it read.
        self.rows += 0 if rows else found.evaluations
        return found, own + share
