"""Two ways to the pages: the application in this process, or a server that is running."""

import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from flask import Flask
from werkzeug.datastructures import MultiDict

Pairs = Sequence[tuple[str, str]]
PATIENCE = 60.0  # seconds that a server may take for a page


@dataclass(frozen=True)
class Answered:
    """What came back after all redirects: the status, the path it came from, and the page."""

    status: int
    path: str
    html: str


class Browser(Protocol):
    """Opens pages and sends forms; it keeps no cookies, as one that blocks them."""

    def get(self, path: str) -> Answered:
        """Open a page."""
        ...

    def post(self, path: str, pairs: Pairs) -> Answered:
        """Send a form."""
        ...


class InProcess:
    """The whole application, without a socket."""

    def __init__(self, app: Flask) -> None:
        """Take the application as it is served."""
        self._client = app.test_client(use_cookies=False)

    def get(self, path: str) -> Answered:
        """Open a page."""
        return self._take(self._client.get(path, follow_redirects=True, buffered=True))

    def post(self, path: str, pairs: Pairs) -> Answered:
        """Send a form."""
        return self._take(
            self._client.post(path, data=MultiDict(pairs), follow_redirects=True, buffered=True)
        )

    def _take(self, response: object) -> Answered:
        from werkzeug.test import TestResponse

        assert isinstance(response, TestResponse)  # noqa: S101
        return Answered(
            response.status_code, response.request.path, response.get_data(as_text=True)
        )


class Remote:
    """A running server. Raises OSError where it cannot be reached."""

    def __init__(self, url: str) -> None:
        """Take the address at which the study's /s/ pages lie."""
        self._url = url.rstrip("/")

    def get(self, path: str) -> Answered:
        """Open a page."""
        return self._open(path, None)

    def post(self, path: str, pairs: Pairs) -> Answered:
        """Send a form."""
        return self._open(path, urllib.parse.urlencode(list(pairs)).encode())

    def _open(self, path: str, data: bytes | None) -> Answered:
        address = urllib.parse.urljoin(f"{self._url}/", path)
        try:
            # The command takes only http and https addresses.
            with urllib.request.urlopen(address, data, PATIENCE) as response:  # noqa: S310
                return self._take(response.status, response.url, response.read())
        except urllib.error.HTTPError as error:
            with error:
                return self._take(error.code, error.url, error.read())

    def _take(self, status: int, url: str, body: bytes) -> Answered:
        return Answered(status, urllib.parse.urlsplit(url).path, body.decode())
