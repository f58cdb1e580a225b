"""Pictures by the digest of their content, which browsers keep for good."""

import re

from flask import Blueprint, abort, current_app, send_file
from flask.typing import ResponseReturnValue

from webapp import config
from webapp.assets import FOR_GOOD
from webapp.displays.pictures import path

bp = Blueprint("pictures", __name__)


@bp.get("/pictures/<digest>.png")
def show(digest: str) -> ResponseReturnValue:
    """One picture. Whoever has seen it knows its address, and nobody else can guess it."""
    if not re.fullmatch("[0-9a-f]{64}", digest):
        abort(404)
    file = path(config.artifacts(current_app), digest)
    if not file.is_file():
        abort(404)
    answer = send_file(file, mimetype="image/png", etag=digest, max_age=None)
    answer.headers["Cache-Control"] = FOR_GOOD
    return answer
