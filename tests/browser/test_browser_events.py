"""What happens on a page is told once: by the form, and by a beacon when the page is hidden."""

from collections.abc import Iterator

import pytest
from conftest import NewVisitor
from installation import Site
from playwright.sync_api import Page
from visitor import Visitor, follow

pytestmark = pytest.mark.browser
EVENTS = (
    "SELECT position, view, event.number, event.kind, at_ms, item_id, detail FROM event"
    " JOIN step ON step.id = step_id JOIN participant p ON p.id = participant_id"
    " WHERE token_hash = ? AND position = ? ORDER BY event.id"
)
HIDE = (
    "Object.defineProperty(document, 'hidden', {value: %s, configurable: true});"
    "document.dispatchEvent(new Event('visibilitychange'))"
)


def told(site: Site, visitor: Visitor, position: int) -> list[dict[str, object]]:
    """The stored events of a page, in order."""
    database = site.database()
    try:
        found = database.execute(EVENTS, (visitor.token_hash, position)).fetchall()
    finally:
        database.close()
    names = ("position", "view", "number", "kind", "at_ms", "item", "detail")
    return [dict(zip(names, row, strict=True)) for row in found]


def until_told(site: Site, visitor: Visitor, position: int, kind: str) -> list[dict[str, object]]:
    """The same, once an event of this kind is there; a beacon is answered to nobody."""
    for _ in range(100):
        found = told(site, visitor, position)
        if any(each["kind"] == kind for each in found):
            return found
        visitor.page.wait_for_timeout(50)
    raise AssertionError(f"no {kind} came")


def kinds(events: list[dict[str, object]]) -> Iterator[object]:
    return (each["kind"] for each in events)


def hide(page: Page, *, hidden: bool) -> None:
    """Let the page believe that it was hidden or shown; Chromium without a window never is."""
    page.evaluate(HIDE % str(hidden).lower())


def test_a_page_tells_what_happened_on_it(site: Site, visitor: Visitor) -> None:
    visitor.walk_to("explained")
    page, position = visitor.page, visitor.position
    page.locator("figure").first.hover()
    page.wait_for_timeout(400)
    page.locator("figure").last.hover()
    page.locator("summary").first.click()
    page.locator(".strength input").press("ArrowLeft")
    page.set_viewport_size({"width": 900, "height": 700})
    page.wait_for_timeout(100)
    visitor.answer()
    visitor.send()
    events = told(site, visitor, position)
    assert [each["number"] for each in events] == list(range(len(events)))
    assert len({each["view"] for each in events}) == 1
    assert len(str(events[0]["view"])) == 16
    # The time of a look is when it began, so it may lie before what was noted before it.
    times = [int(str(each["at_ms"])) for each in events if each["kind"] != "hover"]
    assert times == sorted(times)
    found = list(kinds(events))
    assert (found[0], found[-1]) == ("shown", "submit")
    assert found.count("first") == found.count("submit") == 1
    by_kind = {each["kind"]: each for each in events}
    assert by_kind["first"]["detail"] == "pointer"
    assert by_kind["input"]["item"] == "trust"
    assert by_kind["open"]["detail"] == "numbers"
    assert by_kind["adjust"]["detail"] == "colours: 95"
    assert by_kind["resize"]["detail"] == "900x700"
    (look,) = [each for each in events if str(each["detail"]).startswith("figure 1: ")]
    assert look["kind"] == "hover"
    assert 350 <= int(str(look["detail"]).split(": ")[1]) < 5000


def test_leaving_for_another_tab_is_told_at_once_and_once(site: Site, visitor: Visitor) -> None:
    visitor.walk_to("bare")
    page, position = visitor.page, visitor.position
    hide(page, hidden=True)
    first = until_told(site, visitor, position, "blur")
    assert next(kinds(first)) == "shown"
    hide(page, hidden=False)
    visitor.answer()
    visitor.send()
    events = told(site, visitor, position)
    assert events[: len(first)] == first
    assert [each["number"] for each in events] == list(range(len(events)))
    assert list(kinds(events)).count("shown") == 1
    assert {"blur", "focus", "input", "submit"} <= set(kinds(events))
    assert site.stored(visitor.token) == visitor.given


def test_somebody_who_closes_the_page_is_told_of(site: Site, visitor: Visitor) -> None:
    visitor.walk_to("bare")
    page, position = visitor.page, visitor.position
    address = page.url
    visitor.answer()
    page.goto("about:blank")
    page.goto(address)
    events = until_told(site, visitor, position, "input")
    assert "submit" not in set(kinds(events))
    visitor.answer()
    visitor.send()
    events = told(site, visitor, position)
    assert len({each["view"] for each in events}) == 2
    assert list(kinds(events)).count("shown") == 2
    assert list(kinds(events)).count("submit") == 1


def test_where_beacons_are_blocked_the_form_tells_all(site: Site, visitor: Visitor) -> None:
    visitor.walk_to("bare")
    page, position = visitor.page, visitor.position
    page.evaluate("navigator.sendBeacon = () => false")
    hide(page, hidden=True)
    hide(page, hidden=False)
    visitor.answer()
    visitor.send()
    events = told(site, visitor, position)
    assert [each["number"] for each in events] == list(range(len(events)))
    assert {"shown", "blur", "focus", "submit"} <= set(kinds(events))


def test_a_clock_that_is_set_back_changes_no_time(site: Site, new_visitor: NewVisitor) -> None:
    """Times are of a clock that only goes on, whatever the computer's own says meanwhile."""
    visitor = new_visitor(site)
    visitor.page.context.add_init_script("Date.now = () => 0; window.Date = class extends Date {};")
    visitor.walk_to("bare")
    position = visitor.position
    visitor.page.wait_for_timeout(200)
    visitor.answer()
    visitor.send()
    times = [int(str(each["at_ms"])) for each in told(site, visitor, position)]
    assert times == sorted(times)
    assert 200 <= times[-1] < 60_000
    assert site.stored(visitor.token) == visitor.given


def test_withdrawing_deletes_also_what_a_late_beacon_tells(
    site: Site, new_visitor: NewVisitor
) -> None:
    visitor = new_visitor(site)
    visitor.walk_to("bare")
    visitor.answer()
    token_hash = visitor.token_hash
    follow(visitor.page.get_by_role("link", name="Withdraw from this study"))
    visitor.page.get_by_role("button", name="Delete my answers and withdraw").dblclick()
    visitor.page.get_by_role("heading", name="You have withdrawn").wait_for()
    left = (
        "SELECT count(*) FROM step JOIN participant p ON p.id = participant_id WHERE token_hash = ?"
    )
    assert site.count(left, token_hash) == 0
    told_of = "SELECT count(*) FROM participant WHERE token_hash = ? AND outcome = 'withdrawn'"
    assert site.count(told_of, token_hash) == 1
