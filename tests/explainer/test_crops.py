"""Random crops: resizing as torch does it, values by hand, and standard errors by repetition."""

import numpy as np
import pytest
import torch

from explainer.methods import MethodError
from explainer.methods.catalogue import method
from explainer.methods.crops import bounds, crop_game, crop_values, drawn, rectangles, resized
from explainer.shapley.game import Plain, drive
from explainer.subjects.image import ImageSubject
from tests.explainer.conftest import SIDE, tiny_model

SIDES = (0.3, 0.7)


@pytest.fixture(scope="module")
def subject():
    return ImageSubject(tiny_model(), "0" * 64)


@pytest.fixture(scope="module")
def stimulus(subject):
    image = np.random.default_rng(3).integers(0, 256, (SIDE, SIDE)).astype(np.uint8)
    return subject.stimulus(image)


def run(subject, stimulus, seed=0, outputs=(0, 2), **given):
    chosen = method("random_crops")
    return drive(chosen.function(subject, stimulus, outputs, chosen.complete(given), seed))


@pytest.mark.parametrize("channels", [(), (3,)])
def test_crops_are_resized_as_torch_resizes_them(channels):
    """torch's bilinear interpolate of the crop alone; 1e-12."""
    image = torch.rand(9, 14, *channels, dtype=torch.float64)
    boxes = drawn((9, 14), 40, SIDES, 0)
    ours = resized(image, boxes)
    for shown, (top, bottom, left, right) in zip(ours, boxes.tolist(), strict=True):
        crop = image[top:bottom, left:right].reshape(bottom - top, right - left, -1)
        theirs = torch.nn.functional.interpolate(
            crop.permute(2, 0, 1)[None], (9, 14), mode="bilinear", align_corners=False
        )
        torch.testing.assert_close(
            shown, theirs[0].permute(1, 2, 0).reshape(image.shape), atol=1e-12, rtol=0
        )


def test_the_whole_image_is_itself():
    image = torch.rand(7, 5, dtype=torch.float64)
    torch.testing.assert_close(
        resized(image, torch.tensor([[0, 7, 0, 5]]))[0], image, atol=1e-12, rtol=0
    )


def test_bounds_of_drawn_boxes():
    boxes = drawn((10, 20), 500, (0.2, 0.5), 1)
    shown = rectangles(boxes, (10, 20))
    assert (bounds(shown) == boxes).all()
    top, bottom, left, right = boxes.T
    assert ((bottom - top) * (right - left) == shown.sum((1, 2))).all()
    assert {2, 5} <= set((bottom - top).tolist()) <= {2, 3, 4, 5}
    assert top.min() == left.min() == 0
    assert (bottom.max(), right.max()) == (10, 20)


def test_values_are_means_over_the_crops_that_show_a_pixel():
    image = torch.rand(6, 6, dtype=torch.float64)
    brightness = Plain(lambda images: images.mean((1, 2))[:, None])
    boxes = drawn((6, 6), 700, SIDES, 4)
    found = drive(crop_values(crop_game(image, brightness), boxes, (6, 6)))
    scores = np.array([float(each.mean()) for each in resized(image, boxes)])
    for pixel, shown in enumerate(rectangles(boxes, (6, 6)).flatten(1).T.numpy()):
        expected = scores[shown].mean() - scores.mean()
        assert found.values[pixel, 0] == pytest.approx(expected, abs=1e-12)
        assert found.covered[pixel] == shown.sum()


def test_standard_errors_are_the_spread_over_draws():
    """200 draws of 400 crops; each pixel's stated error is within a quarter of the spread."""
    image = torch.rand(6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    scorer = Plain(lambda images: images[:, :3, :3].square().mean((1, 2))[:, None])
    game = crop_game(image, scorer)
    runs = [
        drive(crop_values(game, drawn((6, 6), 400, SIDES, seed), (6, 6))) for seed in range(200)
    ]
    spread = np.std([each.values for each in runs], axis=0)
    stated = np.sqrt(np.mean([np.square(each.standard_errors) for each in runs], axis=0))
    np.testing.assert_allclose(stated / spread, 1, atol=0.25)


def test_red_is_where_the_scorer_finds_what_it_looks_for():
    """A scorer of the most bright pixel finds the one bright spot of a dark image."""
    image = torch.zeros(12, 12, dtype=torch.float64)
    image[2:4, 8:10] = 1
    game = crop_game(image, Plain(lambda images: images.amax((1, 2))[:, None]))
    found = drive(crop_values(game, drawn((12, 12), 2000, SIDES, 0), (12, 12)))
    spot = (image == 1).flatten().numpy()
    assert found.values[spot].min() > found.values[~spot].max() - 1e-12
    assert found.values[spot].min() > 0 > found.values.min()


def test_a_classifier(subject, stimulus):
    found = run(subject, stimulus, evaluations=600)
    assert found.players == tuple((pixel,) for pixel in range(SIDE * SIDE))
    assert found.evaluations == 600
    np.testing.assert_allclose(found.full_values, stimulus.log_probabilities[[0, 2]], atol=1e-5)
    assert found.standard_errors.shape == found.values.shape == (SIDE * SIDE, 2)
    assert found.value_function.startswith("log-probability; random crops")
    assert not found.complete
    assert found.details["crops"] == 599


def test_the_seed_decides(subject, stimulus):
    first, again, other = (run(subject, stimulus, seed, evaluations=50) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.values, again.values)
    assert (first.values != other.values).any()


def test_a_pixel_that_no_crop_shows_has_nothing(subject, stimulus):
    found = run(subject, stimulus, evaluations=3, largest=0.3)
    hidden = found.details["uncovered_pixels"]
    assert hidden > 0
    assert ((found.values == 0) & (found.standard_errors == 0)).all(1).sum() >= hidden


def test_sides_the_wrong_way_round(subject, stimulus):
    with pytest.raises(MethodError, match=r"smallest: 0\.8 is above largest, 0\.7"):
        run(subject, stimulus, smallest=0.8)
