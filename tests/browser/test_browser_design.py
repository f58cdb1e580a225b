"""Checks, clocks and breaks in a browser: all can use them, and time does what the page says."""

from collections.abc import Iterator

import pytest
from conftest import NewPage
from installation import Site, served
from playwright.sync_api import Page, expect
from test_browser_access import expect_usable
from visitor import follow

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A served installation with a check, a clock of 10 minutes, one of 3 s, and a break."""
    yield from served(tmp_path_factory.mktemp("design"), "design_installation.py")


def enter(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/s/small")
    follow(page.get_by_role("button", name="I agree and take part"))


def look(page: Page) -> None:
    """Look at the instructions for as long as they are to be looked at."""
    button = page.get_by_role("button", name="Continue")
    expect(button).to_have_attribute("aria-disabled", "true")
    here = page.url
    button.dispatch_event("click")
    assert page.url == here
    expect(button).to_have_attribute("aria-disabled", "false")
    follow(button)


def proceed(page: Page, *choices: str) -> None:
    for choice in choices:
        page.get_by_role("radio", name=choice).check()
    follow(page.get_by_role("button", name="Continue"))


def test_every_page_can_be_used_and_the_clock_sends_what_was_answered(
    site: Site, new_page: NewPage
) -> None:
    page = new_page(site)
    enter(site, page)
    expect_usable(page)
    look(page)
    expect_usable(page)
    proceed(page, "Every time")
    expect(page.get_by_text("Some answers were not right")).to_be_visible()
    expect_usable(page)
    look(page)
    proceed(page, "Never")
    clock = page.get_by_role("timer")
    expect(clock).to_contain_text("Time left: 9:5")
    expect_usable(page)
    proceed(page, "4")
    expect(page.get_by_role("heading", name="Time for a break")).to_be_visible()
    expect_usable(page)
    proceed(page)
    proceed(page, "4")
    page.get_by_role("radio", name="Yes").check()
    # Nobody presses anything: the page is sent when its three seconds are over.
    expect(page.locator("#code")).to_have_text("CODE-DONE", timeout=15_000)
    found = site.database().execute("SELECT number FROM response WHERE item_id = 'sure'").fetchall()
    assert found == [(1.0,)]


def test_the_end_after_a_failed_check_can_be_used(site: Site, new_page: NewPage) -> None:
    page = new_page(site)
    enter(site, page)
    for _ in range(2):
        look(page)
        proceed(page, "Every time")
    expect(page.get_by_text("CODE-OUT")).to_be_visible()
    expect_usable(page)
