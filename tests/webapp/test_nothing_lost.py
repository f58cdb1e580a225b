"""No answer is lost or stored twice: overtaken tabs, link previews, a clock that is set."""

import time
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from browsing import Visitor
from flask import Flask
from lab import Laboratory, both
from sqlalchemy import select

from webapp import participation
from webapp.models import Participant, Response, Step

HOUR = 3_600_000


def trust(lab: Laboratory) -> list[tuple[int, float | None]]:
    """The stored answers to one item, by position."""
    with lab.session() as session:
        rows = session.execute(
            select(Step.position, Response.number)
            .join(Step, Step.id == Response.step_id)
            .where(Response.item_id == "trust")
            .order_by(Response.id)
        )
        return [(position, number) for position, number in rows]


@both
@pytest.mark.parametrize("ahead", [1, 2])
def test_a_tab_that_is_overtaken_while_it_sends_changes_nothing(
    lab: Laboratory, app: Flask, opened: int, monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    """The other tab sends this page, and perhaps the next, after this one was read and checked."""
    slow = Visitor(app).enter().answer()
    fast = Visitor(app).get(f"/p/{slow.token}/")
    real: Callable[..., None] = participation.submit
    after: list[dict[str, int]] = []

    def overtaken(*arguments: Any) -> None:
        monkeypatch.setattr(participation, "submit", real)
        for _ in range(ahead):
            fast.answer(trust="6")
        after.append(lab.everything())
        real(*arguments)

    monkeypatch.setattr(participation, "submit", overtaken)
    slow.answer(trust="1")
    assert slow.status == 200
    assert slow.page.text == fast.page.text
    assert trust(lab) == [(3 + each, 6.0) for each in range(ahead)]
    assert after == [lab.everything()]


def test_a_withdrawal_that_overtakes_an_answer_leaves_nothing(
    lab: Laboratory, app: Flask, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.enter().answer()
    other = Visitor(app).get(f"/p/{visitor.token}/withdraw")
    real: Callable[..., None] = participation.submit

    def overtaken(*arguments: Any) -> None:
        other.send()
        real(*arguments)

    monkeypatch.setattr(participation, "submit", overtaken)
    visitor.answer(trust="1")
    assert visitor.status == 200
    assert "You have withdrawn" in visitor.page.text
    assert (lab.count(Response), lab.count(Step), lab.count(Participant)) == (0, 0, 1)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"User-Agent": "Slackbot-LinkExpanding 1.0"},
        {"Sec-Purpose": "prefetch;prerender"},
    ],
)
def test_a_link_preview_neither_enrols_nor_answers_nor_moves_on(
    lab: Laboratory, app: Flask, visitor: Visitor, headers: Mapping[str, str]
) -> None:
    visitor.get("/s/small?PROLIFIC_PID=5f3c")
    visitor.send(choice="agree").answer().answer(trust="5")
    where, token, before = visitor.page.text, visitor.token, lab.everything()
    bot = app.test_client(use_cookies=False)
    for path in ("", "3", "4", "5", "withdraw", "withdrawn", "3/events"):
        for method in ("GET", "HEAD"):
            bot.open(f"/p/{token}/{path}", method=method, headers=headers, follow_redirects=True)
    for path in ("/s/small", "/s/small?PROLIFIC_PID=5f3d", "/s/small/declined"):
        bot.get(path, headers=headers)
    assert lab.everything() == before
    assert visitor.get(f"/p/{token}/").page.text == where
    assert trust(lab) == [(3, 5.0)]


@both
@pytest.mark.parametrize("jump", [-HOUR, 48 * HOUR])
def test_a_servers_clock_that_is_set_loses_no_answer(
    lab: Laboratory, app: Flask, opened: int, monkeypatch: pytest.MonkeyPatch, jump: int
) -> None:
    visitor = Visitor(app).enter().answer().answer(trust="2")
    shifted = SimpleNamespace(time_ns=lambda: time.time_ns() + jump * 1_000_000)
    monkeypatch.setattr("webapp.models.time", shifted)
    visitor.answer(trust="3")
    monkeypatch.undo()
    visitor.until("CODE-DONE")
    assert trust(lab)[:2] == [(3, 2.0), (4, 3.0)]
    assert len(trust(lab)) == 6
    (participant,) = lab.participants()
    assert participant.outcome == "complete"
    assert [step.position for step in participant.steps] == list(range(12))
