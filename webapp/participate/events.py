"""What a page's script tells when the page is hidden: it is kept even where no form follows."""

import re

from flask import Blueprint, current_app, request
from flask.typing import ResponseReturnValue

from webapp import observed, participation
from webapp.db import db
from webapp.keys import sealed
from webapp.participate import refuse_other_sites

bp = Blueprint("events", __name__)
bp.before_request(refuse_other_sites)


@bp.post("/p/<token>/<int:position>/events")
def keep(token: str, position: int) -> ResponseReturnValue:
    """Keep the events of a page; nobody reads the answer, which is the same whatever was sent."""
    given, key = request.form.get("seal", ""), str(current_app.secret_key)
    if sealed(given, key, "step", token, position):
        participant = participation.find(db.session, token)
        if participant is not None:
            attempt = request.form.get("attempt", "1")
            place = (position, int(attempt) if re.fullmatch(r"[0-9]{1,4}", attempt) else 1)
            observed.store(db.session, participant.id, place, observed.read(request.form))
    return "", 204
