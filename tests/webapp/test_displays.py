"""What counted is drawn where it counted, the same every time, and nothing gives a control away."""

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from browsing import Page
from flask import Flask
from lab import LABELS, Laboratory, explanation, stimulus
from PIL import Image

from explainer.artifact import ArtifactError, Explanation, Run, Stimulus
from webapp import config, displays
from webapp.displays.image import AGAINST, FOR, pixel_values, project


def pixels(data_uri: str) -> np.ndarray:
    """The picture in a data URI."""
    kind, _, data = data_uri.partition(",")
    assert kind == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def digit() -> Stimulus:
    return stimulus(0, right=True)


def pixelwise(of: Stimulus, values: np.ndarray) -> Explanation:
    """An explanation whose players are single pixels, in a shuffled order."""
    order = np.random.default_rng(3).permutation(784)
    return replace(
        explanation(of, "0" * 64, 1),
        players=tuple((int(pixel),) for pixel in order),
        values=values.ravel()[order, None].astype(np.float32),
    )


def test_the_picture_is_the_stimulus_dark_on_white() -> None:
    shown = digit()
    projection = project(shown, None)
    assert np.array_equal(pixels(projection.picture), 255 - shown.content)
    assert (projection.width, projection.height) == (28, 28)
    assert (projection.heat, projection.hatching) == (None, "")


def test_values_land_on_their_own_pixels() -> None:
    values = np.arange(784.0).reshape(28, 28)
    np.testing.assert_array_equal(pixel_values(pixelwise(digit(), values), digit()), values)


def test_a_player_of_many_pixels_gives_each_an_equal_part() -> None:
    found = explanation(digit(), "0" * 64, 1)
    spread = pixel_values(found, digit())
    for player, value in zip(found.players, found.values[:, 0], strict=True):
        np.testing.assert_allclose(spread.ravel()[list(player)], value / 16)
    assert spread.sum() == pytest.approx(float(found.values.sum()), abs=1e-5)


def test_a_picture_that_is_not_square_keeps_its_shape() -> None:
    shown = replace(digit(), content=np.arange(200, dtype=np.uint8).reshape(10, 20))
    values = np.random.default_rng(0).normal(size=(10, 20))
    found = replace(
        explanation(shown, "0" * 64, 1),
        players=tuple((pixel,) for pixel in range(200)),
        values=values.reshape(-1, 1).astype(np.float32),
    )
    projection = project(shown, found)
    assert projection.heat is not None
    assert pixels(projection.heat).shape == (10, 20, 4)
    np.testing.assert_allclose(pixel_values(found, shown), values, rtol=1e-6)


def test_of_all_labels_the_predicted_one_is_drawn() -> None:
    shown = digit()
    values = np.random.default_rng(0).normal(size=(784, 10))
    every = replace(
        pixelwise(shown, values[:, 0]),
        players=tuple((pixel,) for pixel in range(784)),
        outputs=LABELS,
        values=values.astype(np.float32),
    )
    column = LABELS.index(shown.predicted)
    expected = values[:, column].reshape(28, 28)
    np.testing.assert_allclose(pixel_values(every, shown), expected, rtol=1e-6)


def test_colours_say_the_sign_and_opacity_the_strength() -> None:
    values = np.zeros((28, 28))
    values[2, 3], values[20, 25], values[5, 5] = 1.0, -1.0, 0.5
    projection = project(digit(), pixelwise(digit(), values))
    assert projection.heat is not None
    heat = pixels(projection.heat)
    assert tuple(heat[2, 3]) == (*FOR, 255)
    assert tuple(heat[20, 25]) == (*AGAINST, 255)
    assert tuple(heat[5, 5]) == (*FOR, 128)
    assert heat[..., 3].sum() == 255 + 255 + 128


def test_only_what_counted_against_is_hatched() -> None:
    values = np.zeros((28, 28))
    values[2, 3], values[20, 25], values[5, 5] = 1.0, -1.0, -0.1
    assert project(digit(), pixelwise(digit(), values)).hatching == "M25 20h1v1h-1z"
    values[20, 24], values[20, 27], values[21, 0] = -1.0, -1.0, -1.0
    found = project(digit(), pixelwise(digit(), values)).hatching
    assert found == "M24 20h2v1h-2zM27 20h1v1h-1zM0 21h1v1h-1z"


def test_a_few_strong_pixels_do_not_hide_the_rest() -> None:
    values = np.full((28, 28), 0.1)
    values[0, 0] = 1000.0
    heat = project(digit(), pixelwise(digit(), values)).heat
    assert heat is not None
    assert (pixels(heat)[..., 3] == 255).all()


def test_an_explanation_of_nothing_is_drawn_as_nothing() -> None:
    projection = project(digit(), pixelwise(digit(), np.zeros((28, 28))))
    assert projection.heat is not None
    assert pixels(projection.heat)[..., 3].max() == 0
    assert {region.share for row in projection.rows for region in row} == {0}


