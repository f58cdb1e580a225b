"""An image and what counted in it: the picture, a map in two colours, and numbers by region."""

import base64
import io
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from explainer.artifact import Explanation, Stimulus

# A diverging pair that people with any common colour blindness can tell apart (ColorBrewer RdBu).
FOR, AGAINST = (178, 24, 43), (33, 102, 172)
REGIONS = 4
HATCHED_FROM = 0.15


@dataclass(frozen=True)
class Region:
    """One of the regions of the grid: its darkness, and its share of all that counted, in percent.

    share is signed: above 0 it counted for the answer, below 0 against.
    """

    ink: int
    share: int | None


@dataclass(frozen=True)
class Concept:
    """What one of a self-explaining model's own ideas counted, in percent of all that counted.

    length: of its bar, from 0 to 100, the longest 100.
    """

    number: int
    share: int
    length: float


@dataclass(frozen=True)
class Projection:
    """What a page may know of an image and its explanation; answer is None where it is hidden.

    picture, heat: PNG as data URI. hatching: SVG path of the pixels that counted against. concepts:
    what counted where that is no place in the picture.
    """

    width: int
    height: int
    answer: str | None
    truth: str | None
    picture: str
    heat: str | None
    hatching: str
    rows: tuple[tuple[Region, ...], ...]
    concepts: tuple[Concept, ...] = ()


def project(
    stimulus: Stimulus, explanation: Explanation | None, *, answer: bool = True
) -> Projection:
    """Turn a stimulus and, where one is shown, its explanation into what a page may show."""
    height, width = stimulus.content.shape[:2]
    coloured = stimulus.content.ndim == 3
    # Digits are light on dark: they are drawn, and counted as ink, the other way round.
    light = stimulus.content.mean(-1) if coloured else 255.0 - stimulus.content
    ink = 1 - light / 255
    placed = explanation is not None and any(explanation.players)
    values = pixel_values(explanation, stimulus) if explanation and placed else None
    return Projection(
        width=width,
        height=height,
        answer=stimulus.predicted if answer else None,
        truth=stimulus.truth,
        picture=_png(stimulus.content if coloured else 255 - stimulus.content),
        heat=None if values is None else _png(_heat(values)),
        hatching="" if values is None else _hatching(values),
        rows=_regions(ink, values),
        concepts=_concepts(explanation, stimulus) if explanation and not placed else (),
    )


def _concepts(explanation: Explanation, stimulus: Stimulus) -> tuple[Concept, ...]:
    values = explanation.values[:, explanation.outputs.index(stimulus.predicted)].astype(np.float64)
    largest = float(np.abs(values).max(initial=0)) or 1.0
    total = float(np.abs(values).sum()) or 1.0
    return tuple(
        Concept(k + 1, round(100 * value / total), round(100 * abs(value) / largest, 1))
        for k, value in enumerate(values.tolist())
    )


def pixel_values(explanation: Explanation, stimulus: Stimulus) -> NDArray[np.float64]:
    """The attribution of each pixel to the predicted answer, shape (height, width).

    A player of several pixels gives each of them an equal part.
    """
    height, width = stimulus.content.shape[:2]
    column = explanation.outputs.index(stimulus.predicted)
    pixels = np.zeros(height * width)
    for player, value in zip(explanation.players, explanation.values[:, column], strict=True):
        pixels[list(player)] += value / len(player)
    return pixels.reshape(height, width)


def _scaled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values from -1 to 1; the strongest hundredth of the pixels is cut, so that few cannot hide
    the rest.
    """
    strength = np.abs(values)
    largest = np.quantile(strength, 0.99) or strength.max() or 1.0
    return np.clip(values / largest, -1, 1)


def _heat(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    scaled = _scaled(values)
    colour = np.where(scaled[..., None] > 0, FOR, AGAINST)
    opacity = np.abs(scaled[..., None]) * 255
    return np.concatenate([colour, opacity], axis=2).round().astype(np.uint8)


def _hatching(values: NDArray[np.float64]) -> str:
    rows, columns = np.nonzero(_scaled(values) < -HATCHED_FROM)
    return "".join(f"M{x} {y}h1v1h-1z" for y, x in zip(rows, columns, strict=True))


def _regions(
    ink: NDArray[np.float64], values: NDArray[np.float64] | None
) -> tuple[tuple[Region, ...], ...]:
    total = 0.0 if values is None else float(np.abs(values).sum())

    def region(part: tuple[slice, slice]) -> Region:
        share = None
        if values is not None:
            share = round(100 * float(values[part].sum()) / total) if total else 0
        return Region(ink=round(100 * float(ink[part].mean())), share=share)

    def edges(length: int) -> list[slice]:
        cuts = np.linspace(0, length, REGIONS + 1).round().astype(int)
        return [slice(a, b) for a, b in pairwise(cuts)]

    return tuple(tuple(region((y, x)) for x in edges(ink.shape[1])) for y in edges(ink.shape[0]))


def _png(pixels: NDArray[Any]) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
