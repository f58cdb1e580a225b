"""A visitor with a browser: finds Chromium, watches what a page does, answers a study's pages."""

import os
import shutil
from dataclasses import dataclass, field
from hashlib import sha256
from random import Random
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = ("--disable-background-networking", "--disable-component-update", "--no-first-run")
Given = dict[tuple[int, str], float | str | None]


class NoChromiumError(Exception):
    """There is no browser to test with; the message says how to get one."""


def chromium() -> str:
    """The system's Chromium: $CHROMIUM, or what is found under its usual names."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise NoChromiumError(
            "the browser tests need Chromium and found none: install the package chromium "
            "(Debian, Fedora, Arch) or chromium-browser (Ubuntu), or set CHROMIUM to its path"
        )
    return found


def arguments() -> list[str]:
    """What Chromium is started with; its sandbox refuses to run as root."""
    return [*QUIET, *(["--no-sandbox"] if os.geteuid() == 0 else [])]


def launch(playwright: Playwright) -> Browser:
    """Start Chromium without a window."""
    return playwright.chromium.launch(executable_path=chromium(), args=arguments())


def follow(control: Locator) -> None:
    """Click what leads to another page, and wait until that is there."""
    with control.page.expect_navigation():
        control.click()


class Watch:
    """Notes every request to another host and every complaint in a browser's console."""

    def __init__(self, context: BrowserContext, host: str) -> None:
        self.requests = 0
        self.foreign: list[str] = []
        self.complaints: list[str] = []
        self._host = host
        context.on("request", lambda request: self._request(request.url))
        context.on("console", lambda message: self._console(message.type, message.text))
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))

    def _request(self, url: str) -> None:
        self.requests += 1
        # A data: or file: URL has no host.
        if urlsplit(url).netloc not in ("", self._host):
            self.foreign.append(url)

    def _console(self, kind: str, text: str) -> None:
        # That a page came with an error status is what the tests of errors are about.
        if kind in ("error", "warning") and "the server responded with a status of" not in text:
            self.complaints.append(text)


@dataclass
class Visitor:
    """Somebody at a page of a study, who answers at random, but for the items in `fixed`.

    given: all that they answered, by position and item.
    """

    page: Page
    random: Random
    given: Given = field(default_factory=dict)
    fixed: dict[str, str] = field(default_factory=dict)

    @property
    def token(self) -> str:
        """The participant's key, as the address of the page has it."""
        return urlsplit(self.page.url).path.split("/")[2]

    @property
    def token_hash(self) -> str:
        """What the database keeps of the key."""
        return sha256(self.token.encode()).hexdigest()

    @property
    def position(self) -> int:
        """The position of the step on the page, as its form has it."""
        action = self.page.locator("form").get_attribute("action")
        assert action is not None
        return int(action.rsplit("/", 1)[1])

    @property
    def kind(self) -> str:
        """Which of the demo's pages this is."""
        if self.page.locator("#code").count():
            return "debrief"
        if self.page.locator(".stimulus").count():
            return "explained" if self.page.locator("figure").count() == 2 else "bare"
        items = self.page.locator(".item").count()
        return {0: "instructions", 8: "scale", 4: "questions", 1: "about"}[items]

    def begin(self, url: str) -> None:
        """Read the landing page and agree."""
        self.page.goto(url)
        follow(self.page.get_by_role("button", name="I agree and take part"))

    def answer(self) -> Given:
        """Answer every item of the page; return and remember what was given."""
        position, given = self.position, Given()
        for item in self.page.locator(".item").all():
            name, value = self._answer(item)
            given[position, name] = value
        self.given |= given
        return given

    def _answer(self, item: Locator) -> tuple[str, float | str | None]:
        radios = item.get_by_role("radio").all()
        control = radios[0] if radios else item.get_by_role("textbox")
        name = str(control.get_attribute("name")).removeprefix("item-")
        if radios:
            values = [str(radio.get_attribute("value")) for radio in radios]
            value = self.fixed.get(name) or self.random.choice(values)
            radios[values.index(value)].check()
            return name, float(value) if value.isdigit() else value
        if control.get_attribute("inputmode") == "decimal":
            years = self.random.randint(0, 80)
            control.fill(str(years))
            return name, float(years)
        text = f'Größe, "quoted"; <b>no markup</b>\nline 2: {self.random.random()} 数字 🙂'
        control.fill(text)
        return name, text

    def send(self) -> None:
        """Press Continue."""
        follow(self.page.get_by_role("button", name="Continue"))

    def walk_to(self, kind: str) -> None:
        """Answer and send pages until one of this kind is there."""
        while self.kind != kind:
            self.answer()
            self.send()

    def finish(self) -> str:
        """Walk to the end; return the completion code."""
        self.walk_to("debrief")
        return self.page.locator("#code").inner_text()
