"""What participants meet: the landing page, their steps, and the end."""

from flask import abort, request
from flask_babel import gettext

BLUEPRINTS = ("landing", "steps", "events", "withdrawal")


def refuse_other_sites() -> None:
    """A form on another site must not answer for a participant."""
    if request.method == "POST" and request.headers.get("Sec-Fetch-Site") == "cross-site":
        abort(403, gettext("This form was sent from another site. Open the study's own page."))
