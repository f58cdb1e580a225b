"""Shapley and Owen values of any subject, by masking.

The values are relative to the mask, which the value function names: they are no expectation over
data. Players that the mask does not change take no part in Shapley values and get exactly zero;
Owen values keep them, for they have a place in the tree.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from explainer.artifact import Stimulus
from explainer.encoding import Json, encode_array, round_off
from explainer.methods import Attribution
from explainer.shapley.estimate import Estimate, Stop, with_idle, without_idle
from explainer.shapley.exact import MOST_EVER
from explainer.shapley.exact import exact as exact_values
from explainer.shapley.game import Game, Play
from explainer.shapley.interactions import Interactions, exact_interactions
from explainer.shapley.interactions import interactions as sampled_interactions
from explainer.shapley.owen import owen as owen_values
from explainer.shapley.owen import partition as partition_values
from explainer.shapley.permutation import permutation as permutation_values
from explainer.subjects import Mask, Players, Subject

DECIMALS = 6  # of interactions, as of values


@dataclass(frozen=True)
class Asked:
    """A game, and what its players and masks are."""

    game: Game
    players: Players
    mask: Mask

    @classmethod
    def of(
        cls,
        subject: Subject,
        stimulus: Stimulus,
        outputs: Sequence[int],
        parameters: Mapping[str, Any],
        seed: int,
    ) -> "Asked":
        """Group and mask as `players`, `size` and `mask` say. Raises MethodError."""
        players = subject.players(stimulus, parameters["players"], parameters["size"])
        mask = subject.mask(stimulus, parameters["mask"], seed)
        return cls(subject.game(stimulus, outputs, players, mask), players, mask)

    def without_idle(self, estimator: Callable[[Game], Play[Estimate]]) -> Play[Attribution]:
        """Estimate among the players that are not idle."""
        estimate = yield from estimator(without_idle(self.game))
        return self.attribution(with_idle(estimate, self.game))

    def attribution(self, estimate: Estimate, **details: Any) -> Attribution:
        """What an estimate of all players' values says of the stimulus."""
        return Attribution(
            players=self.players.spans,
            values=estimate.values,
            base_values=estimate.base,
            full_values=estimate.full,
            value_function=self.mask.name,
            evaluations=estimate.evaluations,
            standard_errors=estimate.standard_errors,
            details={"stopped": estimate.stopped, **details},
        )


def exact(
    subject: Subject,
    stimulus: Stimulus,
    outputs: Sequence[int],
    parameters: Mapping[str, Any],
    seed: int,
) -> Play[Attribution]:
    """Shapley values by all coalitions of at most `most_players` players."""
    asked = Asked.of(subject, stimulus, outputs, parameters, seed)
    most = parameters["most_players"]
    return (yield from asked.without_idle(lambda game: exact_values(game, most)))


def permutation(
    subject: Subject,
    stimulus: Stimulus,
    outputs: Sequence[int],
    parameters: Mapping[str, Any],
    seed: int,
) -> Play[Attribution]:
    """Shapley values by antithetic permutations, to `evaluations` or `tolerance`."""
    asked = Asked.of(subject, stimulus, outputs, parameters, seed)
    until = stop(parameters)
    return (yield from asked.without_idle(lambda game: permutation_values(game, until, seed)))


def partition(
    subject: Subject,
    stimulus: Stimulus,
    outputs: Sequence[int],
    parameters: Mapping[str, Any],
    seed: int,
) -> Play[Attribution]:
    """Owen values down the tree of players, the most promising regions first."""
    asked = Asked.of(subject, stimulus, outputs, parameters, seed)
    stop = Stop(evaluations=parameters["evaluations"])
    return asked.attribution((yield from partition_values(asked.game, stop, seed)))


def owen(
    subject: Subject,
    stimulus: Stimulus,
    outputs: Sequence[int],
    parameters: Mapping[str, Any],
    seed: int,
) -> Play[Attribution]:
    """Exact Owen values of the tree of players, in at most `most_evaluations`."""
    asked = Asked.of(subject, stimulus, outputs, parameters, seed)
    return asked.attribution((yield from owen_values(asked.game, parameters["most_evaluations"])))


def interactions(
    subject: Subject,
    stimulus: Stimulus,
    outputs: Sequence[int],
    parameters: Mapping[str, Any],
    seed: int,
) -> Play[Attribution]:
    """Shapley values, with what pairs of players are worth together beyond either alone.

    details: `interactions` (n, n, outputs) among the `interacting` players, by index, main effects
    on the diagonal, and their standard errors. Exact where all coalitions fit in `evaluations`.
    """
    asked = Asked.of(subject, stimulus, outputs, parameters, seed)
    game = without_idle(asked.game)
    if game.players <= MOST_EVER and game.repeats << game.players <= parameters["evaluations"]:
        found = yield from exact_interactions(game, MOST_EVER)
    else:
        found = yield from sampled_interactions(game, stop(parameters), seed)
    return asked.attribution(
        with_idle(found.estimate, asked.game),
        interacting=(~asked.game.idle).nonzero().squeeze(-1).tolist(),
        **_encoded(found),
    )


def _encoded(found: Interactions) -> Json:
    errors = found.standard_errors
    return {
        "interactions": encode_array(round_off(found.values, DECIMALS)),
        "interaction_errors": (
            None if errors is None else encode_array(round_off(errors, DECIMALS))
        ),
    }


def stop(parameters: Mapping[str, Any]) -> Stop:
    # Never by seconds: the same job gives the same bytes on a slow machine.
    return Stop(parameters["evaluations"], tolerance=parameters["tolerance"] or None)
