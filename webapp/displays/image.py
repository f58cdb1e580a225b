"""An image and what counted in it: the picture, a map in two colours, and numbers by region."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from explainer.artifact import Explanation, Stimulus
from webapp.displays.concepts import Concept, concepts
from webapp.displays.png import png

# A diverging pair that people with any common colour blindness can tell apart (ColorBrewer RdBu).
FOR, AGAINST = (178, 24, 43), (33, 102, 172)
REGIONS = 4
HATCHED_FROM = 0.15
CLASSES = 3  # that are shown side by side


@dataclass(frozen=True)
class Region:
    """One of the regions of the grid: its darkness, and its share of all that counted, in percent.

    share is signed: above 0 it counted for the answer, below 0 against.
    """

    ink: int
    share: int | None


@dataclass(frozen=True)
class Map:
    """What counted for one label: a map, on the same scale for each, and shares by region."""

    label: str
    heat: str
    hatching: str
    shares: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Projection:
    """What a page may know of an image and its explanation; answer is None where it is hidden.

    picture, heat: PNG as data URI. hatching: SVG path of the pixels that counted against. concepts:
    what counted where that is no place in the picture. classes: of the labels that the model holds
    most likely, where several are explained and the answer is shown.
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
    classes: tuple[Map, ...] = ()


def project(
    stimulus: Stimulus,
    explanation: Explanation | None,
    *,
    answer: bool = True,
    prototypes: NDArray[np.uint8] | None = None,
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
        picture=png(stimulus.content if coloured else 255 - stimulus.content),
        heat=None if values is None else png(_heat(_scaled(values))),
        hatching="" if values is None else _hatching(_scaled(values)),
        rows=_regions(ink, values),
        concepts=(
            concepts(explanation, stimulus, prototypes) if explanation and not placed else ()
        ),
        classes=_classes(explanation, stimulus) if explanation and placed and answer else (),
    )


def _classes(explanation: Explanation, stimulus: Stimulus) -> tuple[Map, ...]:
    """The most likely labels first, as far as they are explained."""
    order = np.argsort(-stimulus.log_probabilities, kind="stable")
    labels = [stimulus.labels[k] for k in order if stimulus.labels[k] in explanation.outputs]
    if len(labels) < 2:
        return ()
    maps = [pixel_values(explanation, stimulus, label) for label in labels[:CLASSES]]
    together = _scaled(np.stack(maps))
    return tuple(
        Map(label, png(_heat(scaled)), _hatching(scaled), _shares(values))
        for label, values, scaled in zip(labels, maps, together, strict=False)
    )


def pixel_values(
    explanation: Explanation, stimulus: Stimulus, label: str | None = None
) -> NDArray[np.float64]:
    """The attribution of each pixel to a label, the predicted one by default: (height, width).

    A player of several pixels gives each of them an equal part.
    """
    height, width = stimulus.content.shape[:2]
    column = explanation.outputs.index(stimulus.predicted if label is None else label)
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


def _heat(scaled: NDArray[np.float64]) -> NDArray[np.uint8]:
    colour = np.where(scaled[..., None] > 0, FOR, AGAINST)
    opacity = np.abs(scaled[..., None]) * 255
    return np.concatenate([colour, opacity], axis=2).round().astype(np.uint8)


def _hatching(scaled: NDArray[np.float64]) -> str:
    """A path over the pixels that counted against, each run of a row as one rectangle."""
    against = np.pad(scaled < -HATCHED_FROM, ((0, 0), (1, 1))).astype(np.int8)
    steps = np.diff(against, axis=1)
    rows, starts = np.nonzero(steps == 1)
    _, ends = np.nonzero(steps == -1)
    return "".join(
        f"M{x} {y}h{end - x}v1h-{end - x}z" for y, x, end in zip(rows, starts, ends, strict=True)
    )


def _regions(
    ink: NDArray[np.float64], values: NDArray[np.float64] | None
) -> tuple[tuple[Region, ...], ...]:
    shares = None if values is None else _shares(values)
    return tuple(
        tuple(
            Region(
                ink=round(100 * float(ink[y, x].mean())),
                share=None if shares is None else shares[row][column],
            )
            for column, x in enumerate(_cuts(ink.shape[1]))
        )
        for row, y in enumerate(_cuts(ink.shape[0]))
    )


def _shares(values: NDArray[np.float64]) -> tuple[tuple[int, ...], ...]:
    """Of all that counted, what each region did, in percent."""
    total = float(np.abs(values).sum()) or 1.0
    return tuple(
        tuple(round(100 * float(values[y, x].sum()) / total) for x in _cuts(values.shape[1]))
        for y in _cuts(values.shape[0])
    )


def _cuts(length: int) -> list[slice]:
    edges = np.linspace(0, length, REGIONS + 1).round().astype(int)
    return [slice(a, b) for a, b in pairwise(edges)]
