"""The commands that need no web application: `python -m explainer train ...`."""

import click

from explainer.methods.listing import methods
from explainer.train.commands import train


@click.group()
def main() -> None:
    """Train the models that ship with Credence, and list the methods that explain."""


main.add_command(train)
main.add_command(methods)

if __name__ == "__main__":
    main(prog_name="python -m explainer")
