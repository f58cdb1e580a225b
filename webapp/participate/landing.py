"""The way into a study: the consent page, a yes or a no. Reading it stores nothing."""

import re
from urllib.parse import urlencode

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from webapp import enrolment, participation
from webapp.db import db
from webapp.definition import Definition, RecruitmentSite, say
from webapp.keys import new_token, seal, sealed
from webapp.languages import speak
from webapp.markdown import to_html
from webapp.models import StudyVersion
from webapp.participate import refuse_other_sites
from webapp.studies import StudyError, definition_of, find_study, open_version, page_text

bp = Blueprint("landing", __name__)
bp.before_request(refuse_other_sites)
COOKIE_SECONDS = 30 * 24 * 3600


@bp.get("/s/<slug>")
def read(slug: str) -> ResponseReturnValue:
    """The consent page of a study."""
    version = _open_version(slug)
    if version is None:
        return render_template("participate/closed.html"), 403
    return _landing_page(version)


@bp.post("/s/<slug>")
def consent(slug: str) -> ResponseReturnValue:
    """Enrol somebody who agrees, or count a refusal; the same form sent twice is one of either."""
    version = _open_version(slug)
    if version is None:
        return render_template("participate/closed.html"), 403
    token, external_id = request.form.get("token", ""), request.form.get("external_id", "")
    simulated = _simulated(version)
    key = str(current_app.secret_key)
    if not sealed(request.form.get("seal", ""), key, "consent", version.id, token, external_id):
        return _landing_page(
            version, gettext("This page was out of date. Please choose once more.")
        ), 400
    if request.form.get("choice") == "decline":
        return _decline(version, slug, token, external_id)
    if request.form.get("choice") != "agree":
        return _landing_page(version, gettext("Please choose one of the two buttons.")), 422
    known = _known_here(slug)
    if known and not sealed(request.form.get("seen", ""), key, "seen", known):
        # Another tab of this browser enrolled after this page was opened.
        return redirect(url_for("steps.show", token=known), 303)
    return _enrol(version, slug, token, external_id, simulated=bool(simulated))


@bp.get("/s/<slug>/declined")
def declined(slug: str) -> ResponseReturnValue:
    """A polite end for somebody who does not take part."""
    version = _open_version(slug)
    if version is None:
        return render_template("participate/declined.html", back=None)
    site = definition_of(version).recruitment
    back = site.way_back("declined", _given_id(site))
    return render_template("participate/declined.html", back=back)


def _open_version(slug: str) -> StudyVersion | None:
    """The open version; 404 where there is no such study, None where it is closed."""
    try:
        find_study(db.session, slug)
    except StudyError:
        abort(404, gettext("There is no study under this address. Please check the link."))
    version = open_version(db.session, slug)
    if version is not None:
        speak(_language(version))
    return version


def _landing_page(version: StudyVersion, message: str | None = None) -> str:
    definition = definition_of(version)
    language = _language(version)
    site = definition.recruitment
    preview = site.preview is not None and request.args.get(site.preview[0]) == site.preview[1]
    simulated = _simulated(version)
    external_id = "" if preview or simulated else _external_id(site)
    token, key = new_token(), str(current_app.secret_key)
    slug = definition.slug
    known = _known_here(slug)
    return render_template(
        "participate/landing.html",
        title=say(definition.title, language),
        language=language,
        languages=definition.languages,
        links=_links(definition, external_id),
        text=to_html(page_text(version, "consent", language)),
        message=message,
        slug=slug,
        token=token,
        external_id=external_id,
        simulated=simulated,
        seal=seal(key, "consent", version.id, token, external_id),
        seen=seal(key, "seen", known) if known else "",
        known=known,
        preview=preview,
    )


def _links(definition: Definition, external_id: str) -> dict[str, str]:
    """The same page by language; whatever else brought somebody here is kept."""
    given = request.args.to_dict()
    if definition.recruitment.parameter and external_id:
        given[definition.recruitment.parameter] = external_id
    page = url_for(".read", slug=definition.slug)
    return {each: f"{page}?{urlencode(given | {'lang': each})}" for each in definition.languages}


def _external_id(site: RecruitmentSite) -> str:
    """The recruitment id in the link, or nothing where that may be.

    A placeholder that was never filled is a 400, and so is a link without an id where every link
    from the platform has one.
    """
    given = _given_id(site)
    valid = re.fullmatch(r"[\w.@-]{1,128}", given, re.ASCII)
    if not valid if given else site.id_required:
        abort(
            400,
            gettext(
                "The link has no valid %(parameter)s. "
                "Please open the study from where you found it.",
                parameter=site.parameter,
            ),
        )
    return given


def _given_id(site: RecruitmentSite) -> str:
    name = site.parameter
    sent = request.form.get("external_id") or request.args.get(name or "", "")
    return sent if name else ""


def _simulated(version: StudyVersion) -> str:
    """The seal by which `flask simulate` marks its participants, or nothing; a wrong one is a 403.

    Whoever bears no right one is never taken for a robot, and no robot for a person.
    """
    given = request.values.get("simulated", "")
    if given and not sealed(given, str(current_app.secret_key), "simulated", version.id):
        abort(
            403,
            gettext(
                "This link is for the simulated participants of another installation or version."
            ),
        )
    return given


def _known_here(slug: str) -> str | None:
    """The token of somebody who began this study in this browser."""
    token = request.cookies.get(f"study-{slug}", "")
    participant = participation.find(db.session, token) if token else None
    if participant is None:
        return None
    return token if participant.version.study.slug == slug else None


def _language(version: StudyVersion) -> str:
    """The language chosen by a link, or the one of the study's that the browser likes best."""
    languages = definition_of(version).languages
    chosen = request.values.get("lang", "")
    if chosen in languages:
        return chosen
    return request.accept_languages.best_match(languages) or languages[0]


def _decline(version: StudyVersion, slug: str, token: str, external_id: str) -> ResponseReturnValue:
    refused = enrolment.decline(db.session, version.id, token)
    # Some sites want to hear by the id that somebody does not take part.
    name = definition_of(version).recruitment.parameter
    given = {name: external_id} if name and external_id else {}
    end = f"{url_for('.declined', slug=slug)}?{urlencode(given | {'lang': _language(version)})}"
    return redirect(end if refused else url_for("steps.show", token=token), 303)


def _enrol(
    version: StudyVersion, slug: str, token: str, external_id: str, *, simulated: bool
) -> ResponseReturnValue:
    given, language = external_id or None, _language(version)
    try:
        enrolment.enrol(db.session, version.id, token, given, language, simulated=simulated)
    except enrolment.AlreadyEnrolled:
        return render_template("participate/already.html"), 409
    except enrolment.NotOpen:
        return render_template("participate/closed.html"), 403
    response = redirect(url_for("steps.show", token=token), 303)
    response.set_cookie(
        f"study-{slug}",
        token,
        max_age=COOKIE_SECONDS,
        path=url_for(".read", slug=slug),
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )
    return response
