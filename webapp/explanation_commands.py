"""The command `flask explanations compare`: how good a study's explanations are."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup
from sqlalchemy.exc import InterfaceError, OperationalError, ProgrammingError

from explainer.artifact import ArtifactError, Store
from webapp import config, studies
from webapp.comparison import (
    BETTER,
    UNMEASURED,
    Agreement,
    Explained,
    Line,
    Mean,
    agreements,
    explained,
    lines,
    reasons,
)
from webapp.comparison_curves import OTHER, OWN, draw
from webapp.db import db
from webapp.refusal import Refusal

explanations_group = AppGroup("explanations", help="How good the explanations of a study are.")

METRICS = ("metric", "better", "mean", "95 % interval", "random", "minus random", "n")
ALIKE = ("explanations", "rank correlation", "95 % interval", "same top tenth", "n")
MEAN = ("mean", "low", "high", "n")


@explanations_group.command("compare")
@click.argument("slug")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Also write metrics.csv, agreement.csv and the curves as SVG into this folder.",
)
def compare(slug: str, out: Path | None) -> None:
    """Compare the explanations of the newest version of SLUG, each beside a random attribution.

    Means over stimuli with 95 % t intervals. Metrics ending in _other_mask are measured under a
    mask that the method did not use.
    """
    with _refusing():
        version = studies.find_study(db.session, slug).versions[-1]
        sets = explained(db.session, version)
        if not sets:
            raise studies.StudyError(
                f"{slug}: version {version.number} has no explanations yet; run: flask precompute "
                f"{slug}"
            )
        store = Store(config.artifacts(current_app))
        found = {name: list(lines(name, shown)) for name, shown in sets.items()}
        alike = {name: list(agreements(name, shown, store)) for name, shown in sets.items()}
        for name, shown in sets.items():
            click.echo("\n\n".join(_blocks(slug, name, shown, found[name], alike[name])))
            click.echo()
        if out is not None:
            for file in _write(out, sets, found, alike):
                click.echo(f"written: {file}")


def _blocks(
    slug: str, stimulus_set: str, shown: Explained, found: list[Line], alike: list[Agreement]
) -> Iterator[str]:
    """What is printed of a set: a table of each explanation, and one of how alike they are."""
    for name, explanations in shown.items():
        head = f"{stimulus_set}, {name} ({explanations[0].method}), {len(explanations)} stimuli"
        rows = [
            (
                line.metric,
                BETTER.get(line.metric, ""),
                _short(line.found.value),
                _interval(line.found),
                "" if line.chance is None else _short(line.chance.value),
                ""
                if line.difference is None
                else f"{_short(line.difference.value)} {_interval(line.difference)}".strip(),
                str(line.found.n),
            )
            for line in found
            if line.name == name
        ]
        without = reasons(explanations)
        notes = [f"{each} ({n} of {len(explanations)} stimuli)" for each, n in without.items()]
        if UNMEASURED in without:
            notes.append(f"measure with: flask precompute {slug}")
        yield "\n".join([head, *_table([METRICS, *rows]), *notes])
    if alike:
        rows_alike = [
            (
                f"{each.one} and {each.other}",
                _short(each.ranks.value),
                _interval(each.ranks),
                f"{each.top.value:.0%}",
                str(each.ranks.n),
            )
            for each in alike
        ]
        head = f"{stimulus_set}: how alike the explanations of one stimulus are"
        yield "\n".join([head, *_table([ALIKE, *rows_alike])])


def _write(
    out: Path,
    sets: dict[str, Explained],
    found: dict[str, list[Line]],
    alike: dict[str, list[Agreement]],
) -> Iterator[Path]:
    """Write tables and drawings; the files are named after the stimulus sets."""
    out.mkdir(parents=True, exist_ok=True)
    columns = [f"{part}_{each}" for part in ("random", "difference") for each in MEAN]
    header = ("stimulus_set", "name", "method", "metric", "better", *MEAN, *columns)
    yield _csv(
        out / "metrics.csv",
        header,
        (
            (
                line.stimulus_set,
                line.name,
                line.method,
                line.metric,
                BETTER.get(line.metric, ""),
                *_cells(line.found),
                *_cells(line.chance),
                *_cells(line.difference),
            )
            for each in found.values()
            for line in each
        ),
    )
    columns = [f"{part}_{each}" for part in ("ranks", "top") for each in MEAN]
    yield _csv(
        out / "agreement.csv",
        ("stimulus_set", "one", "other", *columns),
        (
            (each.stimulus_set, each.one, each.other, *_cells(each.ranks), *_cells(each.top))
            for pairs in alike.values()
            for each in pairs
        ),
    )
    picture = current_app.jinja_env.get_template("explanations/curves.svg")
    for name, shown in sets.items():
        for suffix, ending in ((OWN, ""), (OTHER, "-other-mask")):
            drawn = draw(name, shown, suffix)
            if drawn is not None:
                path = out / f"{name}-curves{ending}.svg"
                path.write_text(picture.render(drawn=drawn), "utf-8")
                yield path


def _csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    return path


def _cells(found: Mean | None) -> tuple[object, ...]:
    return ("",) * 4 if found is None else (found.value, found.low, found.high, found.n)


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of texts as aligned lines, the first column to the left."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return [
        "  ".join(
            [row[0].ljust(widths[0])]
            + [cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True)]
        ).rstrip()
        for row in rows
    ]


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _interval(found: Mean) -> str:
    if found.low is None or found.high is None:
        return ""
    return f"[{_short(found.low)}, {_short(found.high)}]"


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn expected errors into messages."""
    try:
        yield
    except (studies.StudyError, ArtifactError) as error:
        raise Refusal(str(error)) from error
    except (InterfaceError, OperationalError, ProgrammingError) as error:
        raise Refusal(
            f"the database cannot be used ({error.orig}); if it is new or older than this version, "
            "run: flask db upgrade"
        ) from error
    except OSError as error:
        raise Refusal(f"{error.filename}: {error.strerror}") from error
