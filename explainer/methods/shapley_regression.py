"""Shapley values of any subject by regression over coalitions.

Players that the mask does not change take no part and get exactly zero.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from explainer.artifact import Stimulus
from explainer.methods import Attribution
from explainer.methods.shapley import Asked
from explainer.shapley import leverage as by_leverage
from explainer.shapley import regression
from explainer.shapley.estimate import Estimate, Stop
from explainer.shapley.game import Game, Play
from explainer.subjects import Subject

Estimator = Callable[[Game, Stop, int], Play[Estimate]]


def kernel(
    subject: Subject,
    stimulus: Stimulus,
    outputs: Sequence[int],
    parameters: Mapping[str, Any],
    seed: int,
) -> Play[Attribution]:
    """Shapley values by KernelSHAP over pairs, to `evaluations` or `tolerance`."""
    asked = Asked.of(subject, stimulus, outputs, parameters, seed)
    return (yield from _estimate(regression.kernel, asked, parameters, seed))


def leverage(
    subject: Subject,
    stimulus: Stimulus,
    outputs: Sequence[int],
    parameters: Mapping[str, Any],
    seed: int,
) -> Play[Attribution]:
    """Shapley values by pairs drawn by their leverage, to `evaluations` or `tolerance`."""
    asked = Asked.of(subject, stimulus, outputs, parameters, seed)
    return (yield from _estimate(by_leverage.leverage, asked, parameters, seed))


def _estimate(
    estimator: Estimator, asked: Asked, parameters: Mapping[str, Any], seed: int
) -> Play[Attribution]:
    # Never by seconds: the same job gives the same bytes on a slow machine.
    stop = Stop(parameters["evaluations"], tolerance=parameters["tolerance"] or None)
    return (yield from asked.without_idle(lambda game: estimator(game, stop, seed)))
