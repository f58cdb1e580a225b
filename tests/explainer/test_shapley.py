"""The Shapley methods on images: maps in true pixel order, budgets, masks, idle pixels, seeds."""

import numpy as np
import pytest
import torch

from explainer.encoding import decode_array
from explainer.methods import MethodError
from explainer.methods.catalogue import METHODS
from explainer.shapley.estimate import Stop
from explainer.shapley.exact import exact
from explainer.shapley.game import drive, drive_all
from explainer.shapley.interactions import exact_interactions
from explainer.shapley.owen import owen, partition
from explainer.subjects.image import ImageSubject
from tests.explainer.conftest import SIDE, tiny_model

ALL = ["partition", "permutation", "exact", "owen", "interactions"]


def subject_of(permuted=False):
    return ImageSubject(tiny_model(permuted), "0" * 64)


def play(subject, image, name, outputs=(0,), seed=0, **parameters):
    method = METHODS[name]
    given = method.complete(parameters)
    return method.function(subject, subject.stimulus(image), list(outputs), given, seed)


def explain(*args, **kwargs):
    return drive(play(*args, **kwargs))


@pytest.fixture
def image():
    return np.random.default_rng(1).integers(1, 256, (SIDE, SIDE)).astype(np.uint8)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("partition", {"evaluations": 3000}),
        ("permutation", {"evaluations": 72}),
        ("owen", {}),
        ("exact", {}),
        ("interactions", {}),
    ],
)
@pytest.mark.parametrize("permuted", [False, True])
def test_maps_are_in_true_pixel_order(name, parameters, permuted):
    """With a zero mask and one bright pixel every other pixel is worth exactly nothing."""
    subject = subject_of(permuted)
    for pixel in (1, 14, 35):
        image = np.zeros((SIDE, SIDE), dtype=np.uint8)
        image.flat[pixel] = 255
        found = explain(subject, image, name, [2], mask="zero", **parameters)
        assert found.players[pixel] == (pixel,)
        assert np.flatnonzero(np.abs(found.values[:, 0]) > 1e-5).tolist() == [pixel]
        np.testing.assert_allclose(
            found.values[pixel], found.full_values - found.base_values, atol=1e-5
        )


@pytest.mark.parametrize("permuted", [False, True])
@pytest.mark.parametrize("name", ALL)
def test_patches_are_where_they_are_in_the_image(name, permuted):
    """Only one of four patches differs from the mask."""
    image = np.zeros((SIDE, SIDE), dtype=np.uint8)
    image[:3, 3:] = 200
    found = explain(subject_of(permuted), image, name, [1], players="patches", size=3, mask="zero")
    assert len(found.players) == 4
    assert found.players[1] == tuple(
        row * SIDE + column for row in range(3) for column in (3, 4, 5)
    )
    assert np.flatnonzero(np.abs(found.values[:, 0]) > 1e-5).tolist() == [1]


@pytest.mark.parametrize("name", ALL)
def test_values_add_up_and_follow_the_class_order(name, image):
    subject = subject_of()
    grouped = {"players": "patches", "size": 2}
    one = explain(subject, image, name, [1], seed=5, **grouped)
    every = explain(subject, image, name, [0, 1, 2], seed=5, **grouped)
    for found in (one, every):
        np.testing.assert_allclose(
            found.base_values + found.values.sum(0), found.full_values, atol=1e-9
        )
        assert found.complete
    logits = subject.model.log_probabilities(image[None])[0].detach().numpy()
    np.testing.assert_allclose(every.full_values, logits, atol=1e-6)
    np.testing.assert_allclose(one.full_values, logits[[1]], atol=1e-6)
    assert every.values.shape == (9, 3)
    if name != "partition":  # which halves where the outputs that are explained say so
        np.testing.assert_allclose(every.values[:, [1]], one.values, atol=1e-5)


@pytest.mark.parametrize("name", ["exact", "permutation", "interactions"])
def test_shapley_methods_agree_with_one_another(name, image):
    subject = subject_of()
    grouped = {"players": "patches", "size": 3}
    exactly = explain(subject, image, "exact", [0, 1], **grouped)
    found = explain(subject, image, name, [0, 1], **grouped)
    assert found.standard_errors.shape == (4, 2)
    bound = 6 * found.standard_errors + 1e-5
    assert (np.abs(found.values - exactly.values) <= bound).all()
    assert (found.standard_errors == 0).all() == (name != "permutation")


