"""Random crops: where in an image a scorer finds what it scores.

A crop has the image's proportions and is resized to the whole image, so nothing stands where the
rest was: unlike a mask, a crop puts no made-up pixels beside real ones, but it shows them larger.
Its place is equally likely to be anywhere that it fits, so corners are in fewer crops than the
middle, and their standard errors are larger.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from explainer.artifact import Stimulus
from explainer.methods import Attribution, Float64, MethodError
from explainer.shapley.game import Ask, Game, Inputs, Play, Scorer
from explainer.subjects import Subject

ASKED = 512  # crops asked for at once


@dataclass(frozen=True)
class Crops:
    """Scores of crops, pixel by pixel.

    values, standard_errors (pixels, outputs): the mean score of the crops that show a pixel, minus
    the mean of all. covered (pixels,): how many crops show it; one that none shows has zero and
    zero. mean (outputs,): of all crops.
    """

    values: Float64
    standard_errors: Float64
    covered: Float64
    mean: Float64


def random_crops(
    subject: Subject,
    stimulus: Stimulus,
    outputs: Sequence[int],
    parameters: Mapping[str, Any],
    seed: int,
) -> Play[Attribution]:
    """Score crops whose sides are from `smallest` to `largest` of the image's, and the image.

    Above zero, crops that show the pixel score higher than crops do on average; the base is that
    average. Raises MethodError where `smallest` is above `largest`.
    """
    if parameters["smallest"] > parameters["largest"]:
        raise MethodError(
            f"smallest: {parameters['smallest']:g} is above largest, {parameters['largest']:g}"
        )
    image = torch.from_numpy(stimulus.content.astype(np.float64) / 255)
    read, columns = subject.read(stimulus), list(outputs)
    weight = next(subject.network.parameters())
    game = crop_game(image.to(weight), subject.scorer, lambda scores: read(scores)[:, columns])
    boxes = drawn(
        image.shape[:2],
        parameters["evaluations"] - 1,
        (parameters["smallest"], parameters["largest"]),
        seed,
    )
    found = yield from crop_values(game, boxes, image.shape[:2])
    full = (yield Ask(game, torch.ones(1, game.players, dtype=torch.bool)))[0]
    unit = subject.mask(stimulus).name.partition(";")[0]
    return Attribution(
        tuple((pixel,) for pixel in range(game.players)),
        found.values,
        found.mean,
        full.numpy(),
        f"{unit}; random crops resized to the whole image, those that show a pixel minus all",
        game.evaluations,
        found.standard_errors,
        complete=False,
        details={
            "crops": len(boxes),
            "least_covered": int(found.covered.min()),
            "uncovered_pixels": int((found.covered == 0).sum()),
        },
    )


def crop_game(
    image: Tensor, scorer: Scorer, read: Callable[[Tensor], Tensor] = lambda scores: scores
) -> Game:
    """The game of an image's pixels whose coalitions are rectangles, shown at the image's size.

    image: (height, width) or (height, width, channels) in [0, 1], on the scorer's device. scorer:
    reads images (n, *shape), for example a classifier, or the likeness to a text.
    """
    height, width = image.shape[:2]

    def inputs(shown: Tensor) -> Inputs:
        return (resized(image, bounds(shown.view(-1, height, width))),)

    return Game(height * width, inputs, scorer, read, device=image.device)


def crop_values(game: Game, boxes: Tensor, shape: Sequence[int]) -> Play[Crops]:
    """Score boxes (n, 4) and spread each score over what its box shows.

    game, boxes, shape: of crop_game, of drawn, and (height, width).

    The standard errors are of a difference between a ratio and a mean of the same crops, by their
    influence (the delta method).
    """
    count, pixels = len(boxes), game.players
    parts = []
    for start in range(0, count, ASKED):
        shown = rectangles(boxes[start : start + ASKED], shape).flatten(1)
        parts.append((yield Ask(game, shown)))
    scores = torch.cat(parts)
    mean = scores.mean(0)
    centred = scores - mean
    covered = scores.new_zeros(pixels)
    first, second = scores.new_zeros(2, pixels, scores.shape[1])
    for start in range(0, count, ASKED):
        part = rectangles(boxes[start : start + ASKED], shape).flatten(1).to(scores)
        covered += part.sum(0)
        first += part.T @ centred[start : start + ASKED]
        second += part.T @ centred[start : start + ASKED].square()
    times = covered.clamp(min=1)[:, None]
    values = first / times
    inside = (second / times - values.square()).clamp(min=0)
    variance = inside * (count / times - 2) + centred.square().mean(0)
    errors = (variance.clamp(min=0) / max(1, count - 1)).sqrt()
    errors[covered == 0] = 0
    return Crops(values.numpy(), errors.numpy(), covered.numpy(), mean.numpy())


def drawn(shape: Sequence[int], count: int, sides: tuple[float, float], seed: int) -> Tensor:
    """Draw boxes, int64 (count, 4): top, bottom, left, right, the ends outside.

    sides: the smallest and largest, as shares of the image's.
    """
    random = np.random.default_rng([seed, 12])
    share = random.uniform(*sides, count)
    ends = []
    for length in shape:
        side = np.clip(np.round(share * length), 1, length).astype(np.int64)
        start = random.integers(0, length - side + 1)
        ends += [start, start + side]
    return torch.from_numpy(np.stack(ends, 1))


def rectangles(boxes: Tensor, shape: Sequence[int]) -> Tensor:
    """Boxes (n, 4) as bool (n, height, width), true inside."""
    along = []
    for start, stop, length in zip(boxes.T[::2], boxes.T[1::2], shape, strict=True):
        place = torch.arange(length)
        along.append((place >= start[:, None]) & (place < stop[:, None]))
    rows, columns = along
    shown: Tensor = rows[:, :, None] & columns[:, None, :]
    return shown


def bounds(shown: Tensor) -> Tensor:
    """Undo `rectangles`."""
    ends = []
    for axis in (2, 1):
        there = shown.any(axis).int()
        start = there.argmax(1)
        ends += [start, start + there.sum(1)]
    return torch.stack(ends, 1)


def resized(image: Tensor, boxes: Tensor) -> Tensor:
    """Each box (top, bottom, left, right) of an image, at the image's size: (n, *shape).

    Bilinear; at a box's edge the nearest pixel inside it goes on, so nothing outside shows.
    """
    height, width = image.shape[:2]
    pixels = image.reshape(height, width, -1).permute(2, 0, 1)

    def along(start: Tensor, stop: Tensor, length: int) -> Tensor:
        centres = torch.arange(length, device=image.device).to(image) + 0.5
        sides = (stop - start).to(image)
        place = start[:, None] - 0.5 + centres * sides[:, None] / length
        place = torch.minimum(torch.maximum(place, start[:, None].to(image)), stop[:, None] - 1.0)
        return (2 * place + 1) / length - 1

    y = along(boxes[:, 0], boxes[:, 1], height)
    x = along(boxes[:, 2], boxes[:, 3], width)
    grid = torch.stack(
        [x[:, None, :].expand(-1, height, -1), y[:, :, None].expand(-1, -1, width)], -1
    )
    shown = nn.functional.grid_sample(
        pixels.expand(len(boxes), -1, -1, -1), grid, mode="bilinear", align_corners=False
    )
    # Interpolation may leave [0, 1] by a last bit.
    return shown.clamp(0, 1).permute(0, 2, 3, 1).reshape(len(boxes), *image.shape)
