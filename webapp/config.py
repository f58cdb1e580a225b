"""Settings: safe defaults, then environment variables CREDENCE_<NAME>."""

import os
import secrets
import tempfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask

MEBIBYTE = 2**20


def configure(app: Flask, overrides: dict[str, Any]) -> None:
    """Set every setting; the secret key and the database lie in the instance folder."""
    app.config.from_mapping(
        DATABASE_URL=f"sqlite:///{Path(app.instance_path) / 'credence.sqlite3'}",
        # Two million characters, three bytes each and each written as %XX, come back with a
        # message beside their field; what is larger is refused whole.
        MAX_CONTENT_LENGTH=20 * MEBIBYTE,
        MAX_FORM_MEMORY_SIZE=20 * MEBIBYTE,
        SEND_FILE_MAX_AGE_DEFAULT=timedelta(hours=1),
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_NAME="credence",
        # How many proxies in front of gunicorn set X-Forwarded-*; behind one that ends TLS: 1.
        PROXIES=0,
        BOOTSTRAP_SERVE_LOCAL=True,
        RATELIMIT_STORAGE_URI="memory://",
        LOGIN_LIMIT="10 per minute",
        SECURITY_PASSWORD_HASH="argon2",  # noqa: S106  # the name of a hash, not a password
        SECURITY_PASSWORD_SINGLE_HASH=True,
        SECURITY_PASSWORD_LENGTH_MIN=12,
        SECURITY_POST_LOGIN_VIEW="/admin/",
        SECURITY_POST_LOGOUT_VIEW="/",
        SECURITY_RETURN_GENERIC_RESPONSES=True,
        SECURITY_SEND_REGISTER_EMAIL=False,
        SECURITY_MSG_UNAUTHENTICATED=("Please log in to see this page.", "info"),
        SECURITY_MSG_GENERIC_AUTHN_FAILED=("The email or the password is wrong.", "error"),
        SECURITY_EMAIL_VALIDATOR_ARGS={"check_deliverability": False, "test_environment": True},
        SECURITY_CSRF_PROTECT_MECHANISMS=["session", "basic"],
        WTF_CSRF_CHECK_DEFAULT=False,
    )
    app.config.from_prefixed_env("CREDENCE")
    app.config.update(overrides)
    try:
        Path(app.instance_path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SystemExit(
            f"the instance folder {app.instance_path} cannot be made ({error.strerror}); name "
            "another with the environment variable CREDENCE_INSTANCE"
        ) from error
    given = app.config.get("SECRET_KEY")
    # A key of digits alone comes out of the environment as a number.
    app.config["SECRET_KEY"] = str(given or _secret(Path(app.instance_path) / "secret_key"))
    app.config["SQLALCHEMY_ENGINES"] = {"default": app.config["DATABASE_URL"]}
    app.config["ALEMBIC"] = {
        "script_location": str(Path(app.root_path).parent / "migrations"),
        "file_template": "%%(rev)s_%%(slug)s",
    }
    app.config["ALEMBIC_CONTEXT"] = {"compare_type": True, "render_as_batch": True}


def artifacts(app: Flask) -> Path:
    """The folder that holds the artifacts of this installation."""
    return Path(app.instance_path) / "artifacts"


def _secret(path: Path) -> str:
    """Read the installation's own key; the first process makes it, readable by nobody else."""
    if not path.exists():
        handle, made = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(32))
        # Of several processes that start at once, the first to link decides for all.
        with suppress(FileExistsError):
            os.link(made, path)
        os.unlink(made)
    key = path.read_text()
    if len(key) < 64:
        raise RuntimeError(
            f"{path} holds no key; remove it to have a new one made (researchers will have to log "
            "in again, participants to send their open page twice)"
        )
    return key
