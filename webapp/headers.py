"""Headers of every answer: nothing from other hosts, no inline script, no leaking of links."""

from flask import Flask, Response, request
from flask.sessions import SecureCookieSessionInterface

from webapp.participate import BLUEPRINTS

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


class CookieSessions(SecureCookieSessionInterface):
    """Flask's signed cookie, which is Secure wherever the page came over HTTPS."""

    def get_cookie_secure(self, app: Flask) -> bool:
        """Whether this request came over HTTPS, as far as the trusted proxies say."""
        return request.is_secure


def init_app(app: Flask) -> None:
    """Set the headers on every response of the application."""
    app.session_interface = CookieSessions()

    @app.after_request
    def set_headers(response: Response) -> Response:
        participants = request.blueprint in BLUEPRINTS
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Frame-Options"] = "DENY"
        # Researchers' forms are checked against the referrer when they come over HTTPS.
        response.headers["Referrer-Policy"] = "no-referrer" if participants else "same-origin"
        picture = request.endpoint == "pictures.show" and response.status_code in (200, 304)
        if request.endpoint not in ("static", "bootstrap.static") and not picture:
            response.headers["Cache-Control"] = "no-store"
        if request.is_secure:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        return response
