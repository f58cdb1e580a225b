"""The commands: `flask study|precompute|gallery|methods|train|checkpoint|...`, a function each."""

import json
from pathlib import Path
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import AppGroup
from sqlalchemy.exc import InterfaceError, OperationalError, ProgrammingError

from explainer.artifact import ArtifactError, Store
from explainer.methods.listing import methods
from webapp import accounts, config, demo, design_summary, export, placing, preparation, studies
from webapp import gallery as galleries
from webapp.checkpoint_commands import checkpoint_group
from webapp.checks import notes
from webapp.db import db
from webapp.definition import json_schema
from webapp.explanation_commands import explanations_group
from webapp.models import ROLES, Study
from webapp.problems import FileError
from webapp.refusal import Refusal
from webapp.simulate_command import simulate
from webapp.study import read

study_group = AppGroup("study", help="Check, load, open and close studies.")
researcher_group = AppGroup("researcher", help="Researchers' accounts.")


def init_app(app: Flask) -> None:
    """Register the commands."""
    for group in (study_group, checkpoint_group, explanations_group, researcher_group):
        app.cli.add_command(group)
    for command in (precompute, gallery, methods, train, export_bundle, run_demo, simulate):
        app.cli.add_command(command)


def _refusing(function: Any) -> Any:
    """Turn expected errors into messages."""
    from functools import wraps

    @wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except (
            studies.StudyError,
            accounts.AccountError,
            ArtifactError,
            FileError,
            demo.DemoError,
        ) as error:
            raise Refusal(str(error)) from error
        except (InterfaceError, OperationalError, ProgrammingError) as error:
            raise Refusal(
                f"the database cannot be used ({error.orig}); if it is new or older than this "
                "version, run: flask db upgrade"
            ) from error
        except OSError as error:
            raise Refusal(f"{error.filename}: {error.strerror}") from error

    return wrapped


def _instance() -> Path:
    return Path(current_app.instance_path)


def _store() -> Store:
    return Store(config.artifacts(current_app))


@study_group.command("schema")
def schema() -> None:
    """Print the JSON Schema of study.yaml, for editors."""
    click.echo(json.dumps(json_schema(), indent=2))


@study_group.command("check")
@click.argument("path", type=click.Path(path_type=Path))
@_refusing
def check(path: Path) -> None:
    """Check the study.yaml at PATH and every file it names."""
    file = read(path, _instance())
    click.echo(f"{file.definition.slug}: no mistakes found")
    for note in notes(file.definition):
        click.echo(f"note: {note}")


@study_group.command("load")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--owner", help="Email of the researcher who will own the study.")
@_refusing
def load(path: Path, owner: str | None) -> None:
    """Load the study at PATH; a changed file becomes the next version."""
    version, changed = studies.load(db.session, read(path, _instance()))
    slug, number = version.study.slug, version.number
    if owner:
        studies.grant(db.session, owner, slug, "owner")
    click.echo(f"{slug}: version {number} {'loaded' if changed else 'is unchanged'}")


@study_group.command("list")
@_refusing
def list_studies() -> None:
    """List the studies with their newest version and state."""
    found = db.session.query(Study).order_by(Study.slug).all()
    if not found:
        click.echo("no studies yet; load one with: flask study load FOLDER")
    for study in found:
        newest = study.versions[-1]
        opened = next((each.number for each in study.versions if each.is_open), None)
        state = f"open: version {opened}" if opened else "closed" if newest.frozen else "draft"
        click.echo(f"{study.slug}\tversion {newest.number}\t{state}")


@study_group.command("open")
@click.argument("slug")
@_refusing
def open_study(slug: str) -> None:
    """Freeze the newest version of SLUG and let participants in."""
    version = studies.open_study(db.session, slug, _store())
    click.echo(f"{slug}: version {version.number} is open, SHA-256 {version.digest}")


@study_group.command("close")
@click.argument("slug")
@_refusing
def close_study(slug: str) -> None:
    """Let nobody new into SLUG; those who have begun can finish."""
    version = studies.close_study(db.session, slug)
    click.echo(f"{slug}: {'closed' if version else 'was not open'}")


@study_group.command("release")
@click.argument("slug")
@click.option(
    "--hours", type=click.FloatRange(min=0, min_open=True), help="Instead of the study's."
)
@_refusing
def release(slug: str, hours: float | None) -> None:
    """Give back the places of those who stayed away from SLUG; who comes back has theirs again."""
    released = placing.give_back(db.session, studies.find_study(db.session, slug), hours)
    click.echo(f"{slug}: places given back: {released}")


@study_group.command("design")
@click.argument("slug")
@_refusing
def design(slug: str) -> None:
    """Print the design of SLUG's newest version as JSON, for a power analysis."""
    version = studies.find_study(db.session, slug).versions[-1]
    click.echo(json.dumps(design_summary.summary(db.session, version), indent=2))


