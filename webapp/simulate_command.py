"""The command `flask simulate`: robots take part in a study, by a stated model, marked as such."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from webapp import studies
from webapp.db import db
from webapp.refusal import Refusal

SHARE = click.FloatRange(0, 1)
SIZE = click.FloatRange(0, 10)


@click.command("simulate")
@click.argument("slug", metavar="STUDY")
@click.option("--participants", default=40, show_default=True, type=click.IntRange(1, 100_000))
@click.option(
    "--effect",
    "effects",
    multiple=True,
    metavar="FACTOR=LEVEL:LOGITS",
    help="What a level adds to the latent rating, such as explanation=shap:0.8; also of "
    "model_correct=true. Give it once for each level.",
)
@click.option("--seed", default=1, show_default=True, help="The same seed, the same answers.")
@click.option("--participant-sd", default=1.0, show_default=True, type=SIZE, help="In logits.")
@click.option("--stimulus-sd", default=0.5, show_default=True, type=SIZE, help="In logits.")
@click.option(
    "--slope-sd", default=0.3, show_default=True, type=SIZE, help="Of a person at a level, logits."
)
@click.option("--accuracy", default=0.75, show_default=True, type=SHARE, help="Of decisions.")
@click.option(
    "--follow", default=0.5, show_default=True, type=SHARE, help="Final decisions as the model's."
)
@click.option(
    "--seconds", default=6.0, show_default=True, type=click.FloatRange(0.1, 3600), help="On a page."
)
@click.option("--dropout", default=0.1, show_default=True, type=SHARE, help="Share who leave.")
@click.option("--slow", default=0.1, show_default=True, type=SHARE, help="Share of slow people.")
@click.option(
    "--straight", default=0.05, show_default=True, type=SHARE, help="Share who give one point."
)
@click.option("--hasty", default=0.05, show_default=True, type=SHARE, help="Share who do not read.")
@click.option("--url", help="A running server of this installation, such as http://127.0.0.1:8000.")
@click.option("--beside-people", is_flag=True, help="Also where people take part already.")
@click.option("--dry-run", is_flag=True, help="State the model, and do nothing.")
@with_appcontext
def simulate(
    slug: str,
    participants: int,
    effects: tuple[str, ...],
    url: str | None,
    *,
    beside_people: bool,
    dry_run: bool,
    **stated: Any,
) -> None:
    """Let simulated participants take part in the open study STUDY.

    They are marked as simulated, take nobody's place in the design, and are left out of exports
    unless asked for. A study in which people take part is refused: use a copy of the installation
    (copy its instance folder and name the copy in CREDENCE_INSTANCE).
    """
    from webapp.simulate import facts, model, run

    try:
        version = studies.open_version(db.session, studies.find_study(db.session, slug).slug)
        if version is None:
            raise Refusal(f"{slug} is not open; open it with: flask study open {slug}")
        factors = {n: f.levels for n, f in studies.definition_of(version).factors.items()}
        if stated["slow"] + stated["straight"] + stated["hasty"] > 1:
            raise Refusal("the shares --slow, --straight and --hasty are more than 1 together")
        drawn = model.Model(effects=model.parse_effects(effects, factors), **stated)
    except (studies.StudyError, model.EffectError) as error:
        raise Refusal(str(error)) from error
    click.echo(model.describe(drawn, slug, participants))
    people = facts.enrolled(db.session, version, simulated=False)
    if people and not beside_people:
        raise Refusal(
            f"{slug}: {people} people have answered its consent page; simulate before recruiting, "
            "or on a copy of the installation (copy its instance folder and name the copy in "
            "CREDENCE_INSTANCE). Robots stay marked and apart; to have them here all the same: "
            "--beside-people"
        )
    if dry_run:
        return
    address = run.link(slug, str(current_app.secret_key), version.id)
    first = facts.enrolled(db.session, version, simulated=True)
    numbers = range(first, first + participants)
    # A read transaction left open would keep the database's log of changes growing.
    db.session.rollback()
    began = time.perf_counter()
    found: list[run.Participation] = []
    try:
        robots = run.simulate(_browser(url), db.engine, address, drawn, numbers)
        with _quiet(), click.progressbar(robots, participants, label="simulated") as each:
            found.extend(each)
    except (run.SimulationError, OSError) as error:
        raise Refusal(f"{slug}: after {len(found)} participants, {error}") from error
    seconds = time.perf_counter() - began
    ends = ", ".join(f"{count} {end}" for end, count in run.outcomes(found).most_common())
    pages = sum(each.pages for each in found)
    click.echo(
        f"{slug}: {ends}; {pages} pages sent in {seconds:.1f} s, "
        f"{seconds / len(found):.2f} s a participant"
    )
    click.echo(f"export them with: flask export {slug} --with-simulated --out FOLDER")


def _browser(url: str | None) -> Any:
    from webapp.simulate.browser import InProcess, Remote

    if url is None:
        return InProcess(current_app._get_current_object())  # type: ignore[attr-defined]
    if not url.startswith(("http://", "https://")):
        raise Refusal(f"--url {url}: give an address such as http://127.0.0.1:8000")
    return Remote(url)


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave the pages' own log lines out, which the robots would fill the terminal with."""
    level = current_app.logger.level
    current_app.logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        current_app.logger.setLevel(level)
