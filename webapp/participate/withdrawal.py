"""The way out at any page, and later by the participant's own link. Only the POST deletes."""

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from webapp import participation, recruitment, withdrawal
from webapp.db import db
from webapp.definition import say
from webapp.keys import seal, sealed
from webapp.languages import interface, speak, spoken
from webapp.models import Participant
from webapp.participate import refuse_other_sites
from webapp.studies import definition_of

bp = Blueprint("withdrawal", __name__)
bp.before_request(refuse_other_sites)


@bp.get("/p/<token>/withdraw")
def ask(token: str) -> ResponseReturnValue:
    """Ask whether they mean it; a link preview that opens this changes nothing."""
    if withdrawal.withdrawn(db.session, token) is not None:
        return redirect(url_for(".done", token=token))
    return _page(token, _participant(token))


@bp.post("/p/<token>/withdraw")
def withdraw(token: str) -> ResponseReturnValue:
    """Delete what they gave; the same form sent twice is one withdrawal."""
    if withdrawal.withdrawn(db.session, token) is None:
        participant = _participant(token)
        key = str(current_app.secret_key)
        if not sealed(request.form.get("seal", ""), key, "withdraw", token):
            message = gettext(
                "This page was out of date. Nothing was deleted yet: please choose once more."
            )
            return _page(token, participant, message), 400
        withdrawal.withdraw(db.session, token)
        current_app.logger.info("participant withdrew")
    # Their language is deleted with everything else.
    return redirect(url_for(".done", token=token, lang=interface(spoken())), 303)


@bp.get("/p/<token>/withdrawn")
def done(token: str) -> ResponseReturnValue:
    """What is left, said to the one it is about."""
    left = withdrawal.withdrawn(db.session, token)
    if left is None:
        return redirect(url_for("steps.show", token=token))
    return render_template(
        "participate/withdrawn.html",
        pseudonym=left.pseudonym,
        back=recruitment.way_back(db.session, left, "withdrawn"),
    )


def _participant(token: str) -> Participant:
    participant = participation.find(db.session, token)
    if participant is None:
        abort(
            404, gettext("This link belongs to no participant. Please check that it is complete.")
        )
    speak(str(participant.language))
    return participant


def _page(token: str, participant: Participant, message: str | None = None) -> str:
    language = str(participant.language)
    return render_template(
        "participate/withdraw.html",
        title=say(definition_of(participant.version).title, language),
        message=message,
        token=token,
        seal=seal(str(current_app.secret_key), "withdraw", token),
    )
