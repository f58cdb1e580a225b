"""Shapley values of a surrogate: a simpler function fitted to what a forecaster says.

They explain the surrogate, so its fidelity stands beside them, and one below the bar is refused.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explainer.artifact import Stimulus
from explainer.data.forecasts import Windows, forecaster
from explainer.encoding import canonical_json, sha256
from explainer.methods import Attribution, Float64, MethodError
from explainer.models.surrogate import Kind, Surrogate, SurrogateError, fit_surrogate, scaling
from explainer.shapley.estimate import Stop, with_idle, without_idle
from explainer.shapley.game import Ask, Game, Plain, Play
from explainer.shapley.permutation import permutation
from explainer.subjects import Players, Subject
from explainer.subjects.series import Called, SeriesSubject

WINDOWS = 2000  # that are fitted on and judged on, spread evenly over those at hand
JUDGED = 0.2  # the share of them, the last in time, that judges
LEAST = 50
LINEAR = ("linear3", "ridge")


def surrogate(
    subject: Subject,
    stimulus: Stimulus,
    outputs: Sequence[int],
    parameters: Mapping[str, Any],
    seed: int,
) -> Play[Attribution]:
    """Exact where the surrogate is linear: (x - mean of the windows) @ W; else by permutations.

    A masked step has the mean shape of the windows that it was fitted on, at this window's level
    and scale. Source: Lundberg & Lee 2017, arXiv:1705.07874, section 4.2 (linear SHAP).
    """
    if not isinstance(subject, SeriesSubject):
        raise subject.refuse("surrogate")
    found, mean = fitted(subject, parameters["surrogate"], parameters["bar"], seed)
    players = subject.players(stimulus, parameters["players"], parameters["size"])
    read, columns = subject.read(stimulus), list(outputs)
    game = _game(found, mean, stimulus, players, lambda scores: read(scores)[:, columns])
    if found.kind in LINEAR:
        values, base, full = yield from linear_values(game)
        evaluations, errors = game.evaluations, None
    else:
        stop = Stop(evaluations=parameters["evaluations"])
        estimate = with_idle((yield from permutation(without_idle(game), stop, seed)), game)
        values, base, full = estimate.values, estimate.base, estimate.full
        evaluations, errors = estimate.evaluations, estimate.standard_errors
    actual = subject.score_embedded(subject.embed(stimulus).unsqueeze(0), stimulus)[0]
    here = actual.detach().double().cpu().numpy()[list(outputs)] - full
    return Attribution(
        players.spans,
        values,
        base,
        full,
        f"forecast of a surrogate ({found.kind}) in the data's units; masked steps as in the mean "
        "of the windows it was fitted on, at this window's last value and scale",
        evaluations,
        errors,
        details={
            "surrogate": found.kind,
            "fidelity": {name: float(f"{v:.6g}") for name, v in asdict(found.fidelity).items()},
            "model_less_surrogate": [float(f"{each:.6g}") for each in here],
        },
    )


def fitted(
    subject: SeriesSubject, kind: Kind, bar: float = 0.8, seed: int = 0
) -> tuple[Surrogate, Float64]:
    """Fit a surrogate to a forecaster on the windows that it holds; kept with the subject.

    Returns it and the mean of the windows fitted on, in its units (lag,). Raises MethodError where
    there are too few windows, or it is below the bar.
    """
    kept: dict[Any, tuple[Surrogate, Float64]] = subject.__dict__.setdefault("surrogates", {})
    if (kind, bar, seed) in kept:
        return kept[kind, bar, seed]
    every = np.zeros((0, subject.lag)) if subject.background is None else subject.background
    if len(every) < LEAST:
        raise MethodError(
            f"a surrogate is fitted on windows of the data, {LEAST} or more, and there are "
            f"{len(every)}: name more as the background of the stimulus set, as sp500-weekly.npz "
            "is of the S&P 500, or explain the model itself"
        )
    every = np.asarray(every, np.float64).reshape(-1, subject.lag)
    rows = np.linspace(0, len(every) - 1, min(WINDOWS, len(every))).astype(int)
    past = every[rows]
    first = len(past) - int(JUDGED * len(past))
    # Neighbouring windows share steps: those that do with the judging ones are left out.
    gap = min(subject.lag * len(past) // len(every), first // 4)
    train, test = (_windows(part) for part in (past[: first - gap], past[first:]))
    try:
        found = fit_surrogate(kind, forecaster(subject.network), train, test, bar=bar, seed=seed)
    except SurrogateError as error:
        raise MethodError(str(error)) from error
    kept[kind, bar, seed] = found, scaling(train.past)[0].mean(0)
    return kept[kind, bar, seed]


def surrogate_subject(
    subject: SeriesSubject, kind: Kind, bar: float = 0.8, seed: int = 0
) -> SeriesSubject:
    """The surrogate as a subject, through which every method runs that needs no gradient.

    Raises MethodError as `fitted` does.
    """
    found, _ = fitted(subject, kind, bar, seed)
    what = {"surrogate": kind, "of": subject.digest, "seed": seed}
    digest = sha256(canonical_json(what))
    return SeriesSubject(Called(found.predict), subject.lag, digest, subject.background)


def linear_values(game: Game) -> Play[tuple[Float64, Float64, Float64]]:
    """Exact values (players, outputs), base and full of a game whose worth adds up over players.

    They are what one player alone is worth above nobody: for a linear map, (x - mean) @ W summed
    over its steps.
    """
    M = game.players
    coalitions = torch.cat([torch.zeros(1, M), torch.eye(M), torch.ones(1, M)]).bool()
    worth = (yield Ask(game, coalitions)).numpy()
    return worth[1:-1] - worth[0], worth[0], worth[-1]


def _game(
    found: Surrogate,
    mean: Float64,
    stimulus: Stimulus,
    players: Players,
    read: Callable[[Tensor], Tensor],
) -> Game:
    """What coalitions of steps are worth to the surrogate, at this window's level and scale."""
    window = stimulus.content.astype(np.float64).reshape(1, -1)
    x, level, unit = scaling(window)
    member = players.member

    def inputs(coalitions: Tensor) -> tuple[Tensor, ...]:
        steps = coalitions[:, member].cpu().numpy()
        return (torch.from_numpy(np.where(steps, x, mean)),)

    def score(masked: Tensor) -> Tensor:
        return torch.from_numpy(found.scaled(masked.numpy()) * unit + level)

    idle = torch.ones(len(players), dtype=torch.bool)
    idle[member[torch.from_numpy(x[0] != mean)]] = False
    return Game(
        len(players),
        inputs,
        Plain(score),
        read,
        idle=idle,
    )


def _windows(past: Float64) -> Windows:
    return Windows(past, np.zeros((len(past), 1)), 0, 1)
