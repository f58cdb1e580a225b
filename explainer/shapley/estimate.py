"""What an estimator gives, and when it stops."""

import time
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from explainer.shapley.game import Game

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """Values (players, outputs) of a game, with what stands around them.

    base, full (outputs,): the worth of nobody and of all. standard_errors: like values, 0 where
    they are exact, None where the estimator has bias and no error (truncated Owen values).
    evaluations: rows the model read. stopped: exact, evaluations, seconds or tolerance.
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

    def reason(self, evaluations: int, error: float | None = None) -> str | None:
        """Why to stop now, or None. evaluations: spent; error: the relative error so far."""
        if self.evaluations is not None and evaluations >= self.evaluations:
            return "evaluations"
        if self.seconds is not None and time.monotonic() - self.started >= self.seconds:
            return "seconds"
        if self.tolerance is not None and error is not None and error <= self.tolerance:
            return "tolerance"
        return None


def relative_error(values: Float64, standard_errors: Float64) -> float:
    """Root mean square of the errors over that of the values, for the worst output."""
    size = np.sqrt(np.square(values).mean(0))
    error = np.sqrt(np.square(standard_errors).mean(0))
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
