"""Whatever a browser does, it goes on at the right page, and every answer is stored once."""

from pathlib import Path
from random import Random

import pytest
from conftest import NewPage
from installation import Site
from playwright.sync_api import Browser, Page, expect
from visitor import Visitor, arguments, chromium, follow

pytestmark = pytest.mark.browser
PEOPLE = "SELECT count(*) FROM participant"
SENT = (
    "SELECT count(*) FROM step JOIN participant p ON p.id = participant_id"
    " WHERE token_hash = ? AND submitted_at IS NOT NULL"
)


def _sent(site: Site, visitor: Visitor) -> int:
    return site.count(SENT, visitor.token_hash)


def test_double_click_on_consent(site: Site, new_page: NewPage) -> None:
    page, before = new_page(site), site.count(PEOPLE)
    page.goto(site.study)
    page.get_by_role("button", name="I agree and take part").dblclick()
    expect(page.get_by_role("heading", name="How it works")).to_be_visible()
    assert site.count(PEOPLE) == before + 1


def test_double_click_on_no(site: Site, new_page: NewPage) -> None:
    page, before = new_page(site), site.count(PEOPLE)
    page.goto(site.study)
    page.get_by_role("button", name="I do not take part").dblclick()
    expect(page.get_by_role("heading", name="Thank you for your time")).to_be_visible()
    assert site.count(PEOPLE) == before + 1


def test_double_click_on_continue(site: Site, visitor: Visitor) -> None:
    visitor.walk_to("explained")
    visitor.answer()
    before = _sent(site, visitor)
    visitor.page.get_by_role("button", name="Continue").dblclick()
    expect(visitor.page.get_by_role("radio", checked=True)).to_have_count(0)
    assert site.stored(visitor.token) == visitor.given
    assert _sent(site, visitor) == before + 1


def test_consent_in_two_tabs(site: Site, new_page: NewPage) -> None:
    first, before = new_page(site), site.count(PEOPLE)
    second = first.context.new_page()
    for page in (first, second):
        page.goto(site.study)
    for page in (first, second):
        follow(page.get_by_role("button", name="I agree and take part"))
        expect(page.get_by_role("heading", name="How it works")).to_be_visible()
    assert first.url == second.url
    assert site.count(PEOPLE) == before + 1


def test_two_answers_in_two_tabs(site: Site, visitor: Visitor) -> None:
    visitor.walk_to("bare")
    other = visitor.page.context.new_page()
    other.goto(visitor.page.url)
    visitor.fixed["trust"] = "2"
    visitor.answer()
    other.get_by_role("radio", name="6").check()
    visitor.send()
    where = visitor.page.locator("#where").inner_text()
    follow(other.get_by_role("button", name="Continue"))
    expect(other.locator("#where")).to_have_text(where)
    assert site.stored(visitor.token) == visitor.given


def test_reload(site: Site, visitor: Visitor) -> None:
    visitor.walk_to("explained")
    position, before = visitor.position, _sent(site, visitor)
    visitor.page.reload()
    assert visitor.position == position
    assert _sent(site, visitor) == before


def test_back_and_send_again(site: Site, visitor: Visitor) -> None:
    visitor.walk_to("bare")
    visitor.answer()
    visitor.send()
    position = visitor.position
    visitor.page.go_back()
    assert visitor.position == position
    assert visitor.finish() == "DEMO-DONE"
    code = visitor.page.url
    visitor.page.go_back()
    expect(visitor.page.locator("#code")).to_have_text("DEMO-DONE")
    assert visitor.page.url == code
    assert site.stored(visitor.token) == visitor.given


def test_page_with_messages_opened_anew(site: Site, visitor: Visitor) -> None:
    visitor.walk_to("bare")
    position = visitor.position
    visitor.send()
    address = visitor.page.url
    assert address.endswith(f"/{position}")
    visitor.page.goto("about:blank")
    visitor.page.goto(address)
    assert visitor.position == position
    visitor.answer()
    visitor.send()
    assert visitor.position == position + 1


def test_form_sent_again_by_reload(site: Site, visitor: Visitor) -> None:
    """Reloading a page with messages sends its form again; the answer given since stands."""
    visitor.walk_to("bare")
    visitor.send()
    other = Visitor(visitor.page.context.new_page(), Random(1), visitor.given)
    other.page.goto(f"{site.url}/p/{visitor.token}/")
    other.answer()
    other.send()
    visitor.page.reload()
    assert visitor.position == other.position
    assert site.stored(visitor.token) == other.given


def test_another_browser_goes_on(site: Site, visitor: Visitor, new_page: NewPage) -> None:
    visitor.walk_to("explained")
    position, address = visitor.position, visitor.page.url
    visitor.page.context.close()
    visitor.page = new_page(site)
    visitor.page.goto(address)
    assert visitor.position == position
    assert visitor.finish() == "DEMO-DONE"
    assert site.stored(visitor.token) == visitor.given


def test_closed_browser_offers_to_go_on(site: Site, browser: Browser, tmp_path: Path) -> None:
    def open_browser() -> Page:
        context = browser.browser_type.launch_persistent_context(
            tmp_path, executable_path=chromium(), args=arguments()
        )
        return context.new_page()

    visitor = Visitor(open_browser(), Random(3))
    visitor.begin(site.study)
    visitor.walk_to("bare")
    position, token = visitor.position, visitor.token
    visitor.page.context.close()

    visitor.page = open_browser()
    visitor.page.goto(site.study)
    follow(visitor.page.get_by_role("link", name="Yes: go on where I stopped"))
    assert (visitor.position, visitor.token) == (position, token)
    visitor.page.context.close()


def test_another_person_begins_anew(site: Site, visitor: Visitor) -> None:
    visitor.walk_to("bare")
    first, before = visitor.token, site.count(PEOPLE)
    visitor.begin(site.study)
    assert visitor.kind == "instructions"
    assert visitor.token != first
    assert site.count(PEOPLE) == before + 1


def test_somebody_who_finished_finds_the_code_again(site: Site, visitor: Visitor) -> None:
    visitor.finish()
    visitor.page.goto(site.study)
    follow(visitor.page.get_by_role("link", name="Yes: go on where I stopped"))
    expect(visitor.page.locator("#code")).to_have_text("DEMO-DONE")
