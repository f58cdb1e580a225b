"""Every task in a browser: all can use it, by mouse, keys or brush, and the answers arrive."""

import json
from collections.abc import Iterator

import pytest
from conftest import NewPage
from installation import Site, served
from playwright.sync_api import Page
from test_browser_access import expect_usable
from visitor import follow

pytestmark = pytest.mark.browser
PAGES = 15


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A served installation with a study of every task, one trial each."""
    yield from served(tmp_path_factory.mktemp("tasks"), "tasks_installation.py")


def answer(page: Page) -> None:
    """Answer whatever the page asks, as somebody in a hurry would."""
    for group in page.locator("fieldset[role=radiogroup]").all():
        group.get_by_role("radio").last.check()
    for box in page.locator("input[type=text]").all():
        box.fill("60")
    if page.locator("[data-marks]").count():
        page.locator(".unit").first.click()


def enter(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/s/tasks")
    follow(page.get_by_role("button", name="I agree and take part"))


def proceed(page: Page) -> None:
    follow(page.get_by_role("button", name="Continue"))


def test_every_page_of_every_task_can_be_used(site: Site, new_page: NewPage) -> None:
    page = new_page(site)
    enter(site, page)
    seen = 0
    while not page.locator("#code").count():
        expect_usable(page)
        answer(page)
        proceed(page)
        seen += 1
    assert seen == PAGES


def walk_to(page: Page, name: str) -> None:
    while not page.locator(f"[name=item-{name}]").count():
        answer(page)
        proceed(page)


def stored(site: Site, item: str) -> list[dict[str, list[int]]]:
    database = site.database()
    found = database.execute("SELECT json FROM response WHERE item_id = ?", (item,)).fetchall()
    database.close()
    return [json.loads(value) for (value,) in found]


def test_a_brush_marks_what_it_is_drawn_over(site: Site, new_page: NewPage) -> None:
    page = new_page(site, viewport={"width": 1280, "height": 900})
    enter(site, page)
    walk_to(page, "drawn-marks")
    before = stored(site, "drawn-marks")
    cells = page.locator(".patches .unit")
    cells.nth(0).hover()
    page.mouse.down()
    for number in (1, 2, 9):
        cells.nth(number).hover()
    page.mouse.up()
    # A click marks one more, and a click on what is marked takes it back.
    cells.nth(20).click()
    cells.nth(2).click()
    # Arrow keys walk over the picture, space marks.
    page.locator("[name=item-drawn-marks]").nth(20).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    proceed(page)
    (mask,) = [each for each in stored(site, "drawn-marks") if each not in before]
    assert mask["marked"] == [0, 1, 9, 20, 27]
    walk_to(page, "underlined-marks")
    words = page.locator(".marks-text .unit")
    words.nth(1).hover()
    page.mouse.down()
    words.nth(2).hover()
    page.mouse.up()
    proceed(page)
    assert {"marked": [1, 2]}.items() <= stored(site, "underlined-marks")[-1].items()
    walk_to(page, "spans-marks")
    page.locator(".stretch").nth(4).click()
    page.locator(".stretches .unit").first.click()
    proceed(page)
    assert stored(site, "spans-marks")[-1]["marked"] == [0, 4]


def test_marks_are_made_without_a_script(site: Site, new_page: NewPage) -> None:
    page = new_page(site, java_script_enabled=False)
    enter(site, page)
    walk_to(page, "drawn-marks")
    page.locator(".patches .unit").nth(3).click()
    page.locator(".patches .unit").nth(4).click()
    page.locator(".patches .unit").nth(4).click()
    proceed(page)
    assert stored(site, "drawn-marks")[-1]["marked"] == [3]
