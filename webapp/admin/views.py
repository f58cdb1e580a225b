"""Researchers' pages: list, watch, open, close, download."""

import tempfile
from pathlib import Path
from typing import Any

from flask import (
    Blueprint,
    abort,
    current_app,
    flash,
    redirect,
    render_template,
    send_file,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_security import auth_required, current_user
from sqlalchemy import select

from explainer.artifact import Store
from webapp import config, enrolment, export, monitor, placing, studies
from webapp.db import db
from webapp.definition import say
from webapp.keys import new_token
from webapp.models import Membership, Study, StudyVersion

bp = Blueprint("admin", __name__)


@bp.get("/")
def home() -> ResponseReturnValue:
    """The front door: researchers go to their studies, participants have their own link."""
    return render_template("home.html")


@bp.get("/admin/")
@auth_required("session")
def list_studies() -> ResponseReturnValue:
    """The studies on which this researcher has a role."""
    found = db.session.scalars(
        select(Study)
        .join(Membership)
        .where(Membership.researcher_id == current_user.id)
        .order_by(Study.slug)
    )
    rows = [
        {
            "study": study,
            "version": study.versions[-1],
            "title": _title(study.versions[-1]),
            "open": studies.open_version(db.session, study.slug),
        }
        for study in found
    ]
    return render_template("admin/studies.html", rows=rows)


@bp.get("/admin/studies/<slug>")
@auth_required("session")
def study(slug: str) -> ResponseReturnValue:
    """How a study is going."""
    found, role = study_and_role(slug)
    version = _watched(found)
    store = Store(config.artifacts(current_app))
    return render_template(
        "admin/study.html",
        study=found,
        version=version,
        title=_title(version),
        role=role,
        lacking=studies.missing(db.session, version, store),
        releases=studies.definition_of(version).release_after_hours is not None,
        **_live(version),
    )


@bp.get("/admin/studies/<slug>/live")
@auth_required("session")
def live(slug: str) -> ResponseReturnValue:
    """The part of the study page that changes, for its script to fetch."""
    found, _ = study_and_role(slug)
    return render_template("admin/_live.html", **_live(_watched(found)))


@bp.post("/admin/studies/<slug>/open")
@auth_required("session")
def open_study(slug: str) -> ResponseReturnValue:
    """Freeze the newest version and let participants in."""
    study_and_role(slug, "editor", "owner")
    try:
        studies.open_study(db.session, slug, Store(config.artifacts(current_app)))
    except studies.StudyError as error:
        flash(str(error), "danger")
    return redirect(url_for(".study", slug=slug), 303)


@bp.post("/admin/studies/<slug>/close")
@auth_required("session")
def close_study(slug: str) -> ResponseReturnValue:
    """Let nobody new in."""
    study_and_role(slug, "editor", "owner")
    studies.close_study(db.session, slug)
    return redirect(url_for(".study", slug=slug), 303)


@bp.post("/admin/studies/<slug>/preview")
@auth_required("session")
def preview(slug: str) -> ResponseReturnValue:
    """Go through the newest version as a participant would; it is marked and counted nowhere."""
    found, _ = study_and_role(slug)
    version = found.versions[-1]
    if studies.missing(db.session, version, Store(config.artifacts(current_app))):
        flash(f"There is nothing to see yet. Run: flask precompute {slug}", "danger")
        return redirect(url_for(".study", slug=slug), 303)
    token = new_token()
    language = studies.definition_of(version).languages[0]
    enrolment.enrol(db.session, version.id, token, None, language, preview=True)
    return redirect(url_for("steps.show", token=token), 303)


@bp.post("/admin/studies/<slug>/release")
@auth_required("session")
def release(slug: str) -> ResponseReturnValue:
    """Give back the places of those who stayed away for longer than the study says."""
    found, _ = study_and_role(slug, "editor", "owner")
    try:
        released = placing.give_back(db.session, found, None)
        flash(f"Places given back: {released}.", "success")
    except studies.StudyError as error:
        flash(str(error), "danger")
    return redirect(url_for(".study", slug=slug), 303)


@bp.get("/admin/studies/<slug>/versions/<int:number>/export")
@auth_required("session")
def download(slug: str, number: int) -> ResponseReturnValue:
    """The export bundle of one version as a zip."""
    found, _ = study_and_role(slug)
    version = next((each for each in found.versions if each.number == number), None)
    if version is None or not version.frozen:
        abort(404, "This version was never opened, so there is nothing to export.")
    with tempfile.TemporaryDirectory(prefix="credence-export-") as folder:
        archive = Path(folder) / "bundle.zip"
        export.write(db.session, version, Store(config.artifacts(current_app)), archive)
        # The open file outlives its folder, and is closed with the response.
        response = send_file(
            archive.open("rb"),
            mimetype="application/zip",
            as_attachment=True,
            download_name=f"{slug}-{number}-bundle.zip",
        )
        response.content_length = archive.stat().st_size
    return response


def study_and_role(slug: str, *roles: str) -> tuple[Study, str]:
    """The study and this researcher's role; what is not theirs does not exist for them."""
    researcher: Any = current_user
    try:
        found = studies.find_study(db.session, slug)
        role = studies.role_on(researcher, found)
    except studies.StudyError:
        role = None
    if role is None:
        abort(404, "You have no study of this name. Its owner can give you a role on it.")
    if roles and role not in roles:
        abort(403, f"Your role on this study is {role}; this takes {' or '.join(roles)}.")
    return found, role


def _watched(study: Study) -> StudyVersion:
    """The open version, else the newest."""
    return studies.open_version(db.session, study.slug) or study.versions[-1]


def _live(version: StudyVersion) -> dict[str, Any]:
    return {
        "slug": version.study.slug,
        "outcomes": monitor.outcomes(db.session, version),
        "robots": monitor.outcomes(db.session, version, simulated=True).total(),
        "participants": monitor.participants(db.session, version),
        "most": monitor.MOST_PARTICIPANTS,
        "picture": monitor.picture(db.session, version),
    }


def _title(version: StudyVersion) -> str:
    definition = studies.definition_of(version)
    return say(definition.title, definition.languages[0])
