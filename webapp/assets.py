"""The interface's own files: addressed by digest, kept for good by browsers, sent compressed."""

import gzip
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Flask, Response, request

ENDPOINTS = ("static", "bootstrap.static")
# Pages that say back what stood in a link stay as they are: beside a secret, how well such a page
# compresses could tell the secret (BREACH). The key to these is in their address already.
PAGES = ("steps.show", "steps.submit")
TEXTS = ("text/html", "text/css", "text/javascript", "application/javascript", "image/svg+xml")
FOR_GOOD = "public, max-age=31536000, immutable"


def init_app(app: Flask) -> None:
    """Give every file an address with its digest, and compress what browsers can read so."""

    @app.url_defaults
    def add_digest(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint in ENDPOINTS and (path := _file(app, endpoint, values["filename"])):
            values.setdefault("v", _digest(path, path.stat().st_mtime_ns))

    @app.after_request
    def keep_and_compress(response: Response) -> Response:
        endpoint = str(request.endpoint)
        if response.status_code == 200 and endpoint in ENDPOINTS:
            path = _file(app, endpoint, str((request.view_args or {}).get("filename")))
            if path and request.args.get("v") == _digest(path, path.stat().st_mtime_ns):
                response.headers["Cache-Control"] = FOR_GOOD
        if endpoint in (*ENDPOINTS, *PAGES) and response.mimetype in TEXTS:
            response.vary.add("Accept-Encoding")
            if request.method != "HEAD" and request.accept_encodings["gzip"] > 0:
                _compress(response)
        return response


def _compress(response: Response) -> None:
    if response.status_code in (206, 304) or response.headers.get("Content-Encoding"):
        return
    response.direct_passthrough = False
    data = response.get_data()
    # Files are few and compressed once; every page is another one.
    response.set_data(_small(data) if request.endpoint in ENDPOINTS else gzip.compress(data, 3))
    response.headers["Content-Encoding"] = "gzip"
    etag, _ = response.get_etag()
    if etag is not None:
        # The bytes differ from those of the file, but mean the same.
        response.set_etag(etag, weak=True)


@lru_cache(maxsize=64)
def _small(data: bytes) -> bytes:
    return gzip.compress(data, 9, mtime=0)


def _file(app: Flask, endpoint: str, name: str) -> Path | None:
    """The file behind an address, if there is one."""
    owner = app if endpoint == "static" else app.blueprints["bootstrap"]
    path = Path(str(owner.static_folder)) / name
    return path if path.is_file() else None


@lru_cache(maxsize=256)
def _digest(path: Path, _changed: int) -> str:
    return sha256(path.read_bytes()).hexdigest()[:16]
