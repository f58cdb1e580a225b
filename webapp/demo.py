"""`flask demo`: from a fresh clone to a running study, and back in seconds the next time."""

import logging
import os
import socket
import subprocess
import sys
from pathlib import Path

from flask import current_app

from explainer.artifact import Store
from webapp import accounts, config, studies
from webapp.db import alembic, db
from webapp.study import read

SLUG, EMAIL, HOST = "demo", "researcher@example.org", "127.0.0.1"


class DemoError(Exception):
    """The demo cannot run here; the message says why and what to do."""


def run(port: int) -> None:
    """Prepare whatever is missing, then serve. Raises DemoError where the port is taken."""
    _expect_free(port)
    root = Path(current_app.root_path).parent
    logging.getLogger("alembic").setLevel(logging.WARNING)
    alembic.upgrade()
    password = _researcher()
    studies.load(db.session, read(root / "studies" / SLUG, Path(current_app.instance_path)))
    studies.grant(db.session, EMAIL, SLUG, "owner")
    study = studies.find_study(db.session, SLUG)
    store = Store(config.artifacts(current_app))
    if studies.missing(db.session, study.versions[-1], store):
        # A process of its own: torch never enters the one that serves.
        command = [sys.executable, "-m", "flask", "--app", "wsgi", "precompute", SLUG]
        if subprocess.run(command, cwd=root, check=False).returncode:
            raise DemoError("the stimuli could not be explained, see above")
        db.session.expire_all()
    if not study.versions[-1].is_open:
        studies.open_study(db.session, SLUG, store)
    db.session.close()
    site = f"http://{HOST}:{port}"
    lines = [
        f"participant: {site}/s/{SLUG}",
        f"admin: {site}/admin/",
        f"login: {EMAIL} {password}"
        if password
        else f"login: {EMAIL} (new password: .venv/bin/flask researcher create {EMAIL})",
    ]
    os.environ["CREDENCE_ANNOUNCE"] = "\n".join(lines)
    os.chdir(root)
    arguments = ["--config", "python:webapp.serving", "--bind", f"{HOST}:{port}", "wsgi:app"]
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", *arguments])  # noqa: S606


def _researcher() -> str | None:
    """Create the demo's researcher the first time, and return the password, which is shown once."""
    if accounts.find(db.session, EMAIL) is not None:
        return None
    return accounts.create(db.session, EMAIL)[1]


def _expect_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise DemoError(
                f"port {port} cannot be used ({error}); choose another: PORT=9000 make demo"
            ) from error
