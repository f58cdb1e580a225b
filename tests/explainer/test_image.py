"""Preprocessing: images go in as they are, whatever order the network reads."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from explainer.models.image import bit_reversal, predict
from tests.explainer.conftest import SIDE, tiny_model


def test_bit_reversal_is_the_original_permutation(golden):
    expected = golden("s4d_bit_reversal.npz")["permutation"]
    assert bit_reversal(784) == tuple(expected)


@given(st.integers(1, 300))
def test_bit_reversal_is_a_permutation(length):
    assert sorted(bit_reversal(length)) == list(range(length))


def test_bytes_and_fractions_give_the_same():
    model = tiny_model()
    images = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE)).astype(np.uint8)
    from_bytes = predict(model, images)
    np.testing.assert_allclose(from_bytes, predict(model, images / 255), atol=1e-6)
    np.testing.assert_allclose(np.exp(from_bytes).sum(-1), 1, atol=1e-6)


def test_a_permuted_model_reads_the_image_in_its_order():
    permuted, plain = tiny_model(permuted=True), tiny_model()
    images = np.random.default_rng(0).random((2, SIDE, SIDE))
    order = list(bit_reversal(SIDE * SIDE))
    reordered = images.reshape(2, -1)[:, order].reshape(2, SIDE, SIDE)
    np.testing.assert_allclose(predict(permuted, images), predict(plain, reordered), atol=1e-12)
    assert not np.allclose(predict(permuted, images), predict(plain, images))


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((1, 5, SIDE)), "expected"),
        (np.zeros((SIDE, SIDE)), "expected"),
        (np.zeros((1, SIDE, SIDE), dtype=np.int64), "expected uint8 or float"),
        (np.full((1, SIDE, SIDE), 255.0), "must lie in"),
        (np.full((1, SIDE, SIDE), np.nan), "must lie in"),
    ],
)
def test_wrong_images_are_refused(images, message):
    with pytest.raises(ValueError, match=message):
        tiny_model()(images)


def test_batch_size_does_not_change_the_numbers():
    model = tiny_model()
    images = np.random.default_rng(0).random((7, SIDE, SIDE)).astype(np.float32)
    np.testing.assert_allclose(predict(model, images, 2), predict(model, images), atol=1e-6)
    assert predict(model, images[:0]).shape == (0, 3)


def test_classifier_streams():
    model = tiny_model().network.double()
    x = torch.randn(2, 40, 1, dtype=torch.float64)
    stream = model.start(2)
    with torch.no_grad():
        for k in range(40):
            logits, stream = model.step(x[:, k], stream)
            torch.testing.assert_close(logits, model(x[:, : k + 1]), atol=1e-11, rtol=0)
