"""A participant's pages as they were, read-only: answers filled in, and what happened when."""

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue
from flask_security import auth_required

from webapp import replay
from webapp.admin.views import study_and_role
from webapp.db import db
from webapp.forms import StepForm
from webapp.models import Participant, Study
from webapp.participate.page import contents, items

bp = Blueprint("replay", __name__)


@bp.get("/admin/studies/<slug>/participants/<pseudonym>")
@auth_required("session")
def pages(slug: str, pseudonym: str) -> ResponseReturnValue:
    """The pages that a participant was shown, in order."""
    study, _ = study_and_role(slug)
    found = _participant(study, pseudonym)
    return render_template(
        "admin/participant.html",
        study=study,
        participant=found,
        steps=[step for step in found.steps if replay.is_page(step)],
    )


@bp.get("/admin/studies/<slug>/participants/<pseudonym>/<int:position>/<int:attempt>")
@auth_required("session")
def page(slug: str, pseudonym: str, position: int, attempt: int) -> ResponseReturnValue:
    """One page as it is drawn for this participant, whether that is what they saw, and events."""
    study, _ = study_and_role(slug)
    found = _participant(study, pseudonym)
    step = replay.step(found, position, attempt)
    if step is None:
        abort(404, "This page was never shown to this participant.")
    asked = items(found, step)
    form = StepForm(asked, str(found.language), replay.sent(asked, step.responses))
    content, rendered = contents(found, step, form)
    shown = [each for each in found.steps if replay.is_page(each)]
    place = shown.index(step)
    return render_template(
        "admin/replay.html",
        **content,
        study=study,
        participant=found,
        step=step,
        same=rendered == step.rendered_sha256,
        views=replay.views(db.session, step),
        before=shown[place - 1] if place else None,
        after=shown[place + 1] if place + 1 < len(shown) else None,
    )


def _participant(study: Study, pseudonym: str) -> Participant:
    found = replay.participant(db.session, study, pseudonym)
    if found is None:
        abort(404, "This study has no participant of this number.")
    return found
