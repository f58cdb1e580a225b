"""The web application: participants answer, researchers watch and export."""

import os
from typing import Any

from flask import Flask
from sqlalchemy.exc import ArgumentError
from werkzeug.middleware.proxy_fix import ProxyFix


def create_app(instance_path: str | None = None, **overrides: Any) -> Flask:
    """Build the application; `overrides` replace settings by name.

    The installation's own files lie in `instance_path`, else where the environment variable
    CREDENCE_INSTANCE says, else in instance/ beside the packages.
    """
    from webapp import accounts, assets, cli, config, errors, headers, languages, logs
    from webapp.admin import replay
    from webapp.admin import views as admin
    from webapp.db import alembic, db, prepare_engine
    from webapp.displays import views as pictures
    from webapp.participate import events, landing, steps, withdrawal

    instance_path = instance_path or os.environ.get("CREDENCE_INSTANCE")
    app = logs.Application("webapp", instance_path=instance_path and os.path.abspath(instance_path))
    config.configure(app, overrides)
    if app.config["PROXIES"]:
        count = int(app.config["PROXIES"])
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]
    try:
        db.init_app(app)
    except ArgumentError as error:
        raise SystemExit(f"CREDENCE_DATABASE_URL is no database address: {error}") from error
    with app.app_context():
        prepare_engine(db.engine)
    alembic.init_app(app)
    languages.init_app(app)
    accounts.init_app(app)
    # What runs after a request runs last to first: headers set what assets may then change.
    assets.init_app(app)
    headers.init_app(app)
    errors.init_app(app)
    for views in (landing, steps, events, withdrawal, pictures, admin, replay):
        app.register_blueprint(views.bp)
    cli.init_app(app)
    return app
