"""A participant's pages. The link and the form hold all a page needs: cookies are optional."""

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
from sqlalchemy.exc import DBAPIError

from webapp import config, displays, participation
from webapp.db import db
from webapp.definition import Block, Item, Questionnaire, say
from webapp.forms import StepForm
from webapp.keys import seal, sealed
from webapp.markdown import to_html
from webapp.models import Participant, Step
from webapp.participate import refuse_other_sites
from webapp.scales import items_of
from webapp.studies import definition_of, scales_of

bp = Blueprint("steps", __name__)
bp.before_request(refuse_other_sites)


@bp.get("/p/<token>/")
def show(token: str) -> ResponseReturnValue:
    """The step that a participant is at, whatever they did before."""
    participant = _participant(token)
    return _page(token, participant, participation.current_step(db.session, participant))


@bp.get("/p/<token>/<int:position>")
def reopen(token: str, position: int) -> ResponseReturnValue:
    """A page with messages has this address: opened anew, it leads to the current step."""
    return redirect(url_for(".show", token=token))


@bp.post("/p/<token>/<int:position>")
def submit(token: str, position: int) -> ResponseReturnValue:
    """Store this step's answers and move on; a second submit changes nothing."""
    participant = _participant(token)
    key = str(current_app.secret_key)
    step = participation.current_step(db.session, participant)
    if step.position != position:
        # Sent before, or not due yet: neither is a reason to show any page but the current one.
        return redirect(url_for(".show", token=token), 303)
    form = StepForm(_items(participant, step), str(participant.language), request.form)
    if not sealed(request.form.get("seal", ""), key, "step", token, position):
        message = "This page was out of date. Your answers are still here: send them once more."
        return _page(token, participant, step, form, message=message, status=400)
    if not form.validate():
        return _page(token, participant, step, form, status=422)
    try:
        participation.submit(db.session, step.id, form.answers(), form.observed())
    except (participation.AlreadySubmitted, participation.NotCurrent):
        pass
    except (DBAPIError, OSError):
        current_app.logger.exception("answers not saved")
        message = "Your answers could not be saved just now. They are still here: send them again."
        return _page(token, participant, step, form, message=message, status=503)
    else:
        current_app.logger.info("step submitted position=%d items=%d", position, len(form.fields))
    return redirect(url_for(".show", token=token), 303)


def _participant(token: str) -> Participant:
    participant = participation.find(db.session, token)
    if participant is None:
        abort(404, "This link belongs to no participant. Please check that it is complete.")
    return participant


def _items(participant: Participant, step: Step) -> dict[str, Item]:
    definition = definition_of(participant.version)
    match definition.flow[step.flow] if step.flow is not None else None:
        case Block(items=names):
            return {name: definition.items[name] for name in names}
        case Questionnaire() as entry:
            return items_of(entry, scales_of(participant.version), definition.items)
    return {}


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
    definition = definition_of(participant.version)
    language = str(participant.language)
    entry = definition.flow[step.flow or 0]
    stimulus, rendered = None, None
    if step.stimulus_digest is not None:
        stimulus, rendered = displays.render(
            config.artifacts(current_app),
            step.stimulus_digest,
            step.explanation_digest,
            truth=isinstance(entry, Block) and entry.show_truth,
            language=language,
        )
    # A browser that fetches ahead shows nobody anything yet.
    ahead = request.headers.get("Sec-Purpose", "").startswith("prefetch")
    if request.method == "GET" and not ahead:
        participation.show(db.session, step, rendered)
    page, pages = participation.progress(participant, step)
    text = "debrief" if step.kind == "debrief" else getattr(entry, "page", None)
    return Response(
        render_template(
            "participate/step.html",
            title=say(definition.title, language),
            language=language,
            kind=step.kind,
            text=to_html(participant.version.source["pages"][text]) if text else None,
            stimulus=stimulus,
            form=form or StepForm(_items(participant, step), language),
            message=message,
            page=page,
            pages=pages,
            action=url_for(".submit", token=token, position=step.position),
            seal=seal(str(current_app.secret_key), "step", token, step.position),
            outcome=definition.recruitment.outcomes.complete,
        ),
        status,
    )
