"""How exactly a model reads masked inputs, by choice, and what less than float32 does to them.

TF32 and bfloat16 are faster on a GPU. They touch the games only: a stimulus, what the model says of
it, gradients and metrics stay in float32, and so do the states of an S4 layer. The precision is one
of a job's parameters, so it is part of the explanation's digest; float32 is not named.
"""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from explainer.encoding import Json
from explainer.methods import Attribution, MethodError
from explainer.plan import PRECISIONS
from explainer.shapley.game import Ask, Game, Inputs, Play, Scorer
from explainer.subjects import Subject

SAMPLE = 64  # coalitions that are read again in float32


class Reduced:
    """A scorer in another precision; two of the same scorer are equal, and share batches."""

    def __init__(self, scorer: Scorer, precision: str, device: torch.device) -> None:
        """Take a scorer on a device. Raises MethodError where the device has no such precision."""
        check(precision, device.type)
        self.scorer, self.precision, self.device = scorer, precision, device

    def __eq__(self, other: object) -> bool:
        """Whether it is the same scorer in the same precision."""
        return isinstance(other, Reduced) and self._key == other._key

    def __hash__(self) -> int:
        """As equality has it."""
        return hash(self._key)

    @property
    def _key(self) -> tuple[int, str]:
        return id(self.scorer), self.precision

    @property
    def batch(self) -> int:
        """Rows at once, those of the scorer itself."""
        return self.scorer.batch

    @batch.setter
    def batch(self, rows: int) -> None:
        self.scorer.batch = rows

    def __call__(self, inputs: Inputs) -> Tensor:
        """Score."""
        with computing(self.precision, self.device.type):
            return self.scorer(inputs).float()

    def join(self, parts: Sequence[Inputs]) -> Inputs:
        """Put rows together."""
        return self.scorer.join(parts)


def check(precision: str, device: str) -> None:
    """Refuse a precision that a kind of device does not have. Raises MethodError."""
    if precision not in PRECISIONS:
        raise MethodError(f"no precision {precision!r}; there is {', '.join(PRECISIONS)}")
    if precision == "tf32" and device != "cuda":
        raise MethodError(
            f"precision tf32 is of NVIDIA GPUs, and this runs on the {device.upper()}: take "
            "float32 or bfloat16, or --device cuda"
        )


@contextmanager
def computing(precision: str, device: str) -> Iterator[None]:
    """Let matrix products and convolutions be computed so."""
    if precision == "bfloat16":
        with torch.autocast(device, torch.bfloat16):
            yield
        return
    cuda: Any = torch.backends.cuda
    cudnn: Any = torch.backends.cudnn
    parts = (cuda.matmul, cudnn.conv, cudnn.rnn)
    before = [part.fp32_precision for part in parts]
    for part in parts:
        part.fp32_precision = "tf32"
    try:
        yield
    finally:
        for part, was in zip(parts, before, strict=True):
            part.fp32_precision = was


def reduced(subject: Subject, precision: str) -> Subject:
    """The same subject, whose games are read in a precision."""
    found = copy.copy(subject)
    found.scorer = Reduced(subject.scorer, precision, subject.device)
    return found


def compared(play: Play[Attribution], scorer: Scorer, precision: str) -> Play[Attribution]:
    """Play, then say in the details what the precision did: some coalitions are read again.

    scorer: the one that reads in float32. They are taken from the largest ask, evenly spaced.
    """
    largest: tuple[Game, Tensor, Tensor] | None = None
    answer: Any = None
    while True:
        try:
            ask = play.send(answer)
        except StopIteration as stop:
            found: Attribution = stop.value
            break
        answer = yield ask
        if largest is None or len(ask.coalitions) > len(largest[1]):
            largest = ask.game, ask.coalitions, answer
    if largest is None:  # it asked nothing, and all of it is in float32
        return found
    game, coalitions, given = largest
    rows = torch.linspace(0, len(coalitions) - 1, min(SAMPLE, len(coalitions))).long()
    exact = copy.copy(game)
    exact.scorer = scorer
    expected = yield Ask(exact, coalitions[rows])
    error = {"name": precision, **difference(given[rows], expected)}
    return replace(found, details={**found.details, "precision": error})


def difference(given: Tensor, expected: Tensor) -> Json:
    """How far worths (n, outputs) are from those in float32, at most and by root mean square.

    spread: the largest of those less the smallest, of the output in which they differ most;
    relative: the largest difference over it, null where all are worth the same.
    """
    missed = (given - expected).abs()
    output = int(missed.max(0).values.argmax())
    one, worth = missed[:, output], expected[:, output]
    largest, spread = float(one.max()), float(worth.max() - worth.min())
    return {
        "coalitions": len(expected),
        "largest": _rounded(largest),
        "rms": _rounded(float(one.square().mean().sqrt())),
        "spread": _rounded(spread),
        "relative": _rounded(largest / spread) if spread else None,
    }


def _rounded(x: float) -> float:
    return float(f"{x:.3g}")
