"""Everyone can use every page: axe finds nothing, nothing is cut off, everything can be hit."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import NewPage, NewVisitor
from installation import EMAIL, PASSWORD, Site
from playwright.sync_api import Page
from visitor import Visitor, follow

pytestmark = pytest.mark.browser
AXE = Axe()
SMALLEST_TARGET = 44
TARGETS = ".btn, .point, summary, input.form-control, textarea"


def expect_usable(page: Page) -> None:
    """The page has no violation at 1280 and 360 px, no sideways scrolling, no small target."""
    where = page.title()
    for width in (1280, 360, 320):
        page.set_viewport_size({"width": width, "height": 800})
        if width != 320:
            results = AXE.run(page)
            assert results.violations_count == 0, f"{where}, {width}: {results.generate_report()}"
        overflow = page.evaluate("document.scrollingElement.scrollWidth - window.innerWidth")
        assert overflow <= 0, f"{where} is {overflow} px too wide at {width}"
        for target in page.locator(TARGETS).all():
            box = target.bounding_box()
            if box is not None:
                words = target.inner_text() or target.get_attribute("id")
                assert box["height"] >= SMALLEST_TARGET, f"{where}, {width}: {words} {box}"
                assert box["width"] >= SMALLEST_TARGET, f"{where}, {width}: {words} {box}"


def test_landing_and_instructions(site: Site, new_page: NewPage, new_visitor: NewVisitor) -> None:
    page = new_page(site)
    page.goto(site.study)
    expect_usable(page)
    expect_usable(new_visitor(site).page)


@pytest.mark.parametrize("kind", ["bare", "explained"])
def test_trials(kind: str, visitor: Visitor) -> None:
    visitor.walk_to(kind)
    visitor.page.locator("summary").click()
    expect_usable(visitor.page)
    visitor.send()
    assert visitor.page.title().startswith("Please check")
    expect_usable(visitor.page)


def test_questionnaires_and_the_end(visitor: Visitor) -> None:
    for kind in ("scale", "questions", "about"):
        visitor.walk_to(kind)
        expect_usable(visitor.page)
        visitor.send()
        assert visitor.page.title().startswith("Please check")
        expect_usable(visitor.page)
    visitor.finish()
    expect_usable(visitor.page)


def test_other_ways_in_and_out(site: Site, visitor: Visitor) -> None:
    page = visitor.page
    page.goto(site.study)
    assert page.get_by_text("Was it you?").is_visible()
    expect_usable(page)
    follow(page.get_by_role("button", name="I do not take part"))
    assert page.get_by_role("heading", name="Thank you for your time").is_visible()
    expect_usable(page)


@pytest.mark.parametrize(
    ("path", "heading"),
    [
        ("/s/closed", "This study is closed"),
        ("/s/nowhere", "Page not found"),
        ("/p/0123456789abcdef/", "Page not found"),
        ("/admin/studies/demo/open", "This address cannot be opened like that"),
        ("/", "Credence"),
    ],
)
def test_pages_beside_the_study(path: str, heading: str, site: Site, new_page: NewPage) -> None:
    page = new_page(site)
    page.goto(site.url + path)
    assert page.get_by_role("heading", level=1).inner_text() == heading
    expect_usable(page)


def test_withdrawing(site: Site, visitor: Visitor) -> None:
    visitor.walk_to("bare")
    follow(visitor.page.get_by_role("link", name="Withdraw from this study"))
    expect_usable(visitor.page)
    follow(visitor.page.get_by_role("link", name="No, go on where I stopped"))
    assert visitor.kind == "bare"
    follow(visitor.page.get_by_role("link", name="Withdraw from this study"))
    follow(visitor.page.get_by_role("button", name="Delete my answers and withdraw"))
    assert visitor.page.get_by_role("heading", name="You have withdrawn").is_visible()
    expect_usable(visitor.page)


def test_taking_part_twice(site: Site, new_page: NewPage) -> None:
    for first in (True, False):
        page = new_page(site)
        page.goto(f"{site.study}?PROLIFIC_PID=twice")
        follow(page.get_by_role("button", name="I agree and take part"))
        assert (page.get_by_role("heading", name="already").count() == 0) is first
    expect_usable(page)


def test_researchers_pages(site: Site, visitor: Visitor, new_page: NewPage) -> None:
    visitor.walk_to("scale")
    page = new_page(site)
    page.goto(f"{site.url}/admin/")
    expect_usable(page)
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill("not the password")
    follow(page.get_by_role("button", name="Log in"))
    assert page.get_by_role("alert").inner_text() == "The email or the password is wrong."
    expect_usable(page)
    page.get_by_label("Password").fill(PASSWORD)
    follow(page.get_by_role("button", name="Log in"))
    expect_usable(page)
    follow(page.get_by_role("link", name="Judging a digit reader"))
    expect_usable(page)
    links = page.locator("table a:has(code)").evaluate_all("links => links.map(a => a.href)")
    for link in links:  # others of this site went less far
        page.goto(link)
        if page.get_by_role("link", name="Step 3").count():
            break
    expect_usable(page)
    follow(page.get_by_role("link", name="Step 3"))
    assert page.get_by_text("Replay, read-only.").is_visible()
    assert page.get_by_role("button", name="Continue").is_disabled()
    expect_usable(page)
    page.goto(f"{site.url}/admin/studies/closed")
    expect_usable(page)
    page.goto(f"{site.url}/admin/studies/nowhere")
    expect_usable(page)
