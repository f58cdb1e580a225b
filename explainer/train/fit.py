"""Fitting any network: AdamW under a cosine with warm-up, the best epoch by validation kept.

A run that was killed goes on from its last resume point to the same weights, bit by bit.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from explainer.train.resume import ResumePoint, TrainingError

__all__ = ["Best", "Examples", "Progress", "Settings", "TrainingError", "cosine", "fit", "groups"]

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Settings:
    """How to train; kernel_learning_rate is that of the weights a module names in `slow`.

    warm_up: share of all steps; clip: largest gradient norm; precision: "float32", or "bfloat16" on
    a GPU, where matrix products are then computed in it; every: seconds between resume points.
    """

    epochs: int
    batch: int
    learning_rate: float
    weight_decay: float
    kernel_learning_rate: float = 1e-3
    warm_up: float = 0.05
    clip: float = 1.0
    precision: str = "float32"
    every: float = 60.0


class Examples(Protocol):
    """What a network learns from, by row. What is drawn at random comes from torch's generators."""

    def __len__(self) -> int:
        """How many examples there are."""

    def loss(self, model: Any, rows: Tensor) -> Tensor:
        """Return the mean loss of some rows (batch,), int64 on the CPU, on the model's device."""


@dataclass(frozen=True)
class Best:
    """The highest validation score so far; epoch counts from 1, seconds are of training."""

    score: float
    epoch: int
    seconds: float


def fit(
    model: nn.Module,
    examples: Examples,
    score: Callable[[], float],
    settings: Settings,
    *,
    seed: int,
    out: Path,
    keep: Callable[[Best], None],
    progress: Progress | None = None,
    run: Mapping[str, Any] | None = None,
    shown: Callable[[float], str] = "{:.1%}".format,
) -> None:
    """Train in place, with the examples of every epoch in an order of its own.

    `score` is asked after every epoch, higher is better; `keep` is called whenever it is the best
    so far, and writes the checkpoint into `out`; both find the model in eval mode. The resume point
    `out/training.pt` is there while training goes on; `run` (plain JSON) is what, besides settings
    and seed, a run must have in common with it: its command, its data. `shown` says a score in
    progress(steps done, steps in all, what). Raises TrainingError on a divergence, on a resume
    point of another run, on a damaged one, and where there is nothing to learn from.
    """
    _Fit(
        model,
        examples,
        score,
        settings,
        seed=seed,
        out=out,
        keep=keep,
        progress=progress,
        run=run or {},
        shown=shown,
    ).go()


