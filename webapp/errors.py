"""Pages for what goes wrong: what happened, that nothing is lost, and what to do."""

from flask import Flask, render_template
from flask_babel import gettext
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, InternalServerError

from explainer.artifact import ArtifactError


def N_(message: str) -> str:  # noqa: N802  # the name by which gettext finds what is said later
    """A message that is translated when it is said."""
    return message


# A heading in plain words, and the advice where the error brings none of its own.
PAGES = {
    400: (
        N_("This page could not be read"),
        N_(
            "Something that was sent is missing or damaged. Go back, reload the page and try again."
        ),
    ),
    403: (N_("This page is not open to you"), N_("You may not see this page.")),
    404: (
        N_("Page not found"),
        N_("There is no page under this address. Please check that the link is complete."),
    ),
    405: (
        N_("This address cannot be opened like that"),
        N_("Go back and use the page's own buttons."),
    ),
    413: (
        N_("This is too long to be stored"),
        N_(
            "What was sent is larger than 20 MB, so nothing of it was stored; earlier answers are "
            "safe. Go back, shorten the text and send it again."
        ),
    ),
    429: (N_("Too many attempts"), N_("Please wait a minute and try again.")),
    503: (
        N_("This page cannot be shown just now"),
        N_(
            "A file is missing on our side. Answers that you have sent before are safe. Please "
            "come back to this same address later, or write to the researchers."
        ),
    ),
    500: (
        N_("Something went wrong on our side"),
        N_(
            "Answers that you have sent before are safe. Go back and try again; if it happens "
            "again, write to the researchers."
        ),
    ),
}


def init_app(app: Flask) -> None:
    """Register the pages."""

    @app.errorhandler(HTTPException)
    def expected(error: HTTPException) -> tuple[str, int]:
        code = error.code or 500
        name, advice = _said(*PAGES.get(code, (error.name, N_("Please try again."))))
        # The limiter describes its rule, everything else what happened.
        if code != 429 and error.description != type(error).description:
            advice = str(error.description)
        return render_template("error.html", code=code, name=name, advice=advice), code

    @app.errorhandler(CSRFError)
    def expired(_error: CSRFError) -> tuple[str, int]:
        name = gettext("This page was open for too long")
        advice = gettext("Go back, reload it and try again.")
        return render_template("error.html", code=400, name=name, advice=advice), 400

    @app.errorhandler(ArtifactError)
    def damaged(error: ArtifactError) -> tuple[str, int]:
        app.logger.error("artifact not readable: %s", error)
        name, advice = _said(*PAGES[503])
        return render_template("error.html", code=503, name=name, advice=advice), 503

    @app.errorhandler(InternalServerError)
    def unexpected(_error: InternalServerError) -> tuple[str, int]:
        name, advice = _said(*PAGES[500])
        return render_template("error.html", code=500, name=name, advice=advice), 500


def _said(name: str, advice: str) -> tuple[str, str]:
    return gettext(name), gettext(advice)
