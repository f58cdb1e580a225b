"""Shapley values by permutations and gradients, of any subject that has a gradient."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from explainer.artifact import Stimulus
from explainer.methods import Attribution, MethodError
from explainer.methods.shapley import Asked, stop
from explainer.shapley.adjusted import adjusted as adjusted_values
from explainer.shapley.estimate import with_idle, without_idle
from explainer.shapley.game import Play
from explainer.subjects import Players, Subject


def adjusted(
    subject: Subject,
    stimulus: Stimulus,
    outputs: Sequence[int],
    parameters: Mapping[str, Any],
    seed: int,
) -> Play[Attribution]:
    """Shapley values by permutations and gradients, to `evaluations` or `tolerance`.

    Raises MethodError for a mask that is no one value, at which there is no slope.
    """
    asked = Asked.of(subject, stimulus, outputs, parameters, seed)
    try:
        slopes = Slopes(subject, stimulus, outputs, asked.players, parameters["mask"])
    except MethodError as error:
        raise MethodError(f"{error}; or take permutation, which needs no gradient") from error
    slopes.playing = (~asked.game.idle).nonzero().squeeze(-1)
    estimate = yield from adjusted_values(without_idle(asked.game), slopes, stop(parameters), seed)
    return asked.attribution(with_idle(estimate, asked.game))


class Slopes:
    """What a player's gradient says that it would add to a coalition.

    playing: the players (n,) that coalitions are of; all others always play.
    """

    def __init__(
        self,
        subject: Subject,
        stimulus: Stimulus,
        outputs: Sequence[int],
        players: Players,
        mask: str | float,
    ) -> None:
        """Embed a stimulus and what masking makes of it. Raises MethodError."""
        self.subject, self.stimulus, self.outputs = subject, stimulus, list(outputs)
        self.x = subject.embed(stimulus).detach()
        self.masked = subject.embedded_baseline(stimulus, mask).detach()
        self.member, self.players = players.member.to(self.x.device), len(players)
        self.playing = torch.arange(self.players)

    @torch.inference_mode(False)
    @torch.enable_grad()
    def __call__(self, coalitions: Tensor) -> Tensor:
        """Coalitions (n, playing) -> float64 (n, playing, outputs); NaN: no slope."""
        whole = torch.ones(len(coalitions), self.players, dtype=torch.bool)
        whole[:, self.playing] = coalitions
        plays = whole.to(self.x.device)[:, self.member, None]
        x = torch.where(plays, self.x, self.masked).requires_grad_()
        scores = self.subject.score_embedded(x, self.stimulus)[:, self.outputs].sum(0)
        found = []
        for k, score in enumerate(scores):
            (gradient,) = torch.autograd.grad(score, x, retain_graph=k + 1 < len(scores))
            each = (gradient * (self.x - self.masked)).sum(-1).double()  # (n, elements)
            worth = each.new_zeros(len(each), self.players).index_add_(1, self.member, each)
            found.append(worth.cpu()[:, self.playing])
        return torch.stack(found, -1)
