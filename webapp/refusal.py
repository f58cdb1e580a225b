"""Commands that fail as expected: a message on stderr, exit status 1, no traceback."""

import sys
from typing import Any

import click


class Refusal(click.ClickException):
    """An expected failure: its message goes to stderr, without a traceback."""

    def show(self, file: Any = None) -> None:
        """Print the message as it is; it names its file or study itself."""
        click.echo(self.message, file=file or sys.stderr)
