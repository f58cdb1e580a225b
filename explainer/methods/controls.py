"""Controls: explanations that look real and are wrong on purpose, or say nothing.

Their completeness gap is null: their values were not made for this stimulus. The control that
explains another model, `randomised`, is in a file of its own: it makes a subject.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.artifact import Explanation, Job
from explainer.encoding import round_off

DECIMALS = 6  # as in every artifact

Float64 = NDArray[np.float64]


def mismatched(source: Explanation, job: Job) -> Explanation:
    """Another stimulus's explanation, whole, under this stimulus's job."""
    return replace(source, job=job, completeness_gap=None)


def shuffled(source: Explanation, job: Job) -> Explanation:
    """The stimulus's own explanation with the values dealt to the players by the job's seed."""
    order = _random(job).permutation(len(source.players))
    errors = source.standard_errors
    return replace(
        source,
        job=job,
        values=source.values[order],
        standard_errors=None if errors is None else errors[order],
        completeness_gap=None,
    )


def random(source: Explanation, job: Job) -> Explanation:
    """Noise as smooth as the source, with its mean and standard deviation, by seed and stimulus.

    White noise is given the spectrum of the source, so its neighbours are as alike: over the pixels
    of an image that is a square, else along the players. All outputs share the noise, as they share
    what the model saw.
    Source: surrogate data, Theiler et al. 1992, Physica D 58, 77-94.
    """
    noise = _random(job).normal
    if source.kind == "image":
        values = _like_an_image(source, noise)
    else:
        values = _like(source.values.astype(np.float64), (len(source.players),), noise)
    return replace(
        source,
        job=job,
        values=round_off(_matched(values, source.values.astype(np.float64)), DECIMALS),
        standard_errors=None,
        completeness_gap=None,
    )


def placebic(source: Explanation, job: Job) -> Explanation:
    """The source's players without any values; a page shows the job's `words` instead of a map."""
    nothing = np.zeros_like(source.values)
    return replace(
        source,
        job=job,
        value_function="placebic: no values",
        values=nothing,
        base_values=nothing[:1].sum(0),
        full_values=nothing[:1].sum(0),
        standard_errors=None,
        completeness_gap=None,
    )


def _random(job: Job) -> np.random.Generator:
    return np.random.default_rng([job.seed, int(job.stimulus_digest, 16)])


def _like_an_image(source: Explanation, noise: Any) -> Float64:
    """Noise (players, outputs): of each player's pixels, the mean."""
    pixels = 1 + max(pixel for player in source.players for pixel in player)
    side = isqrt(pixels)
    shape = (side, side) if side * side == pixels else (pixels,)
    spread = np.zeros((pixels, source.values.shape[1]))
    for player, value in zip(source.players, source.values, strict=True):
        spread[list(player)] = value
    field = _like(spread, shape, noise)
    return np.array([field[list(player)].mean(0) for player in source.players])


def _like(values: Float64, shape: Sequence[int], noise: Any) -> Float64:
    """Noise (n, outputs) with the spectrum of values (n, outputs), which lie in `shape`."""
    axes = tuple(range(len(shape)))
    phases = np.fft.fftn(noise(size=shape))
    phases = (phases / np.maximum(np.abs(phases), np.finfo(float).tiny))[..., None]
    spectrum = np.abs(np.fft.fftn(values.reshape(*shape, -1), axes=axes))
    field: Float64 = np.fft.ifftn(phases * spectrum, axes=axes).real
    return field.reshape(values.shape)


def _matched(values: Float64, like: Float64) -> Float64:
    """Give each output the mean and standard deviation that it has in `like`."""
    centred = values - values.mean(0)
    spread = centred.std(0)
    scaled = centred * (like.std(0) / np.where(spread > 0, spread, 1))
    found: Float64 = scaled + like.mean(0)
    return found
