"""Settings of gunicorn: `gunicorn --config python:webapp.serving wsgi:app`."""

import os
from typing import Any

workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_class = "gthread"
threads = 4
timeout = 60
graceful_timeout = 10
# The access log would name participants' paths, and these hold their keys.
accesslog = None
errorlog = "-"
loglevel = "warning"


def when_ready(_server: Any) -> None:
    """Say where the site is, once it answers."""
    announce = os.environ.get("CREDENCE_ANNOUNCE")
    if announce:
        print(announce, flush=True)
