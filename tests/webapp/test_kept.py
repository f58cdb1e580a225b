"""Drawings are kept within bounds, and made once."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from browsing import Visitor
from lab import Laboratory
from sqlalchemy import select

from webapp import displays
from webapp.displays.kept import Kept
from webapp.models import Step


def test_what_is_at_hand_is_not_made_again() -> None:
    kept, made = Kept(100), []

    def make(text: str) -> str:
        made.append(text)
        return text

    found = [kept.get(key, partial(make, key * 30)) for key in "aabab"]
    assert found == [each * 30 for each in "aabab"]
    assert made == ["a" * 30, "b" * 30]


def test_what_was_used_longest_ago_makes_room() -> None:
    kept = Kept(100)
    for key in "abc":
        kept.get(key, partial(str, key * 30))
    kept.get("a", lambda: "another")
    kept.get("d", lambda: "d" * 40)
    assert kept.get("a", lambda: "another") == "a" * 30
    assert kept.get("b", lambda: "another") == "another"


def test_what_is_too_large_is_made_each_time() -> None:
    kept = Kept(10)
    assert kept.get("a", lambda: "a" * 11) == "a" * 11
    assert kept.get("a", lambda: "b" * 11) == "b" * 11
    assert kept.get("c", lambda: "c" * 10) == kept.get("c", lambda: "") == "c" * 10


def test_many_at_once_keep_the_count() -> None:
    kept = Kept(1000)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: kept.get(n % 50, lambda: str(n % 50) * 50), range(2000)))
    assert found == [str(n % 50) * 50 for n in range(2000)]
    assert kept._size == sum(map(len, kept._texts.values())) <= 1000


def test_a_page_is_the_same_when_it_is_at_hand(
    lab: Laboratory, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.enter().answer()
    page, token = visitor.html, visitor.token
    assert visitor.get(f"/p/{token}/").html == page
    monkeypatch.setattr(displays, "_html", Kept(0))
    assert visitor.get(f"/p/{token}/").html == page
    with lab.session() as session:
        assert session.scalar(select(Step.rendered_sha256).where(Step.position == 3))
