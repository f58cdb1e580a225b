"""The commands `flask checkpoint import|list|show|evaluate`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup
from pydantic import TypeAdapter, ValidationError

from webapp.parts import Name
from webapp.refusal import Refusal

checkpoint_group = AppGroup("checkpoint", help="Import, list, show and evaluate trained models.")

File = click.Path(path_type=Path)


@checkpoint_group.command("import")
@click.argument("path", type=File)
@click.option("--as", "name", required=True, help="The name that studies call it by.")
@click.option(
    "--config", type=File, help="Its configuration (JSON), where none is in or beside it."
)
@click.option(
    "--tokeniser", type=File, help="Its tokeniser.json, or its vocabulary with a word a line."
)
def import_checkpoint(path: Path, name: str, config: Path | None, tokeniser: Path | None) -> None:
    """Keep the trained model at PATH under a name.

    PATH is one of our folders, a state-spaces .ckpt, or a .pt, .pth or .safetensors of S4 or
    SpaceTime with its config.json. Nothing that is in a file is executed.
    """
    _expect_name(name)
    with _refusing():
        from explainer import describe, library

        found = library.bring_in(path, name, _instance(), config=config, tokeniser=tokeniser)
    card, digest = found.card, found.card["weights_sha256"]
    architecture, parameters = card["architecture"]["name"], f"{card['parameters']:,} parameters"
    _echo(f"{name}: {'imported' if found.new else 'was there already'}, {found.folder}")
    _echo(f"{architecture}, {parameters}, reads {describe.inputs(card)}")
    if card["preprocessing"] == {"kind": "text"}:
        _echo("it has no tokeniser: to explain what it does with texts, import it with --tokeniser")
    _echo(f"SHA-256 {digest}\n\nwrite into study.yaml:\n\n{_for_study(name, digest)}")


@checkpoint_group.command("list")
def list_checkpoints() -> None:
    """List the checkpoints of this installation and those that ship."""
    with _refusing():
        from explainer import describe, library

        found = list(library.every(_instance()))
    whole = [describe.listed(each.name, each.where, each.card) for each in found if each.card]
    _echo(describe.table([describe.LISTED, *whole]))
    for each in found:
        if each.card is None:
            _echo(f"{each.name} ({each.where}) is damaged: {each.wrong}")


@checkpoint_group.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print the card as it is.")
def show(name: str, as_json: bool) -> None:
    """Print the card of NAME, or of the checkpoint at a path."""
    with _refusing():
        from explainer import describe, library

        folder, card = library.card(name, _instance())
    if as_json:
        click.echo(json.dumps(card, indent=2))
        return
    _echo(f"{name}: {folder}\n\n{describe.described(card)}")
    if folder.parent in (library.home(_instance()), library.SHIPPED):
        _echo(f"\nin study.yaml:\n\n{_for_study(name, card['weights_sha256'])}")


@checkpoint_group.command("evaluate")
@click.argument("name")
@click.option("--data", type=File, help="A folder with the data; without it they are fetched once.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option("--on", help="What to judge it on: mnist, cifar, prices; by default what made it.")
def evaluate(name: str, data: Path | None, device: str, on: str | None) -> None:
    """Judge NAME again, beside its card and beside naive baselines; the card stays as it is."""
    with _refusing():
        from explainer import describe, library

        folder = library.find(name, _instance())
        click.echo(f"{name}: judging {folder}, which can take minutes", err=True)
        card, metrics = library.evaluate(folder, data=data, device=device, on=on)
    _echo(describe.compared(metrics, card))
    if "trainer" not in card["training"]:
        _echo(f"\n{name} was imported: its card does not tell whether it learnt from any of this")


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn expected errors into messages."""
    try:
        from explainer.library import EXPECTED
    except ModuleNotFoundError as error:
        raise Refusal(
            f"{error.name} is not installed; checkpoints need: pip install 'credence[explainer]'"
        ) from error
    try:
        yield
    except EXPECTED as error:
        raise Refusal(_printable(str(error).replace("\n", " "))) from error
    except OSError as error:
        raise Refusal(f"{error.filename}: {error.strerror}") from error


def _instance() -> Path:
    return Path(current_app.instance_path)


def _expect_name(name: str) -> None:
    """Raise Refusal for what a study cannot call a checkpoint."""
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError as error:
        raise Refusal(
            f"{name!r} is no name: use up to 64 of a-z, 0-9, _ and -, a letter first"
        ) from error


def _for_study(name: str, digest: str) -> str:
    return f"checkpoints:\n  {name}: {{path: checkpoints/{name}, sha256: {digest}}}"


def _echo(text: str) -> None:
    click.echo(_printable(text))


def _printable(text: str) -> str:
    """What a foreign file says cannot steer the terminal."""
    return "".join(each if each.isprintable() or each == "\n" else "?" for each in text)