def test_owen_is_where_partition_ends(image):
    subject = subject_of()
    grouped = {"players": "patches", "size": 2}
    exactly = explain(subject, image, "owen", [0], **grouped)
    found = explain(subject, image, "partition", [0], **grouped)
    np.testing.assert_allclose(found.values, exactly.values, atol=1e-5)
    assert found.details["stopped"] == "exact"
    assert found.evaluations == exactly.evaluations
    assert found.standard_errors is None


def test_methods_are_the_estimators(image):
    """The game of four patches, by hand."""
    subject = subject_of()
    stimulus = subject.stimulus(image)
    players = subject.players(stimulus, "patches", 3)
    game = subject.game(stimulus, [0, 2], players, subject.mask(stimulus, "zero"))
    for name, estimate in (
        ("exact", drive(exact(game))),
        ("owen", drive(owen(game))),
        ("partition", drive(partition(game, Stop(20), 3))),
    ):
        given = {"evaluations": 20} if name == "partition" else {}
        found = explain(
            subject, image, name, [0, 2], 3, players="patches", size=3, mask="zero", **given
        )
        np.testing.assert_allclose(found.values, estimate.values, atol=1e-9)
        assert found.evaluations == estimate.evaluations


def test_interactions_are_in_the_details_of_their_players(image):
    """A patch that the mask does not change takes no part."""
    image[:3, 3:] = 0
    subject = subject_of()
    stimulus = subject.stimulus(image)
    players = subject.players(stimulus, "patches", 3)
    game = subject.game(stimulus, [0, 1], players, subject.mask(stimulus, "zero"))
    whole = drive(exact_interactions(game)).values
    asked = {"players": "patches", "size": 3, "mask": "zero"}
    found = explain(subject, image, "interactions", [0, 1], **asked)
    assert found.details["interacting"] == [0, 2, 3]
    matrix = decode_array(found.details["interactions"], "interactions")
    np.testing.assert_allclose(matrix, whole[[0, 2, 3]][:, [0, 2, 3]], atol=1e-5)
    np.testing.assert_allclose(matrix.sum(1), found.values[[0, 2, 3]], atol=1e-5)
    assert found.evaluations == 8
    errors = decode_array(found.details["interaction_errors"], "interaction_errors")
    assert (errors == 0).all()
    sampled = explain(subject, image, "interactions", [0, 1], players="each", evaluations=2000)
    matrix = decode_array(sampled.details["interactions"], "interactions")
    assert matrix.shape == (36, 36, 2)
    assert sampled.details["interaction_errors"] is None  # a single sweep fits
    assert sampled.evaluations == 2 + 36 * 35


@pytest.mark.parametrize("name", ["exact", "permutation"])
def test_pixels_that_the_mask_does_not_change_cost_nothing_and_get_zero(name):
    image = np.zeros((SIDE, SIDE), dtype=np.uint8)
    image.flat[[3, 8, 20]] = 200
    found = explain(subject_of(), image, name, [0], mask="zero", **_small(name))
    assert np.flatnonzero(found.values).tolist() == [3, 8, 20]
    assert found.evaluations <= 14
    assert found.standard_errors[0] == 0


def _small(name):
    return {"evaluations": 14} if name == "permutation" else {}


@pytest.mark.parametrize("name", ["exact", "permutation"])
def test_an_image_that_equals_its_mask_is_worth_nothing(name):
    image = np.zeros((SIDE, SIDE), dtype=np.uint8)
    found = explain(subject_of(), image, name, [0, 1], mask="zero")
    assert (found.values == 0).all()
    assert (found.base_values == found.full_values).all()


@pytest.mark.parametrize("name", ["partition", "permutation"])
def test_the_seed_decides(name, image):
    subject = subject_of()
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    first = explain(subject, image, name, seed=5, evaluations=200)
    assert (np.random.get_state()[1] == before).all()
    np.random.seed(2)
    assert (first.values == explain(subject, image, name, seed=5, evaluations=200).values).all()


