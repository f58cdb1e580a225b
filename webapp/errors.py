"""Pages for what goes wrong: what happened, that nothing is lost, and what to do."""

from flask import Flask, render_template
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, InternalServerError, RequestEntityTooLarge

ADVICE = {
    400: "The page could not read what was sent. Go back, reload the page and try again.",
    403: "You may not see this page.",
    404: "There is no page under this address. Please check that the link is complete.",
    405: "This address cannot be opened like that. Go back and use the page's own buttons.",
    429: "Too many attempts. Please wait a minute and try again.",
}


def init_app(app: Flask) -> None:
    """Register the pages."""

    @app.errorhandler(HTTPException)
    def expected(error: HTTPException) -> tuple[str, int]:
        code = error.code or 500
        own = error.description != type(error).description
        advice = str(error.description) if own else ADVICE.get(code, "Please try again.")
        return render_template("error.html", code=code, name=error.name, advice=advice), code

    @app.errorhandler(CSRFError)
    def forged(error: CSRFError) -> tuple[str, int]:
        advice = "This page was open for too long. Go back, reload it and try again."
        return render_template("error.html", code=400, name=error.name, advice=advice), 400

    @app.errorhandler(RequestEntityTooLarge)
    def too_large(error: RequestEntityTooLarge) -> tuple[str, int]:
        advice = (
            "What was sent is larger than 4 MB, so nothing of it was stored; earlier answers are "
            "safe. Go back, shorten the text and send it again."
        )
        return render_template("error.html", code=413, name=error.name, advice=advice), 413

    @app.errorhandler(InternalServerError)
    def unexpected(error: InternalServerError) -> tuple[str, int]:
        advice = (
            "Something went wrong on our side. Answers that you have sent before are safe. "
            "Go back and try again; if it happens again, write to the researchers."
        )
        return render_template("error.html", code=500, name=error.name, advice=advice), 500
