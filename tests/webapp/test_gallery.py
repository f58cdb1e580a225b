"""A gallery says what was computed, and in the words of each kind how to read it."""

import re
from dataclasses import replace

import numpy as np
import pytest
from browsing import Page
from flask import Flask
from lab import explanation, stimulus

from explainer.artifact import Run, Store
from explainer.gallery import Cell, Row, Wall
from explainer.gallery.recipes import OF, PREFIX, catalogue
from explainer.methods.catalogue import METHODS
from webapp import gallery

PLAN = {"stimuli": {"digits": {"checkpoint": {"path": "/somewhere/mnist-s4d"}}}}
KINDS = {"image": (28, 28), "text": (90,), "prompt": (90,), "series": (84, 1)}


@pytest.fixture
def wall(tmp_path) -> tuple[Wall, Store]:
    """Two stimuli by two methods, of which one refuses everything, and the other one of them."""
    store = Store(tmp_path)
    shown = [stimulus(0, right=True), stimulus(1, right=False)]
    digests = tuple(store.write(each) for each in shown)
    run = Run(1.25, 1234, "cpu", {})
    found = replace(explanation(shown[0], digests[0], 1), completeness_gap=0.000013)
    errors = np.full_like(found.values, 0.1 * np.abs(found.values).max())
    one = store.write_result(replace(found, standard_errors=errors), run)
    rows = (
        row("partition", Cell(one, None), Cell(None, "too few players")),
        row("lrp", Cell(None, "no S4 layer"), Cell(None, "no S4 layer")),
    )
    return Wall("digits", "image", digests, rows), store


def row(method: str, *cells: Cell) -> Row:
    parameters = {"evaluations": 100, "output": "predicted"}
    return Row("a family", method, None, None, parameters, 7, METHODS[method].source, cells)


def test_what_a_run_took_stands_below_its_picture(app: Flask, wall: tuple[Wall, Store]) -> None:
    with app.test_request_context():
        html = gallery.page("small", PLAN, [wall[0]], wall[1])
    text = Page(html).text
    for said in (
        "checkpoint mnist-s4d",
        "1,234 evaluations, 1.25 s on cpu, completeness gap 0.000013",
        "Standard error: at most 10 % of the largest value",
        "Values are of: pixels replaced by the mean",
        "evaluations 100, output predicted, seed 7",
        METHODS["partition"].source,
        "Refused: too few players",
    ):
        assert said in text
    assert text.count("Refused: no S4 layer") == 1
    assert "The right answer" in text


def test_no_two_drawings_share_a_name(app: Flask, wall: tuple[Wall, Store]) -> None:
    with app.test_request_context():
        html = gallery.page("small", PLAN, [wall[0], wall[0]], wall[1])
    names = re.findall(r'\bid="([^"]+)"', html)
    assert len(names) == len(set(names))
    for pointed in re.findall(r"url\(#([^)]+)\)", html) + re.findall(r'labelledby="([^"]+)"', html):
        assert pointed in names


@pytest.mark.parametrize("kind", KINDS)
def test_the_catalogue_is_shown_with_parameters_that_it_takes(kind: str) -> None:
    wanted = catalogue(kind, KINDS[kind])
    assert {each["method"] for each in wanted.values()} == {
        name for name, method in METHODS.items() if kind in method.kinds
    }
    for entry in wanted.values():
        method = METHODS[entry["method"]]
        if method.control:
            assert entry["of"] == PREFIX + OF
        else:
            method.complete(entry["parameters"])
