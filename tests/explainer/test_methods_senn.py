"""A self-explaining network's own words: concepts that add up to the logit."""

import base64
import io
import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from test_gradient import IMAGE, Linear, image_subject, run

import explainer
from explainer.artifact import Explanation
from explainer.data.images import read_images
from explainer.explain import explain
from explainer.methods import MethodError
from explainer.methods.senn import SHOWN
from explainer.models import checkpoint
from explainer.models.senn import SENN, SENNConfig
from explainer.subjects.load import load

ASSETS = Path(explainer.__file__).parent / "assets"


@pytest.fixture
def subject():
    torch.manual_seed(0)
    return image_subject(SENN(SENNConfig(6, 6, concepts=5, hidden=12, channels=2, labels=3)))


@pytest.fixture(scope="module")
def shipped():
    return load(ASSETS / "checkpoints" / "mnist-senn", device="cpu")


@pytest.fixture(scope="module")
def digit(shipped):
    about = json.loads((ASSETS / "data" / "mnist-200.json").read_text())
    sample = read_images(ASSETS / "data" / "mnist-200.npz", about["sha256"])
    return shipped.stimulus(sample.images[0])


def test_concepts_add_up_to_the_logit(subject):
    found = run(subject, subject.stimulus(IMAGE), "senn_concepts")
    logits = subject.model(IMAGE[None])[0].numpy()
    np.testing.assert_allclose(found.values.sum(0), logits, atol=1e-12)
    np.testing.assert_allclose(found.full_values, logits, atol=1e-12)
    np.testing.assert_array_equal(found.base_values, [0, 0, 0])
    assert found.complete
    assert found.players == ((),) * 5
    assert found.value_function.startswith("logit;")


def test_details_are_the_factors(subject):
    found = run(subject, subject.stimulus(IMAGE), "senn_concepts", [2, 0])
    x = subject.model.preprocessing(IMAGE[None], subject.network.encoder[1].weight)
    h, theta = subject.network.concepts(x)[0], subject.network.relevances(x)[0]
    np.testing.assert_allclose(found.details["concepts"], h, atol=1e-12)
    np.testing.assert_allclose(found.details["relevances"], theta[[2, 0]], atol=1e-12)
    np.testing.assert_allclose(found.values, (theta[[2, 0]] * h).T, atol=1e-12)
    json.dumps(found.details, allow_nan=False)


def test_the_shipped_one_becomes_an_artifact(shipped, digit):
    """And its prototypes are those that the checkpoint's digest covers."""
    found = explain(shipped, digit, "senn_concepts", output="all").artifact
    assert found.values.shape == (20, 10)
    assert found.completeness_gap < 1e-4
    again = Explanation.from_json(json.loads(json.dumps(found.to_json())))
    assert again.players == found.players
    details = run(shipped, digit, "senn_concepts", [0]).details
    assert details["prototypes"]["checkpoint_digest"] == found.job.checkpoint_digest
    _, card = checkpoint.load(ASSETS / "checkpoints" / "mnist-senn")
    data = checkpoint.companion(
        ASSETS / "checkpoints" / "mnist-senn", card, details["prototypes"]["file"]
    )
    with np.load(io.BytesIO(data)) as file:
        expected = file["images"][:, :SHOWN]
    packed = details["prototypes"]
    raw = zlib.decompress(base64.b64decode(packed["zlib"]))
    found = np.frombuffer(raw, np.uint8).reshape(packed["shape"])
    np.testing.assert_array_equal(found, expected)
    assert len(json.dumps(packed)) < 40_000


def test_pixels_of_a_self_explaining_network_are_explained_too(shipped, digit):
    """It reads images as every other classifier does."""
    found = explain(shipped, digit, "integrated_gradients").artifact
    assert found.completeness_gap < 0.1
    assert len(found.players) == 784


def test_other_networks_are_refused():
    subject = image_subject(Linear())
    with pytest.raises(MethodError, match=r"self-explaining network.*this is another"):
        run(subject, subject.stimulus(IMAGE), "senn_concepts")
