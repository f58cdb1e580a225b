"""What an estimator gives, and when it stops."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explainer.methods import MethodError
from explainer.shapley.game import Ask, Game, Play

Float64 = NDArray[np.float64]
FEWEST = 8  # samples before a standard error may stop them


@dataclass(frozen=True)
class Estimate:
    """Values (players, outputs) of a game, with what stands around them.

    base, full (outputs,): the worth of nobody and of all. standard_errors: like values, 0 where
    they are exact, None where the estimator has bias and no error (truncated Owen values), or has
    seen a single sample. evaluations: rows the model read. stopped: exact, evaluations, seconds or
    tolerance.
    """

    values: Float64
    base: Float64
    full: Float64
    standard_errors: Float64 | None
    evaluations: int
    seed: int | None
    stopped: str

    @property
    def gap(self) -> float:
        """The completeness gap: the largest |base + sum of values - full| over outputs."""
        return float(np.abs(self.base + self.values.sum(0) - self.full).max())


@dataclass(frozen=True)
class Stop:
    """When to stop: after so many evaluations, so many seconds, or at so small an error.

    tolerance: of the root mean square of standard errors over players, for the worst output, as a
    share of the root mean square of the values. What stops first counts; one of them is needed.
    """

    evaluations: int | None = None
    seconds: float | None = None
    tolerance: float | None = None
    started: float = field(default_factory=time.monotonic, compare=False)

    def __post_init__(self) -> None:
        """Raise MethodError where nothing would ever stop."""
        if self.evaluations is None and self.seconds is None and self.tolerance is None:
            raise MethodError("say when to stop: after evaluations, seconds, or at a tolerance")

    def reason(self, evaluations: int, error: float | None = None) -> str | None:
        """Why to stop now, or None. evaluations: spent; error: the relative error so far."""
        if self.evaluations is not None and evaluations >= self.evaluations:
            return "evaluations"
        if self.seconds is not None and time.monotonic() - self.started >= self.seconds:
            return "seconds"
        if self.tolerance is not None and error is not None and error <= self.tolerance:
            return "tolerance"
        return None


class Spread:
    """Mean and standard error of samples (n, ...) that come a round at a time, in float64.

    Source: Chan, Golub & LeVeque 1983, The American Statistician 37(3).
    """

    def __init__(self) -> None:
        """Start with none."""
        self.count = 0
        self._mean = self._squares = torch.zeros((), dtype=torch.float64)

    def add(self, samples: Tensor) -> None:
        """Take in a round."""
        n, mean = len(samples), samples.mean(0)
        shift = mean - self._mean
        total = self.count + n
        self._squares = (
            self._squares
            + (samples - mean).square().sum(0)
            + shift.square() * (self.count * n / total)
        )
        self._mean = self._mean + shift * (n / total)
        self.count = total

    @property
    def mean(self) -> Float64:
        """The mean so far."""
        return np.asarray(self._mean.numpy())

    @property
    def standard_errors(self) -> Float64 | None:
        """The standard error of the mean; None where one sample says nothing of their spread."""
        if self.count < 2:
            return None
        return np.asarray((self._squares / (self.count * (self.count - 1))).sqrt().numpy())


def ends(game: Game) -> Play[tuple[Tensor, Tensor]]:
    """The worth (outputs,) of nobody and of all."""
    nobody = torch.zeros(1, game.players, dtype=torch.bool, device=game.device)
    base, full = yield Ask(game, torch.cat([nobody, ~nobody]))
    return base, full


@dataclass(frozen=True)
class Samples:
    """How to draw: so many rows of the model a sample, so many samples at most at once."""

    rows: int
    at_once: int
    draw: Callable[[int], Play[Tensor]]


Judged = tuple[Float64, Float64 | None]


def as_drawn(spread: Spread) -> Judged:
    """The mean of the samples and its standard errors."""
    return spread.mean, spread.standard_errors


def sample(
    stop: Stop,
    spent: int,
    samples: Samples,
    judge: Callable[[Spread], Judged] = as_drawn,
    first: int = 1,
) -> Play[tuple[Spread, int, str]]:
    """Draw until it is time to stop; return the samples' spread, all rows spent, and why.

    spent: rows before the first sample. judge: values and errors by which to stop. first: samples
    to draw whatever the time. Raises MethodError where not one sample fits.
    """
    if stop.evaluations is not None and stop.evaluations < spent + samples.rows:
        raise MethodError(
            f"not one sample fits in {stop.evaluations} evaluations: it takes at least "
            f"{spent + samples.rows}; raise `evaluations`, or group the players into fewer "
            "(`players`, `size`)"
        )
    spread = Spread()
    while True:
        number = max(first - spread.count, samples.at_once)
        if stop.evaluations is not None:
            number = min(number, (stop.evaluations - spent) // samples.rows)
        spread.add((yield from samples.draw(number)))
        spent += number * samples.rows
        values, errors = judge(spread)
        error = None
        if errors is not None and spread.count >= FEWEST:
            error = relative_error(values, errors)
        # Stop where another sample would not fit, not only where nothing is left.
        reason = stop.reason(spent + samples.rows - 1, error)
        if reason is not None:
            return spread, spent, reason


def relative_error(values: Float64, standard_errors: Float64) -> float:
    """Root mean square of the errors over that of the values (..., outputs), the worst output's."""
    axes = tuple(range(values.ndim - 1))
    size = np.sqrt(np.square(values).mean(axes))
    error = np.sqrt(np.square(standard_errors).mean(axes))
    return float((error / np.where(size > 0, size, 1)).max())


def without_idle(game: Game) -> Game:
    """The same game among the players that are not idle; the idle ones always play."""
    playing = (~game.idle).nonzero().squeeze(-1)
    if len(playing) == game.players:
        return game
    place = playing.to(game.device)

    def inputs(coalitions: Tensor) -> tuple[Tensor, ...]:
        all_ = coalitions.new_ones(len(coalitions), game.players)
        all_[:, place] = coalitions
        return game.inputs(all_)

    return Game(
        len(playing),
        inputs,
        game.scorer,
        game.read,
        repeats=game.repeats,
        device=game.device,
    )


def with_idle(estimate: Estimate, game: Game) -> Estimate:
    """Give the idle players of `game` exactly zero."""
    playing = ~game.idle.numpy()

    def spread(rows: Float64) -> Float64:
        found = np.zeros((game.players, rows.shape[1]))
        found[playing] = rows
        return found

    errors = estimate.standard_errors
    return replace(
        estimate,
        values=spread(estimate.values),
        standard_errors=None if errors is None else spread(errors),
    )
