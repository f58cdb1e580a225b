"""Images made hard: seeded Gaussian noise on every pixel."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from explainer.data.mnist import Mnist


def noisy(images: NDArray[np.uint8], sd: float, seed: int) -> NDArray[np.uint8]:
    """Add noise of standard deviation `sd`, as a share of the range, rounded and cut to 0 ... 255.

    images: uint8 (n, height, width). An image's noise hangs on its place and the seed alone.
    """
    found = np.empty_like(images)
    for row, image in enumerate(images):
        drawn = np.random.default_rng([seed, 17, row]).normal(0, 255 * sd, image.shape)
        found[row] = np.clip(np.round(image + drawn), 0, 255)
    return found


def noisy_digits(digits: Mnist, sd: float, seed: int) -> Mnist:
    """Add noise to the images to learn from, and other noise to those to test with."""
    train, test = (
        replace(part, images=noisy(part.images, sd, 2 * seed + place))
        for place, part in enumerate((digits.train, digits.test))
    )
    return replace(digits, train=train, test=test)