@click.command("precompute")
@click.argument("slug")
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option("--only", help="Compute only the explanations of this name.")
@click.option("--shard", help="i/n: explain only every n-th stimulus, from the i-th.")
@click.option("--costly", is_flag=True, help="Measure also what needs each explained anew.")
@click.option(
    "--precision", default="float32", help="float32, tf32 or bfloat16.", show_default=True
)
@click.option("--dry-run", is_flag=True, help="Say what there is to do, and do nothing.")
@_refusing
def precompute(
    slug: str,
    device: str,
    only: str | None,
    shard: str | None,
    precision: str,
    *,
    costly: bool,
    dry_run: bool,
) -> None:
    """Explain every stimulus of the newest version of SLUG, and measure the explanations."""
    from explainer.precompute import PrecomputeError, bar, forecast, parse_shard, run

    version = studies.find_study(db.session, slug).versions[-1]
    source_digest = version.source_digest
    plan, store = preparation.plan(version, _instance()), _store()
    try:
        how: dict[str, Any] = {
            "device": device,
            "only": only,
            "shard": parse_shard(shard) if shard else None,
            "costly": costly,
            "precision": precision,
        }
        if dry_run:
            click.echo(forecast(plan, store, **how))
            return
        with bar() as show:
            result = run(plan, store, progress=show, **how)
    except PrecomputeError as error:
        raise Refusal(f"{slug}: {error}") from error
    click.echo(f"{slug}: {result.computed} explanations computed, {result.reused} were there")
    click.echo(f"{slug}: {result.measured} explanations measured now")
    if result.missing:
        lacking = ", ".join(f"{number} of {name}" for name, number in result.missing.items())
        click.echo(f"{slug}: still missing: {lacking}; the last shard to end registers them")
    elif only is None:
        preparation.register(
            db.session,
            version,
            store,
            source_digest=source_digest,
            plan=plan,
            stimuli=result.stimuli,
            explanations=result.explanations,
        )


@click.command("gallery")
@click.argument("slug")
@click.option(
    "--stimuli", default=3, show_default=True, type=click.IntRange(1, 50), help="Of each set."
)
@click.option("--out", default="gallery.html", show_default=True, type=click.Path(path_type=Path))
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@_refusing
def gallery(slug: str, stimuli: int, out: Path, device: str) -> None:
    """Draw every method on the same stimuli of SLUG, in one HTML file to look at."""
    from explainer.gallery import hang
    from explainer.precompute import PrecomputeError, bar

    version, store = studies.find_study(db.session, slug).versions[-1], _store()
    plan = preparation.plan(version, _instance())
    try:
        with bar() as show:
            walls = hang(plan, store, count=stimuli, device=device, progress=show)
    except PrecomputeError as error:
        raise Refusal(f"{slug}: {error}") from error
    with current_app.test_request_context():
        html = galleries.page(slug, plan, walls, store)
    galleries.write(out, html)
    click.echo(f"{slug}: {sum(len(each.rows) for each in walls)} rows of pictures in {out}")


@researcher_group.command("create")
@click.argument("email")
@click.option("--password", help="At least 12 characters; without it one is made and printed.")
@_refusing
def create_researcher(email: str, password: str | None) -> None:
    """Create the account EMAIL, or give it a new password."""
    email, secret = accounts.create(db.session, email, password)
    click.echo(f"login: {email} {'(the password you gave)' if password else secret}")


@researcher_group.command("grant")
@click.argument("email")
@click.argument("slug")
@click.argument("role", type=click.Choice(ROLES))
@_refusing
def grant(email: str, slug: str, role: str) -> None:
    """Give EMAIL a role on the study SLUG: viewers see and download, editors open and close."""
    studies.grant(db.session, email, slug, role)
    click.echo(f"{email}: {role} of {slug}")


@click.command("export")
@click.argument("slug")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder or .zip.")
@click.option("--version", "number", type=int, help="Version number; without it the newest opened.")
@click.option(
    "--identities",
    type=click.Path(path_type=Path),
    help="Also write recruitment ids and absolute times to this file, for payment.",
)
@click.option("--with-simulated", is_flag=True, help="Also the robots of flask simulate.")
@_refusing
def export_bundle(
    slug: str, out: Path, number: int | None, identities: Path | None, *, with_simulated: bool
) -> None:
    """Write the export bundle of SLUG."""
    frozen = [each for each in studies.find_study(db.session, slug).versions if each.frozen]
    version = next((each for each in reversed(frozen) if number in (None, each.number)), None)
    if version is None:
        which = "any version" if number is None else f"version {number}"
        raise studies.StudyError(f"{slug}: {which} was never opened, so there is nothing to export")
    if identities is not None:
        export.expect_apart(identities, out)
    export.write(db.session, version, _store(), out, with_simulated=with_simulated)
    if identities is not None:
        export.write_identities(db.session, version, identities)
    click.echo(f"{slug}: version {version.number} exported to {out}")


@click.command("train", context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def train(context: click.Context, arguments: tuple[str, ...]) -> None:
    """Train the models that ship with Credence."""
    from explainer.train.commands import train as group

    group.main(list(arguments), prog_name=context.command_path, standalone_mode=False)


@click.command("demo")
@click.option("--port", default=8000, show_default=True)
@_refusing
def run_demo(port: int) -> None:
    """Set up the demo study on this machine and serve it until Ctrl-C."""
    demo.run(port)
