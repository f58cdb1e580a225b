"""Robots take part in an open study, one after another, from its first page to its last."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Engine

from webapp.keys import seal
from webapp.simulate.answers import Answers, answer
from webapp.simulate.browser import Answered, Browser, Pairs
from webapp.simulate.chance import chance
from webapp.simulate.facts import facts, outcome
from webapp.simulate.model import Model
from webapp.simulate.page import Form, Page
from webapp.simulate.person import Person, person

MOST_PAGES, MOST_ATTEMPTS = 2000, 6
VIEWPORTS = ("1280x720", "1536x730", "1920x947", "390x664", "360x640")


class SimulationError(Exception):
    """A robot could not go on; the message says where and what the page said."""


@dataclass(frozen=True)
class Participation:
    """How far a robot came: complete and the like, or left where it dropped out."""

    person: Person
    outcome: str
    pages: int


def link(slug: str, key: str, version_id: int) -> str:
    """The address at which a study's robots begin; only this installation's key can make it."""
    return f"/s/{slug}?simulated={seal(key, 'simulated', version_id)}"


def simulate(
    browser: Browser, engine: Engine, address: str, model: Model, numbers: range
) -> Iterator[Participation]:
    """Let the robots of these numbers take part. Raises SimulationError and OSError."""
    for number in numbers:
        yield _Robot(person(model, number), browser, engine).take_part(address)


def outcomes(found: list[Participation]) -> Counter[str]:
    """How many came to which end."""
    return Counter(each.outcome for each in found)


class _Robot:
    def __init__(self, who: Person, browser: Browser, engine: Engine) -> None:
        self.who, self.browser, self.engine = who, browser, engine

    def take_part(self, address: str) -> Participation:
        shown = self._agree(address)
        token = shown.path.split("/")[2]
        for pages in range(MOST_PAGES):
            form = _form_of_a_step(Page(shown.html))
            at = facts(self.engine, token) if form else None
            if form is None or at is None:
                return Participation(self.who, self._outcome(token), pages)
            if self.who.leaves is not None and at.share >= self.who.leaves:
                return Participation(self.who, "left", pages)
            for attempt in range(MOST_ATTEMPTS):
                given = answer(form, self.who, at, attempt)
                time.sleep(form.wait / 1000)
                page = (at.position, at.attempt, attempt)
                shown = self.browser.post(form.action, self._filled(form, given, page))
                again = _form_of_a_step(Page(shown.html))
                if shown.status == 200:
                    break
                if again is None:
                    raise self._stuck(shown)
                form = again
            else:
                raise self._stuck(shown)
        raise SimulationError(f"robot {self.who.number} was still not done after {pages} pages")

    def _outcome(self, token: str) -> str:
        found = outcome(self.engine, token)
        if found is None:
            raise SimulationError(
                "the server keeps its participants in another database than this command's; set "
                "CREDENCE_DATABASE_URL and CREDENCE_INSTANCE as they are for the server"
            )
        return found

    def _agree(self, address: str) -> Answered:
        shown = self.browser.get(address)
        form = next((each for each in Page(shown.html).forms if _agreeing(each)), None)
        if shown.status != 200 or form is None:
            raise self._stuck(shown)
        shown = self.browser.post(form.action, [*form.untouched(), ("choice", "agree")])
        if shown.status != 200 or not shown.path.startswith("/p/"):
            raise self._stuck(shown)
        return shown

    def _filled(self, form: Form, given: Answers, page: tuple[int, int, int]) -> Pairs:
        """The form as it is sent, with what the page's script adds to it.

        page: its position, the attempt at it, and how often it came back.
        """
        draw = chance(self.who.model.seed, "events", self.who.number, *page)
        spent = max(self.who.milliseconds(*page), form.wait)
        moments = sorted(int(each) for each in draw.integers(1, max(spent, 2), len(given.names)))
        events: list[tuple[str, int, str]] = [("shown", 0, "")]
        for name, moment in zip(given.names, moments, strict=True):
            events.append(("input", moment, name.removeprefix("item-")))
        events.append(("submit", spent, ""))
        place = chance(self.who.model.seed, "viewport", self.who.number).integers(len(VIEWPORTS))
        script = {
            "events": json.dumps(events),
            "first": "0",
            "view": draw.bytes(8).hex(),
            "viewport": VIEWPORTS[int(place)],
        }
        return [(name, script.get(name, value)) for name, value in given.over(form)]

    def _stuck(self, shown: Answered) -> SimulationError:
        page = Page(shown.html)
        wrong = "; ".join(dict.fromkeys(page.messages.values())) or page.heading
        return SimulationError(
            f"robot {self.who.number} cannot go on: status {shown.status}, the page says: "
            f"{' '.join(wrong.split())}"
        )


def _form_of_a_step(page: Page) -> Form | None:
    """The form with a page's answers: the one that its script gives the events to."""
    return next((form for form in page.forms if form.has("events")), None)


def _agreeing(form: Form) -> bool:
    return ("choice", "agree") in form.buttons
