"""Hiding a part of the input, and seeing how much the output falls."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explainer.artifact import Stimulus
from explainer.methods import Attribution, MethodError
from explainer.shapley.estimate import without_idle
from explainer.shapley.game import Ask, Play
from explainer.subjects import Players, Subject


def leave_one_out(
    subject: Subject,
    stimulus: Stimulus,
    outputs: Sequence[int],
    parameters: Mapping[str, Any],
    seed: int,
) -> Play[Attribution]:
    """A player's value is what the output loses when that player alone is hidden.

    Players that change no input are not asked about, and get exactly zero.
    """
    players = subject.players(stimulus, parameters["players"], parameters["size"])
    mask = subject.mask(stimulus, parameters["mask"], seed)
    whole = subject.game(stimulus, outputs, players, mask)
    game = without_idle(whole)
    coalitions = torch.ones(game.players + 2, game.players, dtype=torch.bool)
    coalitions[: game.players].fill_diagonal_(False)
    coalitions[-2] = False
    worth = (yield Ask(game, coalitions)).numpy()
    values = np.zeros((whole.players, len(outputs)))
    values[~whole.idle.numpy()] = worth[-1] - worth[:-2]
    return Attribution(
        players.spans,
        values,
        worth[-2],
        worth[-1],
        mask.name,
        game.evaluations,
        complete=False,
    )


def occlusion(
    subject: Subject,
    stimulus: Stimulus,
    outputs: Sequence[int],
    parameters: Mapping[str, Any],
    seed: int,
) -> Play[Attribution]:
    """An element's value is what the output loses, over the windows that hide it, on average.

    Windows are squares of `window` pixels in an image, and `window` tokens or steps in a row
    elsewhere, `stride` apart; the last ends where the input ends. Raises MethodError for a window
    that the input cannot hold.
    Source: Zeiler & Fergus 2014, arXiv:1311.2901.
    """
    players = elements(subject, stimulus)
    hidden = windows(
        stimulus.content.shape[:2] if subject.artifact_kind == "image" else (len(players),),
        parameters["window"],
        parameters["stride"],
    )
    mask = subject.mask(stimulus, parameters["mask"], seed)
    game = subject.game(stimulus, outputs, players, mask)
    ends = torch.zeros(2, game.players, dtype=torch.bool)
    ends[1] = True
    # Windows over nothing but what equals its mask lose exactly nothing.
    asked = (hidden & ~game.idle).any(1)
    worth = yield Ask(game, torch.cat([~hidden[asked], ends]))
    lost = worth.new_zeros(len(hidden), len(outputs))
    lost[asked] = worth[-1] - worth[:-2]
    covers = hidden.double()
    values = covers.T @ lost / covers.sum(0)[:, None]
    return Attribution(
        players.spans,
        values.numpy(),
        worth[-2].numpy(),
        worth[-1].numpy(),
        mask.name,
        game.evaluations,
        complete=False,
        details={"windows": len(hidden)},
    )


def elements(subject: Subject, stimulus: Stimulus) -> Players:
    """Every pixel, token or step; an image's without a hierarchy, which is slow to build."""
    if subject.artifact_kind != "image":
        return subject.players(stimulus, "each")
    height, width = stimulus.content.shape[:2]
    pixels = torch.arange(height * width)
    return Players(pixels, tuple((pixel,) for pixel in pixels.tolist()), np.zeros((0, 4)))


def windows(shape: Sequence[int], side: int, stride: int) -> Tensor:
    """Bool (windows, elements): what each window hides, of elements in one or two dimensions.

    Raises MethodError where a window is larger than the input, or leaves gaps.
    """
    if side > min(shape):
        raise MethodError(f"window: {side} is more than the input's {min(shape)}: make it smaller")
    if stride > side:
        raise MethodError(f"stride: {stride} is more than the window's {side}, which leaves gaps")
    along = []
    for length in shape:
        starts = torch.tensor([*range(0, length - side, stride), length - side])
        place = torch.arange(length)
        along.append((place >= starts[:, None]) & (place < starts[:, None] + side))
    if len(along) == 1:
        return along[0]
    down, across = along
    square = down[:, None, :, None] & across[None, :, None, :]
    return square.flatten(2).flatten(0, 1)
