"""Large pictures stand beside the page, at an address that is their content's digest."""

import re
from dataclasses import replace
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
from flask import Flask
from lab import LABELS, Laboratory, explanation, stimulus

from explainer.artifact import Run
from webapp import displays
from webapp.displays import pictures

SIDE = 96


@pytest.fixture
def large(lab: Laboratory) -> tuple[str, str]:
    """A photograph of noise, with an explanation of every pixel for every label."""
    random = np.random.default_rng(0)
    photo = random.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    of = replace(stimulus(0, right=True), content=photo)
    digest = lab.store.write(of)
    values = random.normal(size=(SIDE * SIDE, len(LABELS))).astype(np.float32)
    found = replace(
        explanation(of, digest, 1),
        players=tuple((pixel,) for pixel in range(SIDE * SIDE)),
        outputs=LABELS,
        values=values,
        base_values=values[0],
        full_values=values[0],
    )
    return digest, lab.store.write_result(found, Run(0.0, 0, "cpu", {}))


def drawn(app: Flask, lab: Laboratory, of: tuple[str, str], **how: Any) -> str:
    with app.test_request_context():
        how = {"part": "explained", "tag": "", **how}
        return str(displays.draw(lab.store.root, *of, **how))


def test_a_large_picture_is_fetched_once_and_kept_for_good(
    app: Flask, lab: Laboratory, large: tuple[str, str]
) -> None:
    html = drawn(app, lab, large)
    assert "data:image" not in html
    addresses = re.findall(r'href="(/pictures/([0-9a-f]{64})\.png)"', html)
    # The picture under each of four maps, and the maps.
    assert len(addresses) == 8
    assert len(set(addresses)) == 1 + 4
    client = app.test_client()
    for address, digest in set(addresses):
        answer = client.get(address, buffered=True)
        assert (answer.status_code, answer.mimetype) == (200, "image/png")
        assert sha256(answer.data).hexdigest() == digest
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert "Set-Cookie" not in answer.headers
        known = {"If-None-Match": answer.headers["ETag"]}
        again = client.get(address, headers=known, buffered=True)
        assert (again.status_code, again.data) == (304, b"")
        assert "immutable" in again.headers["Cache-Control"]


def test_its_address_tells_nothing_of_what_it_shows(
    app: Flask, lab: Laboratory, large: tuple[str, str]
) -> None:
    html = drawn(app, lab, large)
    assert not any(digest in html for digest in large)


def test_a_page_that_stands_alone_has_all_in_it(
    app: Flask, lab: Laboratory, large: tuple[str, str]
) -> None:
    html = drawn(app, lab, large, alone=True)
    assert "/pictures/" not in html
    assert html.count('href="data:image/png') == 8


def test_a_small_picture_is_part_of_the_page(app: Flask, lab: Laboratory) -> None:
    of = stimulus(0, right=True)
    digest = lab.store.write(of)
    found = lab.store.write_result(explanation(of, digest, 1), Run(0.0, 0, "cpu", {}))
    html = drawn(app, lab, (digest, found))
    assert "/pictures/" not in html
    assert all(
        len(each) <= pictures.LARGEST_INSIDE for each in re.findall(r'href="(data:[^"]+)"', html)
    )


@pytest.mark.parametrize("name", ["0" * 64, "..%2f..%2fsecret", "0" * 63, "A" * 64])
def test_other_addresses_are_no_pictures(app: Flask, lab: Laboratory, name: str) -> None:
    answer = app.test_client().get(f"/pictures/{name}.png", buffered=True)
    assert answer.status_code == 404
    assert answer.headers["Cache-Control"] == "no-store"
