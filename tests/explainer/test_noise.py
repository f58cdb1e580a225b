"""Noise on images: its size, its seed, and that a checkpoint is judged under its own."""

import numpy as np

from explainer.data.noise import noisy


def test_noise_has_its_standard_deviation_and_stays_in_range():
    gray = np.full((40, 28, 28), 128, dtype=np.uint8)
    made = noisy(gray, 0.1, seed=1)
    assert abs((made.astype(float) - 128).std() / 255 - 0.1) < 0.002
    assert abs((made.astype(float) - 128).mean()) < 0.5
    harsh = noisy(gray, 1.0, seed=1)
    assert harsh.min() == 0
    assert harsh.max() == 255


def test_an_image_s_noise_hangs_on_its_place_and_the_seed_alone():
    images = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
    np.testing.assert_array_equal(noisy(images, 0.3, 4)[:3], noisy(images[:3], 0.3, 4))
    assert (noisy(images, 0.3, 4) != noisy(images, 0.3, 5)).mean() > 0.5
    assert (noisy(images[:1].repeat(2, 0), 0.3, 4)[0] != noisy(images[:1], 0.3, 4)[0]).sum() == 0
