"""A participant without JavaScript: reads pages, fills in forms and sends them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

MOST_PAGES = 40


@dataclass
class Form:
    """One form of a page: where it goes and what a browser would send for it."""

    action: str
    sent: dict[str, Any] = field(default_factory=dict)
    radios: dict[str, list[str]] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)


class Page(HTMLParser):
    """A parsed page: its forms, its links, its visible text, and every tag in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self._textarea: str | None = None
        self._select: str | None = None
        self.feed(html)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        if "id" in at:
            self.ids.append(at["id"])
        if tag == "form":
            self.forms.append(Form(at.get("action", "")))
        elif tag == "a":
            self.links.append(at.get("href", ""))
        elif tag == "option" and self._select:
            if "selected" in at:
                self.forms[-1].sent[self._select] = at.get("value", "")
        elif self.forms and "name" in at:
            self._control(self.forms[-1], tag, at)

    def _control(self, form: Form, tag: str, at: dict[str, str]) -> None:
        """Note what a control would send as it stands."""
        name, value, kind = at["name"], at.get("value", ""), at.get("type")
        if kind == "radio":
            form.radios.setdefault(name, []).append(value)
            if "checked" in at:
                form.sent[name] = value
        elif kind == "checkbox":
            if "checked" in at:
                form.sent.setdefault(name, []).append(value)
        elif tag == "select":
            form.sent[name], self._select = "", name
        elif tag == "textarea":
            form.sent[name], self._textarea = "", name
            form.texts.append(name)
        elif tag == "input":
            form.sent[name] = value
            if kind == "text":
                form.texts.append(name)

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = None
        if tag == "textarea" and self._textarea:
            # HTML drops the first line break of a textarea.
            sent = self.forms[-1].sent
            sent[self._textarea] = sent[self._textarea].removeprefix("\n")
            self._textarea = None

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.forms[-1].sent[self._textarea] += data
        else:
            self.text += data + " "


class Visitor:
    """A browser in which somebody takes part; `cookies=False` is one that blocks them."""

    def __init__(self, app: Flask, *, cookies: bool = True) -> None:
        self.client = app.test_client(use_cookies=cookies)
        self.response: TestResponse
        self.page: Page

    def get(self, path: str, **more: Any) -> "Visitor":
        """Open a page, following redirects."""
        return self._take(self.client.get(path, follow_redirects=True, buffered=True, **more))

    def post(self, path: str, data: dict[str, Any], **more: Any) -> "Visitor":
        """Send a form, following redirects."""
        return self._take(
            self.client.post(path, data=data, follow_redirects=True, buffered=True, **more)
        )

    def _take(self, response: TestResponse) -> "Visitor":
        self.response = response
        self.page = Page(response.get_data(as_text=True))
        return self

    @property
    def status(self) -> int:
        """The status of the last answer."""
        return self.response.status_code

    @property
    def html(self) -> str:
        """The last page as it was sent."""
        return self.response.get_data(as_text=True)

    @property
    def path(self) -> str:
        """Where the last answer came from."""
        return self.response.request.path

    @property
    def token(self) -> str:
        """The participant's key, from the address."""
        return self.path.split("/")[2]

    @property
    def form(self) -> Form:
        """The page's form."""
        return self.page.forms[0]

    def enter(self, slug: str = "small", query: str = "") -> "Visitor":
        """Read the consent page and agree."""
        self.get(f"/s/{slug}{query}")
        return self.send(choice="agree")

    def send(self, **answers: Any) -> "Visitor":
        """Send the page's form as it is, with these answers in it."""
        return self.post(self.form.action, self.form.sent | answers)

    def answer(self, **answers: str) -> "Visitor":
        """Send the page's form with the first choice of everything, or `answers` by item."""
        filled = {name: choices[0] for name, choices in self.form.radios.items()}
        asked = {*self.form.radios, *self.form.texts}
        given = {f"item-{name}": value for name, value in answers.items()}
        return self.send(**filled | {name: given[name] for name in given if name in asked})

    def until(self, mark: str) -> "Visitor":
        """Answer pages until one holds this text."""
        for _ in range(MOST_PAGES):
            if mark in self.html:
                return self
            self.answer()
        raise AssertionError(f"no page says {mark!r}")
