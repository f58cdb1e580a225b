"""Power or the network is cut while an answer is on its way: sent again, it is stored once."""

from random import Random
from urllib.parse import urlsplit

import pytest
from installation import Site
from playwright.sync_api import Browser, Page, Route, expect
from visitor import Visitor

pytestmark = pytest.mark.browser
# A submit takes some 20 ms: these cut before, within and after its transaction.
DELAYS_MS = (0, 10, 30)


def _begin(site: Site, browser: Browser) -> Visitor:
    """A visitor at the first trial; its browser may complain of lost connections."""
    visitor = Visitor(browser.new_context().new_page(), Random(5))
    visitor.begin(site.study)
    visitor.send()
    return visitor


def _fill_twice(visitor: Visitor) -> Page:
    """Give the same answer to the same page in two tabs; return the other tab."""
    other = visitor.page.context.new_page()
    other.goto(visitor.page.url)
    ((_, value),) = visitor.answer().items()
    assert isinstance(value, float)
    other.get_by_role("radio", name=f"{value:g}").check()
    return other


def _press_continue(page: Page) -> None:
    """Send the form without waiting for what comes back."""
    page.evaluate("setTimeout(() => document.querySelector('form').requestSubmit())")


def test_killed_before_the_answer_is_on_disk(own_site: Site, browser: Browser) -> None:
    visitor = _begin(own_site, browser)
    other = _fill_twice(visitor)
    database = own_site.database()
    database.execute("BEGIN IMMEDIATE")
    with visitor.page.expect_request("**/p/**"):
        _press_continue(visitor.page)
    visitor.page.wait_for_timeout(300)
    own_site.kill()
    database.execute("ROLLBACK")
    database.close()
    assert own_site.stored(visitor.token) == {}

    own_site.start()
    visitor.page = other
    visitor.send()
    assert own_site.stored(visitor.token) == visitor.given
    visitor.page.context.close()


def test_killed_at_any_moment(own_site: Site, browser: Browser) -> None:
    visitor = _begin(own_site, browser)
    for number, delay in enumerate(DELAYS_MS):
        other = _fill_twice(visitor)
        _press_continue(visitor.page)
        visitor.page.wait_for_timeout(delay)
        own_site.kill()
        own_site.start()
        visitor.page.close()
        visitor.page = other
        visitor.send()
        expect(other.locator("#where")).to_contain_text(f"page {number + 3} of")
        assert own_site.stored(visitor.token) == visitor.given
    visitor.page.context.close()


def _lose(route: Route, *, arrives: bool) -> None:
    """Cut the network before a form has left, or before the answer to it came back."""
    if route.request.method == "POST" and not route.request.url.endswith("/events"):
        if arrives:
            route.fetch(max_redirects=0)
        route.abort("internetdisconnected")
    else:
        route.continue_()


@pytest.mark.parametrize("arrives", [False, True])
def test_network_cut_during_submit(site: Site, browser: Browser, arrives: bool) -> None:
    visitor = _begin(site, browser)
    page, address, position = visitor.page, visitor.page.url, visitor.position
    visitor.fixed["trust"] = "2"
    visitor.answer()
    page.route("**/p/**", lambda route: _lose(route, arrives=arrives))
    with page.expect_event("requestfailed"):
        _press_continue(page)
    page.unroute("**/p/**")
    token = urlsplit(address).path.split("/")[2]
    assert site.stored(token) == (visitor.given if arrives else {})
    # The browser's own page says that there is no connection; back, or the address, leads on.
    page.goto(address)
    assert visitor.position == position + arrives
    if not arrives:
        visitor.answer()
        visitor.send()
    assert site.stored(visitor.token) == visitor.given
    expect(page.locator("#where")).to_contain_text("page 3 of")
    page.context.close()
