"""In which order does a model read an image? 1-D runs against 2-D patches of equal size as players.

Pixels that a sequence model reads close together meet in its state and interact. What players keep
together is the share of all pairwise interaction, squared mixed second derivatives of the output by
two pixels, that lies within a player. Players that follow the order of reading keep the most. Where
f is a sum of products of pixels read in a row it holds exactly: runs of m pixels in that order keep
(m - 1) / m of the pairs, whatever else is compared keeps fewer, and by chance it is (m - 1) /
(pixels - 1). The derivatives are of the model, not of a masked image: no mask decides the answer.
Networks of ReLUs have none; for them, and to compare others with them, stand mixed differences over
a step of one standard deviation of the training pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explainer.artifact import Stimulus
from explainer.inspect.measured import Measured, mean
from explainer.methods import MethodError
from explainer.models.image import bit_reversal
from explainer.subjects.image import ImageSubject

# How pixels' interactions are computed -> of how many pixels, each with all others.
PIXELS = {"derivatives": 32, "differences": 8}
ROWS = 392  # read at once

Member = NDArray[np.int64]


@dataclass(frozen=True)
class Order:
    """The share of interaction that players of equal size keep together, by the order they follow.

    within: a name -> the share, mean over n images. chance: what players drawn at random would
    keep. most: the name that keeps the most. against: each other name -> the natural logarithm of
    how many times as much `most` keeps, mean over images. images: the shares for each image.
    """

    n: int
    size: int
    chance: float
    within: dict[str, Measured]
    most: str
    against: dict[str, Measured]
    images: dict[str, list[float]]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            **vars(self),
            "within": {name: each.to_json() for name, each in self.within.items()},
            "against": {name: each.to_json() for name, each in self.against.items()},
        }


def reading_order(
    subject: ImageSubject,
    stimuli: Sequence[Stimulus],
    *,
    side: int = 4,
    by: str = "derivatives",
    seed: int = 0,
) -> Order:
    """Compare patches of side^2 with runs as long: row by row, bit-reversed, and as it is read.

    by: derivatives or differences. Raises MethodError where no image is given, where patches do not
    divide the image, and by derivatives for networks without, such as those of ReLUs.
    """
    if not stimuli:
        raise MethodError("no images to compare players on: give at least one")
    groups = candidates(subject, side)
    pairs = interactions if by == "derivatives" else differences
    images: dict[str, list[float]] = {name: [] for name in groups}
    for number, stimulus in enumerate(stimuli):
        random = np.random.default_rng([seed, number])
        pixels = len(next(iter(groups.values())))
        drawn = random.choice(pixels, min(PIXELS[by], pixels), replace=False)
        found = pairs(subject, stimulus, drawn)
        for name, member in groups.items():
            images[name].append(kept_within(found, drawn, member))
    logs = {name: np.log(np.maximum(each, 1e-12)) for name, each in images.items()}
    most = max(logs, key=lambda name: float(logs[name].mean()))
    how = "mean log ratio, bootstrap over images"
    return Order(
        n=len(stimuli),
        size=side * side,
        chance=(side * side - 1) / (pixels - 1),
        within={name: mean(each, "images") for name, each in images.items()},
        most=most,
        against={
            name: replace(mean(logs[most] - each, "images"), how=how)
            for name, each in logs.items()
            if name != most
        },
        images=images,
    )


def candidates(subject: ImageSubject, side: int) -> dict[str, Member]:
    """The player of each pixel (pixels,), by the order that players of side^2 pixels follow."""
    height, width = subject.preprocessing.height, subject.preprocessing.width
    if side < 2 or height % side or width % side:
        raise MethodError(
            f"patches of {side} x {side} do not divide an image of {height} x {width} into equals"
        )
    pixels = np.arange(height * width)
    rows, columns = pixels // width // side, pixels % width // side
    reversed_ = bit_reversal(len(pixels))
    found = {
        "runs row by row": runs(pixels, side * side),
        "runs bit-reversed": runs(np.array(reversed_), side * side),
        "patches": rows * (width // side) + columns,
    }
    order = subject.preprocessing.pixel_order
    if order is not None and order != reversed_:
        found["runs as read"] = runs(np.array(order), side * side)
    return found


def runs(order: NDArray[np.integer], size: int) -> Member:
    """The player of each pixel where `size` that follow one another in an order are one."""
    member = np.empty(len(order), dtype=np.int64)
    member[order] = np.arange(len(order)) // size
    return member


def interactions(subject: ImageSubject, stimulus: Stimulus, drawn: Member) -> NDArray[np.float64]:
    """Squared second derivatives (drawn, pixels) by each drawn pixel and each other, 0 by itself.

    They are of the predicted label's log-probability less the next label's, which is free of the
    softmax, in whose normalisation all pixels meet; over normalised pixels, summed over channels.
    """
    first, second = _two(stimulus)
    n = len(drawn)
    x = subject.embed(stimulus).expand(n, -1, -1).clone().requires_grad_()
    scores = subject.score_embedded(x, stimulus)
    (slope,) = torch.autograd.grad(
        (scores[:, first] - scores[:, second]).sum(), x, create_graph=True
    )
    found = torch.zeros(x.shape[:2], dtype=torch.float64)
    rows = torch.arange(n)
    for channel in range(x.shape[2]):
        by_drawn = slope[rows, torch.from_numpy(drawn), channel].sum()
        found += _derivative(by_drawn, x).double().square().sum(-1).cpu()
    found[rows, torch.from_numpy(drawn)] = 0
    if not found.any():
        raise MethodError(
            "no two pixels interact to second order: a network of ReLUs has no such derivatives; "
            "compare it by differences"
        )
    return found.numpy()


def differences(subject: ImageSubject, stimulus: Stimulus, drawn: Member) -> NDArray[np.float64]:
    """Squared mixed differences of the same score, (drawn, pixels), over steps of 1 normalised.

    f(both moved) - f(one) - f(other) + f(neither), all channels of a pixel moved together. Raises
    MethodError where no two pixels interact.
    """
    first, second = _two(stimulus)
    x = subject.embed(stimulus)
    steps = torch.eye(len(x), device=x.device, dtype=x.dtype).unsqueeze(-1)

    def read(given: Tensor) -> NDArray[np.float64]:
        with torch.no_grad():
            parts = [subject.score_embedded(each, stimulus) for each in torch.split(given, ROWS)]
        scores = torch.cat(parts).double().cpu().numpy()
        found: NDArray[np.float64] = scores[:, first] - scores[:, second]
        return found

    (neither,), one = read(x.unsqueeze(0)), read(x + steps)
    rows = [read(x + steps[pixel] + steps) - one[pixel] - one + neither for pixel in drawn.tolist()]
    found: NDArray[np.float64] = np.square(np.stack(rows))
    found[np.arange(len(drawn)), drawn] = 0
    if not found.any():
        raise MethodError("no two pixels interact: this model adds up what it makes of each alone")
    return found


def _two(stimulus: Stimulus) -> tuple[int, int]:
    """The two most probable labels."""
    first, second = np.argsort(-stimulus.log_probabilities, kind="stable")[:2].tolist()
    return first, second


def kept_within(found: NDArray[np.float64], drawn: Member, member: Member) -> float:
    """The share of interactions (drawn, pixels) that is with pixels of the same player."""
    same = member[drawn][:, None] == member[None]
    return float(found[same].sum() / found.sum())


def _derivative(scalar: Tensor, x: Tensor) -> Tensor:
    """The gradient, or zeros where there is none to take."""
    if not scalar.requires_grad:
        return torch.zeros_like(x)
    (found,) = torch.autograd.grad(scalar, x, retain_graph=True, allow_unused=True)
    return torch.zeros_like(x) if found is None else found