@pytest.mark.parametrize("name", ALL)
def test_stimuli_that_share_batches_get_the_same_values(name, image):
    """To what float32 is sure of."""
    subject = subject_of()
    images = [image, image[::-1].copy(), image.T.copy()]
    grouped = {"players": "patches", "size": 2, "mask": "zero"}
    alone = [explain(subject, each, name, **grouped) for each in images]
    together = list(drive_all(play(subject, each, name, **grouped) for each in images))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one.values, other.values, atol=1e-5)
        assert one.evaluations == other.evaluations


def test_the_budget_is_kept(image):
    subject = subject_of()
    for evaluations in (4, 50, 151, 200):
        found = explain(subject, image, "partition", evaluations=evaluations)
        assert found.evaluations <= evaluations + 1
        assert found.details["stopped"] == "evaluations"
    found = explain(subject, image, "permutation", evaluations=200)
    assert found.evaluations == 2 + 2 * 70
    assert METHODS["permutation"].least(36) == 72
    with pytest.raises(MethodError, match="at least 72"):
        explain(subject, image, "permutation", evaluations=71)


def test_the_tolerance_is_kept(image):
    subject = subject_of()
    grouped = {"players": "patches", "size": 2, "evaluations": 10**6}
    found = explain(subject, image, "permutation", tolerance=0.2, **grouped)
    assert found.details["stopped"] == "tolerance"
    assert found.evaluations < 10**5


def test_the_fewest_evaluations_that_are_announced_suffice(image):
    subject = subject_of()
    for name in ("permutation", "interactions"):
        for size, players in ((3, 4), (2, 9), (1, 36)):
            least = METHODS[name].least(players)
            given = {"players": "patches", "size": size, "evaluations": least}
            assert explain(subject, image, name, **given).evaluations == least


@pytest.mark.parametrize(
    ("mask", "name"),
    [
        ("default", "log-probability; masked pixels set to 0.2 (training mean)"),
        ("mean", "log-probability; masked pixels set to 0.2 (training mean)"),
        ("zero", "log-probability; masked pixels set to 0"),
        (0.25, "log-probability; masked pixels set to 0.25"),
    ],
)
def test_the_value_function_says_what_masking_means(image, mask, name):
    subject = subject_of()
    found = explain(subject, image, "partition", [0, 1, 2], mask=mask, evaluations=50)
    assert found.value_function == name
    value = {"default": 0.2, "mean": 0.2, "zero": 0.0}.get(mask, mask)
    blank = np.full((1, SIDE, SIDE), value)
    expected = subject.model.log_probabilities(blank)[0].detach().numpy()
    np.testing.assert_allclose(found.base_values, expected, atol=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_a_model_that_gives_nan_is_refused(name, image):
    subject = subject_of()
    stimulus = subject.stimulus(image)
    subject.network.decoder.bias.data.fill_(float("nan"))
    method = METHODS[name]
    given = method.complete({"players": "patches", "size": 3})
    with pytest.raises(MethodError, match="NaN or infinite"):
        drive(method.function(subject, stimulus, [0], given, 0))


def test_too_many_players_are_told_what_to_do(image):
    subject = subject_of()
    with pytest.raises(MethodError, match=r"36 players take .* or use permutation"):
        explain(subject, image, "exact")
    with pytest.raises(MethodError, match=r"36 players take 1,.* or use partition"):
        explain(subject, image, "owen", most_evaluations=500)


def test_masks_are_pixels_in_the_image(image):
    """A coalition shows its pixels of the image, the rest is the mask."""
    subject = subject_of()
    stimulus = subject.stimulus(image)
    mask = subject.mask(stimulus, 0.5)
    game = subject.game(stimulus, [0, 1, 2], subject.players(stimulus), mask)
    playing = torch.zeros(1, 36, dtype=torch.bool)
    playing[0, :7] = True
    shown = np.full(36, 0.5)
    shown[:7] = image.reshape(-1)[:7] / 255
    shown = shown.reshape(1, SIDE, SIDE)
    expected = subject.model.log_probabilities(shown).detach().numpy()
    np.testing.assert_allclose(game(playing), expected, atol=1e-6)