def test_the_numbers_say_the_same_as_the_picture() -> None:
    values = np.zeros((28, 28))
    values[0:7, 0:7], values[21:28, 21:28] = 3 / 49, -1 / 49
    shown = replace(digit(), content=np.full((28, 28), 255, np.uint8))
    rows = project(shown, pixelwise(shown, values)).rows
    assert [[region.share for region in row] for row in rows] == [
        [75, 0, 0, 0],
        [0, 0, 0, 0],
        [0, 0, 0, 0],
        [0, 0, 0, -25],
    ]
    assert {region.ink for row in rows for region in row} == {100}
    assert {region.share for row in project(shown, None).rows for region in row} == {None}


def rendered(app: Flask, lab: Laboratory, name: str, place: int = 0, *, truth: bool = False) -> str:
    _, made = lab.ready
    of = made.stimuli["digits"][place]
    shown = made.explanations[name][of] if name != "none" else None
    with app.test_request_context():
        return str(displays.render(config.artifacts(app), of, shown, truth=truth, language="en")[0])


def test_the_same_artifacts_render_to_the_same_bytes(app: Flask, lab: Laboratory) -> None:
    lab.prepare(lab.load())
    of = lab.ready[1].stimuli["digits"][0]
    with app.test_request_context():
        first = displays.render(lab.store.root, of, None, truth=False, language="en")
        displays._shown.cache_clear()
        assert displays.render(lab.store.root, of, None, truth=False, language="en") == first


def test_a_real_and_a_mismatched_explanation_look_alike(app: Flask, lab: Laboratory) -> None:
    """Only pixels, hatching and numbers of the regions may differ."""
    lab.prepare(lab.load())

    def outline(html: str) -> str:
        html = re.sub(r"data:image/png;base64,[\w+/=]+", "PNG", html)
        html = re.sub(r'd="(M\d+ \d+h\d+v1h-\d+z)+"', "HATCHING", html)
        return re.sub(r"ink \d+; [+-]\d+ %", "REGION", html)

    for place in range(6):
        real, control = (rendered(app, lab, name, place) for name in ("shap", "mismatched"))
        assert real != control
        assert outline(real) == outline(control)
        assert "REGION" in outline(real)
        assert outline(real).count("PNG") == 3


def test_no_page_says_truth_method_or_digest(app: Flask, lab: Laboratory) -> None:
    lab.prepare(lab.load())
    made = lab.ready[1]
    digests = [
        *made.stimuli["digits"],
        *(d for e in made.explanations.values() for d in e.values()),
    ]
    for name in ("none", "shap", "mismatched"):
        for place in range(6):
            html = rendered(app, lab, name, place).lower()
            text = re.sub(r"data:image/png;base64,[\w+/=]+", "", html)
            for word in ("shap", "mismatch", "control", "partition", "truth", "right answer",
                         "condition", "checkpoint", "probab", "placebo", "real"):  # fmt: skip
                assert word not in text, (name, word)
            assert not any(digest[:8] in text for digest in digests)


def test_the_truth_is_shown_where_the_study_says_so(app: Flask, lab: Laboratory) -> None:
    lab.prepare(lab.load())
    wrong = 5
    shown = lab.store.read_stimulus(lab.ready[1].stimuli["digits"][wrong])
    assert shown.truth != shown.predicted
    text = Page(rendered(app, lab, "shap", wrong, truth=True)).text
    assert f"The model's answer: {shown.predicted} . The right answer: {shown.truth}" in text
    text = Page(rendered(app, lab, "shap", wrong)).text
    assert f"The model's answer: {shown.predicted}" in text
    assert "right answer" not in text


def test_labels_cannot_bring_markup_into_the_page(app: Flask, lab: Laboratory) -> None:
    label = "<img src=x onerror=alert(1)>"
    shown = replace(digit(), labels=(label, *LABELS[1:]))
    shown = replace(shown, log_probabilities=np.log(np.r_[0.91, np.full(9, 0.01)]).astype("f4"))
    of = lab.store.write(shown)
    with app.test_request_context():
        html = displays.render(lab.store.root, of, None, truth=True, language="en")[0]
    assert "<img" not in html
    assert "&lt;img src=x" in html


def test_a_missing_artifact_is_an_error_that_names_it(app: Flask, lab: Laboratory) -> None:
    with app.test_request_context(), pytest.raises(ArtifactError, match="no such artifact"):
        displays.render(lab.store.root, "0" * 64, None, truth=False, language="en")


def test_words_stand_where_a_map_would(app: Flask, lab: Laboratory) -> None:
    """In the participant's language, as text, and without a map or a legend."""
    shown = digit()
    of = lab.store.write(shown)
    real = explanation(shown, of, 1)
    said = {"en": "It saw <it> all.", "de": "Es sah alles."}
    job = replace(real.job, method="placebic", parameters={"of": "0" * 64, "words": said})
    run = Run(0.0, 0, "cpu", {})
    empty = replace(real, job=job, values=0 * real.values, completeness_gap=None)
    words = lab.store.write_result(empty, run)
    with app.test_request_context():
        pages = {
            language: displays.render(lab.store.root, of, words, truth=False, language=language)[0]
            for language in ("en", "de", "fr")
        }
        bare = displays.render(lab.store.root, of, None, truth=False, language="en")[0]
    assert "It saw &lt;it&gt; all." in pages["en"] == pages["fr"]
    assert "Es sah alles." in pages["de"]
    assert pages["en"].startswith(bare)
    assert "What counted" not in pages["en"]
