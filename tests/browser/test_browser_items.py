"""Every kind of item in a browser: all can use it, by mouse, keys, or without JavaScript."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import NewPage
from installation import ROOT, Site, served
from playwright.sync_api import Locator, Page, expect
from test_browser_access import expect_usable
from visitor import follow

sys.path.append(str(ROOT / "tests" / "webapp"))
from kinds import ANSWERS, ITEMS, STORED

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A served installation with a page of every kind of item."""
    yield from served(tmp_path_factory.mktemp("items"), "items_installation.py")


def enter(site: Site, page: Page) -> Page:
    page.goto(f"{site.url}/s/kinds")
    follow(page.get_by_role("button", name="I agree and take part"))
    return page


def send(page: Page) -> None:
    follow(page.get_by_role("button", name="Continue"))


def stored(site: Site, page: Page) -> dict[str, Any]:
    """The answers of who has just come to the last page, by item."""
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    database = site.database()
    try:
        found = database.execute(
            "SELECT item_id, number, text, json FROM response WHERE step_id ="
            " (SELECT max(step_id) FROM response) ORDER BY id"
        ).fetchall()
    finally:
        database.close()
    return {
        item: json.loads(listed) if listed else text if number is None else number
        for item, number, text, listed in found
    }


def control(page: Page, name: str) -> Locator:
    return page.locator(f'[name="{name}"]')


def radio(page: Page, name: str, value: str) -> Locator:
    return page.locator(f'[name="{name}"][value="{value}"]')


def answer_without_hands(page: Page) -> None:
    """Give every answer by the controls that the form sends, which need no script."""
    for name, value in ANSWERS.items():
        if isinstance(value, list):
            for each in value:
                radio(page, name, each).check()
        elif control(page, name).first.get_attribute("type") == "radio":
            radio(page, name, value).check()
        elif control(page, name).evaluate("each => each.tagName") == "SELECT":
            control(page, name).select_option(value)
        else:
            control(page, name).fill(value)


def order(page: Page) -> list[tuple[str, str]]:
    """The entries of the ranking from top to bottom, each with its place."""
    return [
        (each.locator("select").input_value(), each.locator(".words").inner_text())
        for each in page.locator(".entry").all()
    ]


def test_every_kind_can_be_used_empty_answered_and_with_messages(
    site: Site, new_page: NewPage
) -> None:
    page = enter(site, new_page(site))
    expect_usable(page)
    send(page)
    expect(page.get_by_role("alert")).to_be_focused()
    required = [name for name, item in ITEMS.items() if item.get("required", True)]
    assert page.locator(".wrong").count() == len(required)
    expect_usable(page)
    answer_without_hands(page)
    expect_usable(page)


def test_every_kind_is_answered_without_javascript(site: Site, new_page: NewPage) -> None:
    page = enter(site, new_page(site, java_script_enabled=False))
    assert not page.get_by_role("slider").count()
    assert not page.get_by_role("button", name="Move").count()
    control(page, "item-agree.one").nth(1).check()
    send(page)
    assert radio(page, "item-agree.one", "2").is_checked()
    follow(page.get_by_role("link", name="How far do you agree?"))
    assert page.url.endswith("#item-agree.two-1")
    answer_without_hands(page)
    send(page)
    assert stored(site, page) == STORED


def test_every_kind_is_answered_with_a_mouse(site: Site, new_page: NewPage) -> None:
    page = enter(site, new_page(site))
    answer_without_hands(page)
    control(page, "item-slider").fill("")
    line = page.get_by_role("slider", name="How mentally demanding was it?")
    box = line.bounding_box()
    assert box is not None
    line.click(position={"x": box["width"] * 0.85, "y": box["height"] / 2})
    chosen = float(control(page, "item-slider").input_value())
    assert 80 <= chosen <= 90
    page.get_by_role("button", name="Move down: The words").click()
    assert [words for _, words in order(page)][:2] == ["The coloured picture", "The words"]
    page.get_by_role("button", name="Move up: The words").click()
    send(page)
    assert stored(site, page) == STORED | {"slider": chosen}


def test_every_kind_is_answered_with_the_keyboard(site: Site, new_page: NewPage) -> None:
    page = enter(site, new_page(site))
    press = page.keyboard.press

    def to(part: str) -> None:
        """Press Tab until a control of this name or id has the focus."""
        for _ in range(40):
            press("Tab")
            here = page.evaluate("[document.activeElement.name, document.activeElement.id]")
            if part in here:
                return
        raise AssertionError(f"Tab does not lead to {part}")

    for name in ("item-rely", "item-felt", "item-odd", "item-first"):
        to(name)
        press("Space")
        press("ArrowRight")
    to("item-looked")
    press("Space")
    for _ in range(2):
        press("Tab")
    press("Space")
    to("item-order.heat")
    for _ in range(2):
        press("Tab")
    press("Enter")
    press("Enter")
    assert [words for _, words in order(page)][2] == "The coloured picture"
    expect(page.locator(".ranking [role=status]")).to_have_text(
        "The coloured picture: place 3 of 3"
    )
    for row in ("item-agree.one", "item-agree.two"):
        to(row)
        press("Space")
        press("ArrowRight")
    to("item-slider-line")
    press("Enter")
    press("ArrowRight")
    to("item-sure-line")
    press("End")
    to("item-since")
    page.keyboard.type("02282021")
    to("item-field")
    page.keyboard.type("Physics")
    to("item-comment")
    page.keyboard.type("None")
    send(page)
    found = stored(site, page)
    assert found == {
        "rely": 2.0,
        "felt": -2.0,
        "odd": 0.0,
        "first": "bars",
        "looked": ["heat", "words"],
        "order": ["bars", "words", "heat"],
        "agree.one": 2.0,
        "agree.two": 2.0,
        "slider": 55.0,
        "sure": 100.0,
        "years": None,
        "since": "2021-02-28",
        "field": "Physics",
        "comment": "None",
    }


def test_a_slider_has_no_value_until_it_is_touched(site: Site, new_page: NewPage) -> None:
    page = enter(site, new_page(site))
    answer_without_hands(page)
    number = control(page, "item-slider")
    line = page.get_by_role("slider", name="How mentally demanding was it?")
    number.fill("")
    expect(line).to_have_attribute("aria-valuetext", "no answer yet")
    send(page)
    assert page.locator(".wrong").all_inner_texts() == [
        "Write a number from 0 to 100, in steps of 5."
    ]
    assert number.input_value() == ""
    expect(line).to_have_attribute("aria-valuetext", "no answer yet")
    # The middle, where it rests, is an answer like any other.
    line.click()
    assert number.input_value() == "50"
    expect(line).to_have_attribute("aria-valuetext", "50")
    send(page)
    assert stored(site, page)["slider"] == 50


def test_a_ranking_is_an_order_after_every_move(site: Site, new_page: NewPage) -> None:
    page = enter(site, new_page(site))
    assert [place for place, _ in order(page)] == ["", "", ""]
    control(page, "item-order.words").select_option("1")
    assert order(page) == [
        ("1", "The words"),
        ("2", "The coloured picture"),
        ("3", "The bars under the line, one for each moment of the series"),
    ]
    first = page.get_by_role("button", name="Move up: The words")
    expect(first).to_have_attribute("aria-disabled", "true")
    first.dispatch_event("click")
    assert order(page)[0] == ("1", "The words")
    send(page)
    assert order(page)[0] == ("1", "The words")
    control(page, "item-order.words").select_option("")
    assert [place for place, _ in order(page)] == ["", "", ""]
