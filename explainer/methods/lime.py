"""LIME: a linear model of what a model does around one input.

Coalitions are drawn with a size that is equally likely to be 0 ... M - 1, and the whole input once.
A coalition of k of M players lies at the cosine distance d = 1 - sqrt(k / M) from the whole input
and weighs exp(-d^2 / width^2). The values are the coefficients of a ridge regression of the worth
on who plays, whose intercept is not penalised.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from explainer.artifact import Stimulus
from explainer.methods import Attribution, Float64
from explainer.shapley.estimate import without_idle
from explainer.shapley.game import Ask, Play
from explainer.subjects import Subject

Bools = NDArray[np.bool_]
CHUNK = 4096  # rows that are float64 at once


@dataclass(frozen=True)
class Fit:
    """A weighted ridge regression.

    coefficients (players, outputs), intercept and r2 (outputs,). r2_left_out: of each row by a fit
    without it, which many players with few rows cannot flatter; None where a row decides its own
    prediction. standard_errors: like the coefficients, None where there are no more rows than
    coefficients.
    """

    coefficients: Float64
    intercept: Float64
    r2: Float64
    r2_left_out: Float64 | None
    standard_errors: Float64 | None


def lime(
    subject: Subject,
    stimulus: Stimulus,
    outputs: Sequence[int],
    parameters: Mapping[str, Any],
    seed: int,
) -> Play[Attribution]:
    """Fit a linear model to `evaluations` of the model, near ones weighing more.

    Players that change no input take no part in the fit, and get exactly zero. The base is the
    fit's intercept; nothing makes base and values add up to the full value.
    Source: Ribeiro et al. 2016, arXiv:1602.04938.
    """
    players = subject.players(stimulus, parameters["players"], parameters["size"])
    mask = subject.mask(stimulus, parameters["mask"], seed)
    whole = subject.game(stimulus, outputs, players, mask)
    game = without_idle(whole)
    rows = max(2, parameters["evaluations"] // game.repeats)
    coalitions = drawn(game.players, rows, seed)
    worth = (yield Ask(game, torch.from_numpy(coalitions))).numpy()
    width, penalty = parameters["kernel_width"], parameters["penalty"]
    found = fit(coalitions, worth, kernel(coalitions, width), penalty)
    playing = ~whole.idle.numpy()

    def spread(part: Float64) -> Float64:
        values = np.zeros((whole.players, len(outputs)))
        values[playing] = part
        return values

    errors = found.standard_errors
    return Attribution(
        players.spans,
        spread(found.coefficients),
        found.intercept,
        worth[0],
        mask.name,
        game.evaluations,
        None if errors is None else spread(errors),
        complete=False,
        details={
            "r2": _rounded(found.r2),
            "r2_left_out": None if found.r2_left_out is None else _rounded(found.r2_left_out),
            "coalitions": rows,
            "kernel": "exp(-(1 - sqrt(share that plays))^2 / width^2)",
            "kernel_width": width,
            "penalty": penalty,
        },
    )


def drawn(players: int, rows: int, seed: int) -> Bools:
    """Draw coalitions (rows, players); the first is everybody, the others have a random size."""
    random = np.random.default_rng([seed, 11])
    found = np.ones((rows, players), dtype=bool)
    for start in range(1, rows, CHUNK):
        part = found[start : start + CHUNK]
        sizes = random.integers(0, max(1, players), len(part))
        ranks = random.random((len(part), players)).argsort(1).argsort(1)
        part[:] = ranks < sizes[:, None]
    return found


def kernel(coalitions: Bools, width: float) -> Float64:
    """How much each coalition weighs (rows,)."""
    share = coalitions.mean(1) if coalitions.shape[1] else np.ones(len(coalitions))
    weights: Float64 = np.exp(-np.square(1 - np.sqrt(share)) / width**2)
    return weights


def fit(coalitions: Bools, worth: Float64, weights: Float64, penalty: float) -> Fit:
    """Regress worth (rows, outputs) on coalitions (rows, players).

    The standard errors are those of White 1980, Econometrica 48(4), with n / (n - M - 1): of what
    the draw of coalitions does, not of the ridge's bias.
    """
    rows, players = coalitions.shape
    total = weights.sum()
    centre = np.zeros(players)
    for start in range(0, rows, CHUNK):
        centre += weights[start : start + CHUNK] @ coalitions[start : start + CHUNK] / total
    level = weights @ worth / total
    gram, moment = np.zeros((players, players)), np.zeros((players, worth.shape[1]))
    for start in range(0, rows, CHUNK):
        x = coalitions[start : start + CHUNK] - centre
        weighted = x * weights[start : start + CHUNK, None]
        gram += weighted.T @ x
        moment += weighted.T @ (worth[start : start + CHUNK] - level)
    # The least squares of smallest norm where there is no penalty and too few coalitions.
    inverse = np.linalg.pinv(gram + penalty * np.eye(players), hermitian=True)
    coefficients = inverse @ moment
    residuals, own = np.zeros_like(worth), np.zeros(rows)
    squares = np.zeros_like(coefficients)
    for start in range(0, rows, CHUNK):
        part = slice(start, start + CHUNK)
        x = coalitions[part] - centre
        residuals[part] = worth[part] - level - x @ coefficients
        lever = x @ inverse * weights[part, None]
        own[part] = weights[part] / total + (lever * x).sum(1)
        squares += np.square(lever).T @ np.square(residuals[part])
    spread = weights @ np.square(worth - level)

    def r2(of: Float64) -> Float64:
        found: Float64 = 1 - weights @ np.square(of) / np.where(spread > 0, spread, 1)
        return found

    return Fit(
        coefficients,
        level - centre @ coefficients,
        r2(residuals),
        r2(residuals / (1 - own[:, None])) if own.max() < 1 - 1e-9 else None,
        np.sqrt(squares * rows / (rows - players - 1)) if rows > players + 1 else None,
    )


def _rounded(numbers: Float64) -> list[float]:
    return [round(float(each), 6) for each in numbers]
