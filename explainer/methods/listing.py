"""The methods in words, for people who read them in a terminal."""

import textwrap
from collections.abc import Iterator

import click

from explainer.methods import Method, Parameter
from explainer.methods.catalogue import FAMILIES

WIDTH = 100
INDENT = 4


def listing(kind: str | None = None) -> str:
    """Every method by family; with `kind`, only those that apply to such subjects."""
    blocks = []
    for family, methods in FAMILIES.items():
        shown = [each for each in methods if kind is None or kind in each.kinds]
        if shown:
            blocks.append("\n\n".join([family.upper(), *map(described, shown)]))
    return "\n\n".join(blocks)


def described(method: Method) -> str:
    """A method: what it applies to, its parameters with defaults, cost and source."""
    lines = [f"{method.name}: {', '.join(method.kinds)}"]
    for label, text in _facts(method):
        lines += textwrap.wrap(
            f"{label}: {text}",
            WIDTH,
            initial_indent=" " * INDENT,
            subsequent_indent=" " * 2 * INDENT,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(lines)


def _facts(method: Method) -> Iterator[tuple[str, str]]:
    if method.control:
        yield "of", "the name of the explanation that it is made from"
    for name, parameter in method.parameters.items():
        yield name, f"{parameter}; default {_said(parameter)}"
    yield "cost", method.cost
    yield "source", method.source


def _said(parameter: Parameter) -> str:
    default = parameter.default
    return default if isinstance(default, str) else f"{default:g}"


@click.command("methods")
@click.option(
    "--kind",
    type=click.Choice(["image", "text", "prompt", "series"]),
    help="Only methods that apply to an image, a classified text, a prompt, or a series.",
)
def methods(kind: str | None) -> None:
    """List the methods: what each applies to, its parameters, its cost and its source."""
    click.echo(listing(kind))
