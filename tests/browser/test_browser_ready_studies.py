"""Every page of every ready study can be used: narrow, enlarged, dark, still, by keyboard."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import NewPage, _serve
from installation import ROOT, Site
from playwright.sync_api import Locator, Page
from ready_installation import READY
from visitor import follow

pytestmark = pytest.mark.browser
AXE = Axe()
# 640 CSS pixels are a window of 1280 at 200 %, which axe reads no differently from a narrower one.
VIEWS = ((1280, "light"), (640, "dark"), (320, "dark"))
MOST_PAGES = 40
MOST_TABS = 60
# What moves although less motion is asked for: transitions, animations and smooth scrolling.
MOVING = """() => [...document.querySelectorAll("*")].filter((element) => {
  const { transitionDuration, animationName, scrollBehavior } = getComputedStyle(element);
  return parseFloat(transitionDuration) > 0 || animationName !== "none"
    || scrollBehavior === "smooth";
}).map((element) => element.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="session")
def ready_site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Site]:
    """A served installation of the ready studies; the first of several workers makes it for all."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "ready"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            making = folder.with_name("ready-making")
            making.mkdir()
            make = [sys.executable, str(Path(__file__).parent / "ready_installation.py")]
            done = subprocess.run(
                [*make, str(making)],
                cwd=ROOT,
                # Compiling shap's helpers takes 20 s and changes no digest.
                env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            making.rename(folder)
    yield from _serve(folder / "instance", tmp_path_factory.mktemp("ready") / "instance")


@pytest.fixture
def address(request: pytest.FixtureRequest, study: str) -> tuple[Site, str]:
    """Where a ready study is served."""
    site: Site = request.getfixturevalue("site" if study == "demo" else "ready_site")
    return site, f"{site.url}/s/{study}"


def expect_usable(page: Page) -> None:
    """No violation and no sideways scrolling in any view, and nothing moves."""
    for width, colours in VIEWS:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=colours, reduced_motion="reduce")
        where = f"{page.title()}, {width} px, {colours}"
        if width != 640:
            results = AXE.run(page)
            assert results.violations_count == 0, f"{where}: {results.generate_report()}"
        overflow = page.evaluate("document.scrollingElement.scrollWidth - window.innerWidth")
        assert overflow <= 0, f"{where}: {overflow} px too wide"
    assert page.evaluate(MOVING) == []


def fill(item: Locator) -> None:
    """Give an answer: the first choice, a number in the middle, or a word."""
    radios = item.get_by_role("radio")
    if radios.count():
        radios.first.check()
        return
    control = item.get_by_role("textbox")
    if control.get_attribute("inputmode") in ("decimal", "numeric"):
        low = float(control.get_attribute("data-min") or 0)
        high = float(control.get_attribute("data-max") or 100)
        control.fill(f"{(low + high) / 2:.0f}")
    else:
        control.fill("a word")


def look(page: Page) -> tuple[str, ...]:
    """What kind of page this is: what it shows and asks, which the same page of others does too."""
    shown = [page.locator(each).count() > 0 for each in (".stimulus", ".legend", ".said", ".truth")]
    headings = page.locator("h1, h2, .lead-in, legend, .item label:not(.point)").all_inner_texts()
    return (*map(str, shown), *headings)


@pytest.mark.parametrize("study", READY)
def test_every_page_of_a_ready_study(address: tuple[Site, str], new_page: NewPage) -> None:
    site, landing = address
    page = new_page(site, device_scale_factor=2)
    page.goto(landing)
    expect_usable(page)
    follow(page.get_by_role("button", name="I agree and take part"))
    seen = set()
    for _ in range(MOST_PAGES):
        kind = look(page)
        if kind not in seen:
            seen.add(kind)
            for details in page.locator("summary").all():
                details.click()
            expect_usable(page)
        if page.locator("#code").count():
            return
        for item in page.locator(".item").all():
            fill(item)
        follow(page.get_by_role("button", name="Continue"))
    raise AssertionError(f"{page.title()} is not the last page")


@pytest.mark.parametrize("study", ["demo"])
def test_a_whole_study_by_keyboard_alone(address: tuple[Site, str], new_page: NewPage) -> None:
    """Tab, space, letters and Enter lead to the code, and what has the focus is always visible."""
    site, landing = address
    page = new_page(site)
    page.goto(landing)
    press_on(page, "I agree and take part")
    for _ in range(MOST_PAGES):
        if page.locator("#code").count():
            return
        press_on(page, "Continue")
    raise AssertionError(f"{page.title()} is not the last page")


def press_on(page: Page, button: str) -> None:
    """Tab through the page, answering what is met, to a button, and press it."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        here = page.locator(":focus")
        kind = here.evaluate("e => e.type ?? e.localName")
        # The frame around a radio button's label is drawn for it.
        framed = here.evaluate(
            "e => getComputedStyle(e.closest('.point') ?? e).outlineStyle !== 'none'"
        )
        assert framed, f"{page.title()}: no sign of the focus on {here.inner_text() or kind}"
        if kind == "radio":
            page.keyboard.press("Space")
        elif kind in ("text", "textarea"):
            page.keyboard.type("3")
        elif here.inner_text() == button:
            with page.expect_navigation():
                page.keyboard.press("Enter")
            return
    raise AssertionError(f"{page.title()}: no {button} within {MOST_TABS} tabs")
