"""The commands that need no web application: `python -m explainer train ...`."""

import click

from explainer.train.commands import train


@click.group()
def main() -> None:
    """Train the models that ship with Credence."""


main.add_command(train)

if __name__ == "__main__":
    main(prog_name="python -m explainer")
