"""The interface's files are small, kept by browsers under their digest, and sent compressed."""

import gzip
import re
from hashlib import sha256
from pathlib import Path

import pytest
from browsing import Visitor
from flask import Flask
from lab import Laboratory

MOST = 150_000  # bytes of a first load, compressed, without pictures
GZIP = {"Accept-Encoding": "gzip, deflate, br"}
PICTURE = r"data:image/\w+;base64,[\w+/=]+"


def sizes(visitor: Visitor, path: str) -> dict[str, int]:
    """Compressed bytes of a page and of all that it loads, without pictures."""
    page = visitor.client.get(path, headers=GZIP, buffered=True)
    html = re.sub(PICTURE, "", gzip.decompress(page.data).decode())
    found = {"page": len(gzip.compress(html.encode()))}
    for address in re.findall(r'<(?:link|script)[^>]+(?:href|src)="([^"]+)"', html):
        answer = visitor.client.get(address, headers=GZIP, buffered=True)
        assert answer.status_code == 200
        assert answer.headers["Content-Encoding"] == "gzip", address
        found[address.split("?")[0]] = len(answer.data)
    return found


def test_a_first_load_is_small(visitor: Visitor) -> None:
    visitor.enter().answer()
    token = visitor.token
    while visitor.page.tags.count("figure") < 2:
        visitor.answer()
    found = sizes(visitor, f"/p/{token}/")
    assert any(name.endswith("page.js") for name in found)
    assert sum(found.values()) < MOST, found


@pytest.mark.parametrize("name", ["credence.css", "page.js", "icon.svg"])
def test_a_file_is_kept_under_its_digest(app: Flask, name: str) -> None:
    with app.test_request_context():
        from flask import url_for

        address = url_for("static", filename=name)
    data = (Path(str(app.static_folder)) / name).read_bytes()
    assert address == f"/static/{name}?v={sha256(data).hexdigest()[:16]}"
    client = app.test_client()
    answer = client.get(address, buffered=True)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.data == data
    assert gzip.decompress(client.get(address, headers=GZIP, buffered=True).data) == data


@pytest.mark.parametrize("query", ["", "?v=", "?v=0123456789abcdef", "?v=%00"])
def test_an_address_without_the_right_digest_is_not_kept_for_good(app: Flask, query: str) -> None:
    answer = app.test_client().get(f"/static/page.js{query}", buffered=True)
    assert answer.status_code == 200
    assert "immutable" not in answer.headers["Cache-Control"]


@pytest.mark.parametrize("name", ["none.js", "../config.py", "%00", "é"])
def test_files_that_are_none_are_not_found(app: Flask, name: str) -> None:
    assert app.test_client().get(f"/static/{name}?v=1").status_code == 404


def test_a_file_that_a_browser_has_is_not_sent_again(app: Flask) -> None:
    client = app.test_client()
    for headers in ({}, GZIP):
        first = client.get("/static/page.js", headers=headers, buffered=True)
        again = client.get(
            "/static/page.js",
            headers={**headers, "If-None-Match": first.headers["ETag"]},
            buffered=True,
        )
        assert (again.status_code, again.data) == (304, b"")


def test_only_those_who_can_read_it_get_it_compressed(app: Flask) -> None:
    for accepted in ("", "identity", "gzip;q=0", "br"):
        client, headers = app.test_client(), {"Accept-Encoding": accepted}
        answer = client.get("/static/page.js", headers=headers, buffered=True)
        assert "Content-Encoding" not in answer.headers
        assert "Accept-Encoding" in answer.headers["Vary"]


def test_pages_that_say_back_what_was_in_a_link_are_not_compressed(
    lab: Laboratory, visitor: Visitor
) -> None:
    visitor.get("/s/small?PROLIFIC_PID=5f3c", headers=GZIP)
    assert "Content-Encoding" not in visitor.response.headers
    assert "5f3c" in visitor.html
    visitor.enter()
    answer = visitor.client.get(f"/p/{visitor.token}/", headers=GZIP)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Cache-Control"] == "no-store"
