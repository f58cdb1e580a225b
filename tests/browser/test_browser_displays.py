"""Every display in a browser: looked at closer by mouse, keys and without scripts; axe; narrow."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import render_template_string
from playwright.sync_api import Browser, Page, Route, expect
from visitor import Watch

from explainer.artifact import (
    Continuation,
    Explanation,
    Forecast,
    Job,
    Measures,
    Run,
    Stimulus,
    Store,
)
from explainer.methods.senn import packed
from webapp import create_app, displays
from webapp.displays import Manner

pytestmark = pytest.mark.browser
HOST = "displays.test"
PAGE = """{% extends "base.html" %}{% block title %}Displays{% endblock %}{% block head %}
<link rel="stylesheet" href="/static/displays.css">
<script type="module" src="/static/displays.js"></script>{% endblock %}
{% block main %}<h1>Displays</h1><form>{{ html }}</form>{% endblock %}"""
TEXT = "After the long winter, the army crossed the river"
TOKENS = (" and", " burn", "ed", " the", " bridge")
NONE = np.zeros(0, np.float32)
Served = dict[str, tuple[int, bytes, str]]


def stimuli() -> dict[str, Stimulus]:
    """One of each kind; what a model wrote, too."""
    likely = np.log(np.array([0.1, 0.6, 0.3], np.float32))
    digit = np.zeros((28, 28), np.uint8)
    digit[4:24, 12:16] = 255
    told = np.linspace(110, 114, 6, dtype=np.float32)
    of: dict[str, Any] = {"truth": None, "checkpoint_digest": "0" * 64, "source": {}}
    text = np.frombuffer(TEXT.encode(), np.uint8)
    ones = np.ones(len(TOKENS), np.float32)
    past = 100 + np.sin(np.arange(40, dtype=np.float32))[:, None]
    labels = ("one", "seven", "four")
    image = Stimulus("image", digit, labels=labels, log_probabilities=likely, **of)
    return {
        "image": image,
        "ideas": image,
        "text": Stimulus("text", text, labels=labels, log_probabilities=likely, **of),
        "written": Stimulus(
            "text",
            text,
            labels=(),
            log_probabilities=NONE,
            continuation=Continuation(TOKENS, -ones, ones),
            **of,
        ),
        "series": Stimulus(
            "series",
            past.astype(np.float32),
            labels=(),
            log_probabilities=NONE,
            forecast=Forecast(told, np.full(6, past[-1, 0], np.float32), None),
            **of,
        ),
    }


def explained(kind: str, of: Stimulus, digest: str) -> tuple[Explanation, dict[str, Any]]:
    """Made-up values that add up, and what the run found out."""
    details: dict[str, Any] = {}
    outputs = of.labels
    if kind == "image":
        players = tuple(tuple(map(int, part)) for part in np.array_split(np.arange(784), 49))
    elif kind == "ideas":
        players = ((),) * 9
        pictures = np.random.default_rng(1).integers(0, 256, (9, 4, 28, 28), np.uint8)
        details = {"prototypes": packed(pictures)}
    elif kind == "series":
        players, outputs = tuple((k, k + 5) for k in range(0, 40, 5)), ("mean",)
        details = {"surrogate": "mlp", "fidelity": {"r2": 0.83}}
    else:
        players = tuple(match.span() for match in re.finditer(r"\w+", TEXT))
        if kind == "written":
            outputs = (*(f"{k}: {token.strip()}" for k, token in enumerate(TOKENS, 1)), "sum")
    random = np.random.default_rng(3)
    values = random.normal(size=(len(players), len(outputs))).astype(np.float32)
    base = np.full(len(outputs), 111 if kind == "series" else -4, np.float32)
    unit = "logit; x" if kind == "ideas" else "log-probability; x"
    job = Job(digest, "0" * 64, kind, {}, 0)
    full = base + values.sum(0)
    made = Explanation(job, of.kind, players, outputs, unit, values, base, full, None, 0.0)
    return made, details


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """Each display as a page, and the files that pages ask for, by path."""
    # Flask ends a request in an event loop of its own, and playwright has one in this thread.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(serve, tmp_path_factory.mktemp("displays")).result()


def serve(folder: Path) -> Served:
    """Make explanations without a model, and draw them."""
    app, store = create_app(str(folder / "instance"), DATABASE_URL="sqlite://"), Store(folder)
    shares = [0.0, 0.5, 1.0]
    curve = {"shares": shares, "deletion": [-0.1, -3.0, -4.0], "insertion": [-4.0, -1.0, -0.1]}
    chance = {"shares": shares, "deletion": [-0.1, -1.0, -4.0], "insertion": [-4.0, -3.0, -0.1]}
    measured = Measures(curves={"removal": curve, "random_removal": chance})
    found: Served = {}
    for kind, of in stimuli().items():
        digest = store.write(of)
        explanation, details = explained(kind, of, digest)
        run = Run(0.0, 0, "cpu", {}, details)
        made = store.write_result(explanation, run)
        store.write_measures(made, measured)
        with app.test_request_context():
            how: dict[str, Any] = {"truth": False, "language": "en"}
            manner = Manner(sums=True, curves=True)
            html, _ = displays.render(folder, digest, made, manner=manner, **how)
            page = render_template_string(PAGE, html=html)
        found[f"/{kind}"] = 200, page.encode(), "text/html"
        for path in re.findall(r'(?:href|src)="(/[^"#]+)"', page):
            answer = app.test_client().get(path, buffered=True)
            found[path] = answer.status_code, answer.data, str(answer.content_type)
    assert {status for status, _, _ in found.values()} == {200}
    return found


@contextmanager
def opened(browser: Browser, served: Served, kind: str, **options: Any) -> Iterator[Page]:
    """A page in a browser context of its own, which asks no other host and complains of nothing."""
    context = browser.new_context(**options)
    context.set_default_timeout(10_000)

    def answer(route: Route) -> None:
        status, body, content = served[route.request.url.split(HOST, 1)[1]]
        route.fulfill(status=status, body=body, content_type=content)

    context.route(f"http://{HOST}/**", answer)
    watch = Watch(context, HOST)
    page = context.new_page()
    page.goto(f"http://{HOST}/{kind}")
    yield page
    context.close()
    assert (watch.foreign, watch.complaints) == ([], [])


@pytest.mark.parametrize("kind", stimuli())
def test_everyone_can_use_it(browser: Browser, served: Served, kind: str) -> None:
    """Unfolded whole: axe finds nothing, also in the dark, and nothing is cut off at 320 px."""
    with opened(browser, served, kind) as page:
        for details in page.locator("details").all():
            details.evaluate("details => details.open = true")
        for width, scheme in ((1280, "light"), (320, "dark")):
            page.set_viewport_size({"width": width, "height": 800})
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            overflow = page.evaluate("document.scrollingElement.scrollWidth - window.innerWidth")
            assert overflow <= 0, width
            results = Axe().run(page)
            assert results.violations_count == 0, results.generate_report()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_token_is_chosen_by_mouse_and_keys(
    browser: Browser, served: Served, scripts: bool
) -> None:
    with opened(browser, served, "written", java_script_enabled=scripts) as page:
        seen = page.locator(".of-chosen figcaption:visible")
        expect(seen).to_have_text("What the model read, and what counted for all that it wrote")
        page.locator(".chosen").filter(has_text="bridge").click()
        expect(seen).to_have_text(re.compile("what counted for.*bridge"))
        page.keyboard.press("ArrowLeft")
        expect(seen).to_have_text(re.compile("what counted for.*the$"))
        expect(page.locator(".of-chosen .reading:visible")).to_have_text(TEXT)
        # It stands above the tokens, and none of it would be sent.
        chosen, tokens = page.locator(".of-chosen:visible"), page.locator(".chosen").first
        assert chosen.bounding_box()["y"] < tokens.bounding_box()["y"]  # type: ignore[index]
        if scripts:
            assert page.evaluate("[...new FormData(document.querySelector('form'))]") == []


def test_colours_fade_over_the_picture(browser: Browser, served: Served) -> None:
    with opened(browser, served, "image") as page:
        control = page.get_by_label("Colours over the picture")
        opacity = (
            "['.colours', '.faint'].map("
            "name => getComputedStyle(document.querySelector(name)).opacity)"
        )
        assert page.evaluate(opacity) == ["1", "0.35"]
        control.focus()
        page.keyboard.press("Home")
        assert page.evaluate(opacity) == ["0", "1"]
        assert page.evaluate("[...new FormData(document.querySelector('form'))]") == []
    with opened(browser, served, "image", java_script_enabled=False) as page:
        expect(page.get_by_label("Colours over the picture")).to_be_hidden()
        expect(page.locator(".picture:visible")).to_have_count(2)


def test_a_series_is_looked_at_closer_by_buttons_and_keys(browser: Browser, served: Served) -> None:
    with opened(browser, served, "series") as page:
        said, window = page.locator(".zoom output"), page.locator(".window")
        whole = window.get_attribute("viewBox")
        expect(said).to_have_text("Steps 1 to 46 of 46")
        page.get_by_role("button", name="Closer").click()
        expect(said).to_have_text("Steps 13 to 35 of 46")
        # Steps 13 to 35 are from edge to edge.
        stretch = 640 / 45
        x, _, width, _ = map(float, (window.get_attribute("viewBox") or "").split())
        assert (x, width) == (pytest.approx(12 * stretch), pytest.approx(22 * stretch))
        page.keyboard.press("ArrowRight")
        expect(said).to_have_text("Steps 19 to 41 of 46")
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        expect(said).to_have_text("Steps 24 to 46 of 46")
        later = page.get_by_role("button", name="Later steps")
        expect(later).to_have_attribute("aria-disabled", "true")
        for _ in range(5):
            page.keyboard.press("+")
        expect(said).to_have_text(re.compile(r"Steps \d+ to \d+ of 46"))
        first, last = map(int, re.findall(r"\d+", said.inner_text())[:2])
        assert last - first + 1 == 5
        page.keyboard.press("0")
        expect(said).to_have_text("Steps 1 to 46 of 46")
        assert window.get_attribute("viewBox") == whole
    with opened(browser, served, "series", java_script_enabled=False) as page:
        expect(page.locator(".zoom")).to_be_hidden()
        expect(page.locator(".chart svg[role=img]")).to_be_visible()


def test_pages_are_light(served: Served) -> None:
    """A display is at most 60 kB with its pictures, which are part of it."""
    for kind in stimuli():
        assert len(served[f"/{kind}"][1]) < 60_000, kind
