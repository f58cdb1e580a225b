"""Researchers' accounts: passwords by argon2, CSRF on their forms, a limit on guessing."""

import secrets
from typing import Any
from uuid import uuid4

from email_validator import EmailNotValidError, validate_email
from flask import Flask, request
from flask_bootstrap import Bootstrap5
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_security import Security, hash_password
from flask_security.datastore import FSQLALiteUserDatastore
from flask_wtf import CSRFProtect
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.db import db, writing
from webapp.models import Researcher
from webapp.participate import BLUEPRINTS


class AccountError(Exception):
    """An account cannot be made or found; the message says why."""


def init_app(app: Flask) -> None:
    """Set up login, CSRF and limits; participants' pages have protections of their own."""
    Bootstrap5(app)
    csrf = CSRFProtect(app)
    limiter = Limiter(get_remote_address, app=app)
    # Roles are per study (Membership), so there is no model of global ones.
    no_roles: Any = None
    Security(app, FSQLALiteUserDatastore(db, Researcher, no_roles))
    limited: Any = limiter.limit(
        lambda: app.config["LOGIN_LIMIT"], exempt_when=lambda: request.method != "POST"
    )(app.view_functions["security.login"])
    app.view_functions["security.login"] = limited

    @app.before_request
    def check_csrf() -> None:
        if request.endpoint and request.blueprint not in BLUEPRINTS:
            csrf.protect()


def create(session: Session, email: str, password: str | None = None) -> tuple[str, str]:
    """Create a researcher, or give an existing one a new password; return email and password.

    Without a password a random one of 96 bits is made. Raises AccountError on a bad address or
    a password of fewer than 12 characters.
    """
    try:
        email = validate_email(email, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise AccountError(f"{email!r} is no email address: {error}") from error
    password = password or secrets.token_urlsafe(12)
    if len(password) < 12:
        raise AccountError("the password has fewer than 12 characters; choose a longer one")
    with writing(session):
        researcher = find(session, email)
        if researcher is None:
            researcher = Researcher(email=email, active=True)
            session.add(researcher)
        researcher.password = hash_password(password)
        # A new uniquifier logs the account out everywhere.
        researcher.fs_uniquifier = uuid4().hex
    return email, password


def find(session: Session, email: str) -> Researcher | None:
    """The researcher with this address, in upper or lower case."""
    return session.scalar(select(Researcher).where(func.lower(Researcher.email) == email.lower()))
