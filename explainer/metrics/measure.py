"""All metrics of one explanation, as numbers by name and curves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from explainer.artifact import Explanation, Stimulus
from explainer.methods import MethodError
from explainer.metrics.agreement import sparsity
from explainer.metrics.fidelity import correlation, drops, infidelity
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


@dataclass(frozen=True)
class Measured:
    """metrics: name -> number. curves: name -> {shares, deletion, insertion}, lists."""

    metrics: dict[str, float]
    curves: dict[str, dict[str, list[float]]] = field(default_factory=dict)


def measure(
    subject: Subject, stimulus: Stimulus, explanation: Explanation, mask: str | float
) -> Play[Measured]:
    """Measure an explanation of `stimulus`, under the mask it was made with and under another.

    The output measured is the sum or mean where several are explained, else the first. Each number
    of removal stands beside its mean over random attributions, as `random_...`; those under the
    other mask end in `_other_mask`. Raises MethodError where the players are no parts of the input.
    """
    players = parts_of(subject, stimulus, explanation.players)
    column = main_output(subject, stimulus, explanation)
    values = explanation.values[:, column].astype(np.float64)
    outputs = subject.outputs(stimulus)
    if explanation.outputs[column] not in outputs:
        raise MethodError("it explains no output of the model, so no removal can change it")
    output = outputs.index(explanation.outputs[column])
    order = ranking(values, explanation.job.seed)
    metrics: dict[str, float] = {"sparsity": sparsity(values)}
    curves: dict[str, dict[str, list[float]]] = {}
    for name, suffix in ((mask, ""), (other_mask(subject, mask), "_other_mask")):
        game = subject.game(stimulus, [output], players, subject.mask(stimulus, name))
        found = yield from removal(game, order)
        chance = yield from random_removal(game, explanation.job.seed)
        metrics |= {f"{key}{suffix}": value for key, value in found.numbers().items()}
        metrics |= {
            f"random_{key}{suffix}": float(np.mean([each.numbers()[key] for each in chance]))
            for key in found.numbers()
        }
        curves[f"removal{suffix}"] = _curve(found)
        curves[f"random_removal{suffix}"] = _mean_curve(chance)
        if not suffix:
            metrics |= yield from _fidelity(game, values, explanation.job.seed)
    return Measured(metrics, curves)


def _fidelity(game: Game, values: NDArray[np.float64], seed: int) -> Play[dict[str, float]]:
    """Infidelity and faithfulness correlation, and the infidelity of the same values shuffled."""
    found = {"infidelity": (yield from infidelity(game, values, seed))}
    shuffled = np.random.default_rng([seed, 9]).permutation(values)
    found["random_infidelity"] = yield from infidelity(game, shuffled, seed)
    dropped = yield from drops(game)
    for name, each in (("", values), ("random_", shuffled)):
        agreed = correlation(each, dropped)
        if agreed is not None:
            found[f"{name}faithfulness_correlation"] = agreed
    return found


def main_output(subject: Subject, stimulus: Stimulus, explanation: Explanation) -> int:
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


def mask_of(parameters: Mapping[str, Any], source: Mapping[str, Any] | None = None) -> str | float:
    """The mask that an explanation was made with; a control's is that of its source."""
    mask: str | float = (source or parameters).get("mask", "default")
    return mask
