"""What needs no second explanation: removal, infidelity and faithfulness of one explanation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explainer.artifact import Explanation, Measures, Stimulus
from explainer.methods import MethodError
from explainer.metrics.agreement import sparsity
from explainer.metrics.fidelity import correlation, drops, infidelity, losses
from explainer.metrics.removal import Removal, random_removal, ranking, removal
from explainer.shapley.game import Game, Play
from explainer.shapley.trees import line_tree
from explainer.subjects import Players, Subject

# For each kind, masks to measure under: an explanation's own is left out of the second.
OTHER = {
    "image": ("blur", "mean"),
    "text": ("delete", "baseline"),
    "prompt": ("delete", "baseline"),
    "series": ("last", "mean"),
}

Float64 = NDArray[np.float64]
Curve = dict[str, list[float]]


@dataclass(frozen=True)
class Found:
    """What is known of a game whatever explains it: removal in random orders, and what is lost.

    dropped (M,): without each single player. hidden (n, M), lost (n,): without random sets.
    """

    chance: list[Removal]
    dropped: Float64
    hidden: Tensor
    lost: Float64


class Known:
    """What has been found out about the games of one stimulus, for all of its explanations.

    The random orders and sets are drawn by the stimulus, so explanations with the same players,
    mask and output are compared with the same ones, which are asked for once.
    """

    def __init__(self) -> None:
        """Know nothing."""
        self._chance: dict[Any, list[Removal]] = {}
        self._found: dict[Any, Found] = {}

    def chance(self, key: Any, game: Game, seed: int) -> Play[list[Removal]]:
        """Removal in random orders."""
        if key not in self._chance:
            self._chance[key] = yield from random_removal(game, seed)
        return self._chance[key]

    def found(self, key: Any, game: Game, seed: int) -> Play[Found]:
        """All of it."""
        if key not in self._found:
            chance = yield from self.chance(key, game, seed)
            hidden, lost = yield from losses(game, seed)
            dropped = yield from drops(game)
            self._found[key] = Found(chance, dropped, hidden, lost)
        return self._found[key]


def measure(
    subject: Subject,
    stimulus: Stimulus,
    explanation: Explanation,
    mask: str | float,
    *,
    mask_seed: int = 0,
    known: Known | None = None,
) -> Play[Measures]:
    """Measure an explanation of `stimulus`, under the mask it was made with and under another.

    The output measured is the sum or mean where several are explained, else the first. Each number
    stands beside that of random attributions, as `random_...`: for removal the mean over several,
    for infidelity and faithfulness the same values shuffled. Those under the other mask end in
    `_other_mask`. Raises MethodError where the players are no parts of the input.
    """
    known = known or Known()
    seed = int(explanation.job.stimulus_digest[:8], 16)
    players = parts_of(subject, stimulus, explanation.players)
    column = main_output(stimulus, explanation)
    values = explanation.values[:, column].astype(np.float64)
    outputs = subject.outputs(stimulus)
    if explanation.outputs[column] not in outputs:
        raise MethodError("it explains no output of the model, so no removal can change it")
    output = outputs.index(explanation.outputs[column])
    order = ranking(values, explanation.job.seed)
    metrics: dict[str, float] = {"sparsity": sparsity(values)}
    curves: dict[str, Curve] = {}
    own = subject.masks[0] if mask == "default" else mask
    for name, suffix in ((own, ""), (other_mask(subject, own), "_other_mask")):
        prepared = subject.mask(stimulus, name, mask_seed)
        game = subject.game(stimulus, [output], players, prepared)
        key = explanation.players, output, name, mask_seed if name == "background" else 0
        found = yield from removal(game, order)
        chance = yield from known.chance(key, game, seed)
        metrics |= {f"{each}{suffix}": value for each, value in found.numbers().items()}
        metrics |= {
            f"random_{each}{suffix}": float(np.mean([one.numbers()[each] for one in chance]))
            for each in found.numbers()
        }
        curves[f"removal{suffix}"] = _curve(found)
        curves[f"random_removal{suffix}"] = _mean_curve(chance)
        if not suffix:
            metrics |= _fidelity((yield from known.found(key, game, seed)), values, seed)
    return Measures({name: float(value) for name, value in metrics.items()}, curves)


def _fidelity(found: Found, values: Float64, seed: int) -> dict[str, float]:
    """Infidelity and faithfulness correlation, and those of the same values shuffled."""
    metrics = {}
    shuffled = np.random.default_rng([seed, 9]).permutation(values)
    for name, each in (("", values), ("random_", shuffled)):
        metrics[f"{name}infidelity"] = infidelity(each, found.hidden, found.lost)
        agreed = correlation(each, found.dropped)
        if agreed is not None:
            metrics[f"{name}faithfulness_correlation"] = agreed
    return metrics


def main_output(stimulus: Stimulus, explanation: Explanation) -> int:
    """The column that is measured: the sum or mean, the predicted label, or the first."""
    for name in ("sum", "mean", stimulus.predicted):
        if name in explanation.outputs:
            return explanation.outputs.index(name)
    return 0


def other_mask(subject: Subject, mask: str | float) -> str:
    """A mask that an explanation did not use, so that it is not judged by its own measure."""
    own = subject.masks[0] if mask == "default" else mask
    return next(each for each in OTHER[subject.kind] if each != own)


def parts_of(subject: Subject, stimulus: Stimulus, spans: Sequence[tuple[int, ...]]) -> Players:
    """Players again from their spans in an artifact; elements of none of them always play.

    Raises MethodError where a player is no part of the stimulus.
    """
    if stimulus.kind == "text":
        # A token that is white space alone lies in no word's span, but belongs to one.
        for players in (subject.players(stimulus, group) for group in subject.groups):
            if players.spans == tuple(spans):
                return players
    each = subject.players(stimulus, "each").spans
    if stimulus.kind == "image":
        place = {pixel: k for k, (pixel,) in enumerate(each)}
        inside: list[list[int]] = [
            [place[pixel] for pixel in span if pixel in place] for span in spans
        ]
    else:
        inside = [
            [k for k, (start, end) in enumerate(each) if span[0] <= start and end <= span[1]]
            for span in spans
        ]
    if not all(inside):
        raise MethodError("its players are no parts of the input, so none can be removed")
    member = torch.full((len(each),), -1)
    for player, elements in enumerate(inside):
        member[elements] = player
    if (member < 0).any():
        raise MethodError("its players do not cover the input, so not all of it can be removed")
    return Players(member, tuple(spans), line_tree(len(spans)))


def _curve(found: Removal) -> dict[str, list[float]]:
    return {
        name: [round(float(x), 6) for x in getattr(found, name)]
        for name in ("shares", "deletion", "insertion")
    }


def _mean_curve(found: Sequence[Removal]) -> dict[str, list[float]]:
    curves = [_curve(each) for each in found]
    return {
        name: [round(float(x), 6) for x in np.mean([curve[name] for curve in curves], 0)]
        for name in curves[0]
    }
