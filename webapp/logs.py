"""What the log may say: events and keys, never a participant's link, a name or an answer."""

import logging
import re
from typing import Any

from flask import Flask, request

_LINK = re.compile(r"/p/[0-9a-f]+")


class Application(Flask):
    """Flask, whose log names the endpoint where it would name a path."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """Log events from INFO on, and keep links out of the development server's lines."""
        super().__init__(*args, **options)
        self.logger.setLevel(logging.INFO)
        logging.getLogger("werkzeug").addFilter(without_links)

    def log_exception(self, exc_info: Any) -> None:
        """Log an unhandled error."""
        self.logger.error("unhandled error endpoint=%s", request.endpoint, exc_info=exc_info)


def without_links(record: logging.LogRecord) -> bool:
    """Replace every participant's link in a record by /p/..."""
    record.msg = _LINK.sub("/p/...", record.getMessage())
    record.args = None
    return True
