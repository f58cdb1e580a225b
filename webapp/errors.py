"""Pages for what goes wrong: what happened, that nothing is lost, and what to do."""

from flask import Flask, render_template
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, InternalServerError

from explainer.artifact import ArtifactError

# A heading in plain words, and the advice where the error brings none of its own.
PAGES = {
    400: (
        "This page could not be read",
        "Something that was sent is missing or damaged. Go back, reload the page and try again.",
    ),
    403: ("This page is not open to you", "You may not see this page."),
    404: (
        "Page not found",
        "There is no page under this address. Please check that the link is complete.",
    ),
    405: (
        "This address cannot be opened like that",
        "Go back and use the page's own buttons.",
    ),
    413: (
        "This is too long to be stored",
        "What was sent is larger than 20 MB, so nothing of it was stored; earlier answers are "
        "safe. Go back, shorten the text and send it again.",
    ),
    429: ("Too many attempts", "Please wait a minute and try again."),
    503: (
        "This page cannot be shown just now",
        "A file is missing on our side. Answers that you have sent before are safe. Please come "
        "back to this same address later, or write to the researchers.",
    ),
    500: (
        "Something went wrong on our side",
        "Answers that you have sent before are safe. Go back and try again; if it happens again, "
        "write to the researchers.",
    ),
}


def init_app(app: Flask) -> None:
    """Register the pages."""

    @app.errorhandler(HTTPException)
    def expected(error: HTTPException) -> tuple[str, int]:
        code = error.code or 500
        name, advice = PAGES.get(code, (error.name, "Please try again."))
        # The limiter describes its rule, everything else what happened.
        if code != 429 and error.description != type(error).description:
            advice = str(error.description)
        return render_template("error.html", code=code, name=name, advice=advice), code

    @app.errorhandler(CSRFError)
    def expired(_error: CSRFError) -> tuple[str, int]:
        name, advice = "This page was open for too long", "Go back, reload it and try again."
        return render_template("error.html", code=400, name=name, advice=advice), 400

    @app.errorhandler(ArtifactError)
    def damaged(error: ArtifactError) -> tuple[str, int]:
        app.logger.error("artifact not readable: %s", error)
        name, advice = PAGES[503]
        return render_template("error.html", code=503, name=name, advice=advice), 503

    @app.errorhandler(InternalServerError)
    def unexpected(_error: InternalServerError) -> tuple[str, int]:
        name, advice = PAGES[500]
        return render_template("error.html", code=500, name=name, advice=advice), 500
