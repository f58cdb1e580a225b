"""The study works without JavaScript, without cookies, without a mouse, enlarged, unmoving."""

import json
from io import BytesIO
from pathlib import Path
from random import Random

import pytest
from conftest import NewPage, NewVisitor
from installation import Site
from PIL import Image, ImageChops
from playwright.sync_api import Browser, Page, expect
from visitor import Visitor, arguments, chromium, follow

pytestmark = pytest.mark.browser


def test_without_javascript(site: Site, new_visitor: NewVisitor) -> None:
    visitor = new_visitor(site, java_script_enabled=False)
    visitor.walk_to("bare")
    visitor.send()
    assert "Please check" in visitor.page.title()
    follow(visitor.page.get_by_role("link", name="I would rely on this answer."))
    assert visitor.page.url.endswith("#item-trust-1")
    assert visitor.finish() == "DEMO-DONE"
    assert site.stored(visitor.token) == visitor.given


def test_without_cookies(site: Site, browser: Browser, tmp_path: Path) -> None:
    profile = tmp_path / "Default"
    profile.mkdir()
    blocked = {"profile": {"default_content_setting_values": {"cookies": 2}}}
    (profile / "Preferences").write_text(json.dumps(blocked))
    context = browser.browser_type.launch_persistent_context(
        tmp_path, executable_path=chromium(), args=arguments()
    )
    visitor = Visitor(context.new_page(), Random(0))
    visitor.begin(site.study)
    assert context.cookies() == []
    assert visitor.finish() == "DEMO-DONE"
    assert site.stored(visitor.token) == visitor.given
    context.close()


def test_keyboard_alone(site: Site, new_page: NewPage) -> None:
    page = new_page(site)
    page.goto(site.study)
    _press(page, "Tab")
    assert _focused(page) == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    _press(page, "Tab")
    assert _focused(page) == "I agree and take part"
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="How it works")).to_be_visible()
    _tab_to(page, "Continue")
    page.keyboard.press("Enter")
    expect(page.locator(".stimulus")).to_be_visible()
    _tab_to(page, "The same in numbers")
    page.keyboard.press("Enter")
    expect(page.get_by_role("table")).to_be_visible()
    _tab_to(page, "Continue")
    page.keyboard.press("Enter")

    expect(page.get_by_role("alert")).to_be_focused()
    _press(page, "Tab")
    assert _focused(page) == "I would rely on this answer."
    page.keyboard.press("Enter")
    page.keyboard.press("Space")
    expect(page.get_by_role("radio", name="1", exact=False).first).to_be_checked()
    _press(page, "ArrowRight")
    _press(page, "ArrowDown")
    expect(page.get_by_role("radio", name="3")).to_be_checked()
    visitor = Visitor(page, Random(0))
    position = visitor.position
    _tab_to(page, "Continue")
    page.keyboard.press("Enter")
    expect(page.locator("#where")).to_contain_text("page 3 of")
    assert site.stored(visitor.token) == {(position, "trust"): 3.0}


def test_keyboard_alone_in_a_questionnaire(site: Site, visitor: Visitor) -> None:
    visitor.walk_to("questions")
    page, position, before = visitor.page, visitor.position, dict(visitor.given)
    _tab_to(page, "I looked at it every time")
    page.keyboard.press("ArrowDown")
    _press(page, "Tab")
    page.keyboard.press("Space")
    _press(page, "Tab")
    page.keyboard.type("2,5")
    _press(page, "Tab")
    page.keyboard.type("one\ntwo")
    _press(page, "Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="What this study is about")).to_be_visible()
    answers = {"used": "unsure", "noticed": 1.0, "experience": 2.5, "comment": "one\ntwo"}
    assert site.stored(visitor.token) == before | {
        (position, item): value for item, value in answers.items()
    }


def test_enlarged_twice(site: Site, new_visitor: NewVisitor) -> None:
    """A window of 1280 px at 200 % is one of 640 px with two screen pixels for each."""
    screen = {"width": 640, "height": 400}
    visitor = new_visitor(site, viewport=screen, device_scale_factor=2)
    visitor.walk_to("explained")
    page = visitor.page
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 640
    left, right = (figure.bounding_box() for figure in page.locator("figure").all())
    assert left is not None
    assert right is not None
    assert left["y"] == right["y"]
    assert left["width"] == right["width"] >= 280
    points = [label.bounding_box() for label in page.locator(".point").all()]
    assert all(box is not None and box["x"] + box["width"] <= 640 for box in points)


def test_without_colours_of_our_own(site: Site, new_visitor: NewVisitor) -> None:
    """High contrast replaces colours and drops backgrounds; what is chosen must still be seen."""
    visitor = new_visitor(site, forced_colors="active")
    visitor.walk_to("bare")
    first = visitor.page.locator(".point").first
    before = first.screenshot()
    first.get_by_role("radio").check()
    visitor.page.mouse.move(0, 0)
    visitor.page.evaluate("document.activeElement.blur()")
    assert _changed_pixels(before, first.screenshot()) > 50


def test_without_motion(site: Site, new_visitor: NewVisitor) -> None:
    visitor = new_visitor(site, reduced_motion="reduce")
    visitor.walk_to("explained")
    moving = visitor.page.evaluate(
        "[...document.querySelectorAll('*')].filter(each => {"
        "  const style = getComputedStyle(each);"
        "  return parseFloat(style.transitionDuration) || style.animationName !== 'none';"
        "}).length"
    )
    assert moving == 0


def _changed_pixels(before: bytes, after: bytes) -> int:
    """How many pixels of two pictures of the same size differ clearly."""
    one, other = (Image.open(BytesIO(each)).convert("L") for each in (before, after))
    return sum(ImageChops.difference(one, other).histogram()[64:])


def _press(page: Page, key: str) -> None:
    """Press a key that moves the focus; it must be seen where it went."""
    page.keyboard.press(key)
    seen = page.evaluate(
        "(() => {"
        "  const focused = document.activeElement;"
        "  const style = getComputedStyle(focused.closest('.point') ?? focused);"
        "  return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;"
        "})()"
    )
    assert seen, f"no outline around {_focused(page)!r}"


def _tab_to(page: Page, words: str) -> None:
    for _ in range(20):
        _press(page, "Tab")
        if _focused(page) == words:
            return
    raise AssertionError(f"Tab does not lead to {words!r}")


def _focused(page: Page) -> str:
    """The words of what has the focus; a radio button's are its label's."""
    return str(
        page.evaluate(
            "(document.activeElement.closest('label') ?? document.activeElement).innerText"
        )
    )