class _Fit:
    """One run; epoch and step are where it stands, step within the epoch."""

    def __init__(
        self,
        model: nn.Module,
        examples: Examples,
        score: Callable[[], float],
        settings: Settings,
        *,
        seed: int,
        out: Path,
        keep: Callable[[Best], None],
        progress: Progress | None,
        run: Mapping[str, Any],
        shown: Callable[[float], str],
    ) -> None:
        self.model, self.examples, self.score, self.settings = model, examples, score, settings
        self.out, self.keep, self.progress, self.shown = out, keep, progress, shown
        self.device = next(model.parameters()).device
        if settings.precision == "bfloat16" and self.device.type != "cuda":
            raise TrainingError("precision bfloat16 needs a GPU: leave it at float32 on a CPU")
        self.batch = min(settings.batch, len(examples))
        if self.batch == 0:
            raise TrainingError("there are no training examples: check the data")
        self.steps = (
            len(examples) // self.batch
        )  # what is left over waits for another epoch's order
        self.total = settings.epochs * self.steps
        self.order = np.random.default_rng([seed, 1])
        self.optimiser = torch.optim.AdamW(groups(model, settings))
        self.rates = [group["lr"] for group in self.optimiser.param_groups]
        chosen = {name: value for name, value in asdict(settings).items() if name != "every"}
        self.point = ResumePoint(
            out,
            {
                **run,
                **chosen,
                "seed": seed,
                "number of examples": len(examples),
                "number of weights": sum(each.numel() for each in model.parameters()),
                "device": self.device.type,
                "torch": str(torch.__version__),
            },
        )
        self.epoch = self.step = 0
        self.best: Best | None = None
        self.seconds = 0.0

    def go(self) -> None:
        """Train from the start, or from the resume point, to the end."""
        state = self.point.read()
        if state is not None:
            self._restore(state)
        for _ in range(self.epoch):
            self.order.permutation(len(self.examples))
        self.started = self.written = time.monotonic()
        while self.epoch < self.settings.epochs:
            self._learn()
            self._judge()
        self.point.clear()

    def _learn(self) -> None:
        """Take the steps of this epoch that are left."""
        mixed = torch.from_numpy(self.order.permutation(len(self.examples)))
        rows = mixed[: self.steps * self.batch].view(self.steps, self.batch)
        self.model.train()
        while self.step < self.steps:
            loss = self._step(rows[self.step])
            self.step += 1
            if self.progress:
                best = "" if self.best is None else f", best {self.shown(self.best.score)}"
                done = self.epoch * self.steps + self.step
                self.progress(done, self.total, f"loss {loss:.3f}{best}")
            if time.monotonic() - self.written >= self.settings.every:
                self._write()

    def _step(self, rows: Tensor) -> float:
        done = self.epoch * self.steps + self.step
        factor = cosine(done, self.total, self.settings.warm_up)
        for group, rate in zip(self.optimiser.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor
        half = self.settings.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            loss = self.examples.loss(self.model, rows)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        value = loss.item()
        if not math.isfinite(value):
            self._diverged(f"the loss is {value}", done + 1)
        if not math.isfinite(norm.item()):
            self._diverged(f"the gradient is {norm.item()}", done + 1)
        self.optimiser.step()
        return value

    def _judge(self) -> None:
        """Score the epoch, keep it if it is the best, and go on to the next."""
        self.model.eval()
        score = self.score()
        self.epoch, self.step = self.epoch + 1, 0
        if not math.isfinite(score):
            self._diverged(f"the validation score is {score}", self.epoch * self.steps)
        if self.best is None or score > self.best.score:
            self.best = Best(score, self.epoch, self._elapsed())
            self.keep(self.best)
        self._write()

    def _diverged(self, what: str, step: int) -> None:
        """Stop. The resume point goes, too: from there it would diverge again."""
        self.point.clear()
        kept = "no epoch was finished: nothing is kept"
        if self.best is not None:
            kept = f"the best epoch so far, {self.best.epoch}, is kept in {self.out}"
        raise TrainingError(
            f"{what} at step {step} of {self.total}: training diverged; try another --seed, a "
            f"lower learning rate or a smaller model ({kept})"
        )

    def _elapsed(self) -> float:
        return self.seconds + time.monotonic() - self.started

    def _write(self) -> None:
        state = {
            "epoch": self.epoch,
            "step": self.step,
            "best": None if self.best is None else asdict(self.best),
            "seconds": self._elapsed(),
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "random": torch.get_rng_state(),
        }
        if self.device.type == "cuda":
            state["random_cuda"] = torch.cuda.get_rng_state(self.device)
        self.point.write(state)
        self.written = time.monotonic()

    def _restore(self, state: dict[str, Any]) -> None:
        self.epoch, self.step, self.seconds = state["epoch"], state["step"], state["seconds"]
        self.best = state["best"] and Best(**state["best"])
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        torch.set_rng_state(state["random"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(state["random_cuda"], self.device)


def cosine(step: int, steps: int, warm_up: float = 0.05) -> float:
    """The learning rate's factor: a linear warm-up, then half a cosine down to 0."""
    warm = max(1, int(warm_up * steps))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def groups(model: nn.Module, settings: Settings) -> list[dict[str, Any]]:
    """AdamW's groups: all weights, and those that modules name in `slow`, undecayed.

    A, B and dt of a state space model set its time scales, which a large step destroys.
    """
    slow = [
        getattr(module, name) for module in model.modules() for name in getattr(module, "slow", ())
    ]
    slow = [weight for weight in slow if isinstance(weight, nn.Parameter)]
    chosen = {id(weight) for weight in slow}
    found = [
        {
            "params": [each for each in model.parameters() if id(each) not in chosen],
            "lr": settings.learning_rate,
            "weight_decay": settings.weight_decay,
        },
        {"params": slow, "lr": settings.kernel_learning_rate, "weight_decay": 0.0},
    ]
    return [group for group in found if group["params"]]
