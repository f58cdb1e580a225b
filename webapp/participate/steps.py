"""A participant's pages. The link and the form hold all a page needs: cookies are optional."""

from contextlib import suppress
from math import ceil

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.exc import DBAPIError

from webapp import observed, participation, recruitment, withdrawal
from webapp.clock import clock_of
from webapp.db import db
from webapp.definition import say
from webapp.forms import StepForm
from webapp.keys import seal, sealed
from webapp.languages import speak
from webapp.models import Participant, Step
from webapp.participate import refuse_other_sites
from webapp.participate.page import contents, items
from webapp.studies import definition_of

bp = Blueprint("steps", __name__)
bp.before_request(refuse_other_sites)


@bp.get("/p/<token>/")
def show(token: str) -> ResponseReturnValue:
    """The step that a participant is at, whatever they did before."""
    participant = _participant(token)
    # A browser that fetches ahead, or asks for headers alone, is nobody coming back.
    ahead = request.headers.get("Sec-Purpose", "").startswith("prefetch")
    comes = request.method == "GET" and not ahead
    if comes:
        participation.come_back(db.session, participant)
    if participation.ended(participant):
        return _end(token, participant)
    step = participation.current_step(db.session, participant)
    if comes and clock_of(definition_of(participant.version), step).late:
        return _give_up(token, participant, step)
    return _page(token, participant, step)


@bp.get("/p/<token>/<int:position>")
def reopen(token: str, position: int) -> ResponseReturnValue:
    """A page with messages has this address: opened anew, it leads to the current step."""
    return redirect(url_for(".show", token=token))


@bp.post("/p/<token>/<int:position>")
def submit(token: str, position: int) -> ResponseReturnValue:
    """Store this step's answers and move on; a second submit changes nothing."""
    participant = _participant(token)
    key = str(current_app.secret_key)
    ended = participation.ended(participant)
    step = None if ended else participation.current_step(db.session, participant)
    if step is None or (step.position, str(step.attempt)) != (
        position,
        request.form.get("attempt", "1"),
    ):
        # Sent before, or not due yet: neither is a reason to show any page but the current one.
        return redirect(url_for(".show", token=token), 303)
    form = StepForm(items(participant, step), str(participant.language), request.form)
    if not sealed(request.form.get("seal", ""), key, "step", token, position):
        message = gettext(
            "This page was out of date. Your answers are still here: send them once more."
        )
        return _page(token, participant, step, form, message=message, status=400)
    clock = clock_of(definition_of(participant.version), step)
    if clock.wait_ms:
        seconds = ceil(clock.wait_ms / 1000)
        message = gettext(
            "Please look at this page for %(seconds)s more s. Your answers are still here.",
            seconds=seconds,
        )
        return _page(token, participant, step, form, message=message, status=422)
    if not form.validate() and not clock.over:
        try:
            observed.store(db.session, participant.id, (position, step.attempt), form.observed())
        except (DBAPIError, OSError):
            # What happened on the page matters less than that its answers can be sent again.
            current_app.logger.exception("events not saved")
        return _page(token, participant, step, form, status=422)
    try:
        answers = form.answers_in_time() if form.wrong else form.answers()
        participation.submit(db.session, step.id, answers, form.observed())
    except (participation.AlreadySubmitted, participation.NotCurrent):
        pass
    except (DBAPIError, OSError):
        current_app.logger.exception("answers not saved")
        message = gettext(
            "Your answers could not be saved just now. They are still here: send them again."
        )
        return _page(token, participant, step, form, message=message, status=503)
    else:
        current_app.logger.info("step submitted position=%d items=%d", position, len(form.fields))
    return redirect(url_for(".show", token=token), 303)


def _give_up(token: str, participant: Participant, step: Step) -> ResponseReturnValue:
    """Go on from a page whose time ended while nobody was there."""
    form = StepForm(items(participant, step), str(participant.language))
    with suppress(participation.AlreadySubmitted, participation.NotCurrent):
        participation.submit(db.session, step.id, form.answers_in_time(), form.observed())
    return redirect(url_for(".show", token=token), 303)


def _participant(token: str) -> Participant:
    participant = participation.find(db.session, token)
    if participant is None:
        if withdrawal.withdrawn(db.session, token) is not None:
            abort(redirect(url_for("withdrawal.done", token=token), 303))
        abort(
            404, gettext("This link belongs to no participant. Please check that it is complete.")
        )
    speak(str(participant.language))
    return participant


def _end(token: str, participant: Participant) -> str:
    """A polite end before the last page, with what is taken back from it."""
    language = str(participant.language)
    return render_template(
        "participate/ended.html",
        title=say(definition_of(participant.version).title, language),
        language=language,
        outcome=participant.outcome,
        back=recruitment.way_back(db.session, participant, participant.outcome),
        withdraw=url_for("withdrawal.ask", token=token),
    )


def _page(
    token: str,
    participant: Participant,
    step: Step,
    form: StepForm | None = None,
    *,
    message: str | None = None,
    status: int = 200,
) -> Response:
    """Draw a step; the first time it is shown, that and what was on it is kept."""
    content, rendered = contents(participant, step, form)
    # A browser that fetches ahead shows nobody anything yet.
    ahead = request.headers.get("Sec-Purpose", "").startswith("prefetch")
    # Sent back, it is seen at the latest now: what was fetched ahead alone has no clock yet.
    if (request.method == "GET" and not ahead) or status == 422:
        participation.show(db.session, step, rendered)
    return Response(
        render_template(
            "participate/step.html",
            **content,
            message=message,
            action=url_for(".submit", token=token, position=step.position),
            beacon=url_for("events.keep", token=token, position=step.position),
            seal=seal(str(current_app.secret_key), "step", token, step.position),
            withdraw=url_for("withdrawal.ask", token=token),
        ),
        status,
    )
