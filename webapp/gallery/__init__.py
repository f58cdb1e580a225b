"""A page of every method on the same stimuli, for researchers: one file that needs no other."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from math import exp
from pathlib import Path
from typing import Any, Protocol

from flask import render_template
from markupsafe import Markup

from explainer.artifact import ArtifactError, Stimulus, Store
from webapp import displays
from webapp.gallery.words import HOW, LEGEND, found_out, parameters


class Cell(Protocol):
    """What explainer.gallery says of one stimulus by one method."""

    digest: str | None
    reason: str | None


class Row(Protocol):
    """What explainer.gallery says of one method."""

    family: str
    method: str
    named: str | None
    of: str | None
    parameters: dict[str, Any]
    seed: int
    source: str
    cells: Sequence[Any]


class Wall(Protocol):
    """What explainer.gallery says of one set of stimuli."""

    name: str
    kind: str
    stimuli: Sequence[str]
    rows: Sequence[Any]


@dataclass(frozen=True)
class Input:
    """A stimulus as the page shows it, what the model says of it, and how right that is."""

    drawn: Markup
    said: str
    judged: str


@dataclass(frozen=True)
class Drawn:
    """One explanation as the page shows it, with what it cost; or the reason why there is none."""

    drawn: Markup | None
    reason: str | None
    cost: str
    found: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Shown:
    """One method as the page shows it; reason: why there is nothing at all."""

    id: str
    title: str
    facts: tuple[tuple[str, str], ...]
    how: str | None
    reason: str | None
    cells: tuple[Drawn, ...]


@dataclass(frozen=True)
class Room:
    """One set as the page shows it."""

    name: str
    kind: str
    legend: tuple[str, str, str]
    inputs: tuple[Input, ...]
    families: dict[str, list[Shown]]


def page(title: str, plan: Mapping[str, Any], walls: Iterable[Any], store: Store) -> str:
    """Write the page in HTML. plan: credence/plan/1; walls: what explainer.gallery made of it.

    Raises ArtifactError where an artifact is missing or damaged.
    """
    rooms = [_room(wall, place, store) for place, wall in enumerate(walls)]
    static = resources.files("webapp") / "static"
    style = "\n".join(
        (static / name).read_text("utf-8")
        for name in ("credence.css", "displays.css", "gallery.css")
    )
    return render_template(
        "gallery/page.html",
        title=title,
        rooms=rooms,
        checkpoints={
            name: Path(each["checkpoint"]["path"]).name for name, each in plan["stimuli"].items()
        },
        style=Markup(style),  # noqa: S704  # our own stylesheets
    )


def _room(wall: Wall, place: int, store: Store) -> Room:
    families: dict[str, list[Shown]] = {}
    for number, row in enumerate(wall.rows):
        families.setdefault(row.family, []).append(_shown(store, wall, row, f"s{place}-m{number}"))
    return Room(
        name=wall.name,
        kind=wall.kind,
        legend=LEGEND[wall.kind],
        inputs=tuple(
            _input(store, digest, f"s{place}-{k}-") for k, digest in enumerate(wall.stimuli)
        ),
        families=families,
    )


def _input(store: Store, digest: str, tag: str) -> Input:
    stimulus = store.read_stimulus(digest)
    drawn = displays.draw(
        store.root, digest, None, part="stimulus", tag=tag, truth=True, alone=True
    )
    judged = {True: "right", False: "wrong", None: ""}
    if stimulus.kind == "series":
        judged = {True: "better than the last value", False: "worse than the last value", None: ""}
    return Input(drawn, _said(stimulus), judged[stimulus.model_correct])


def _said(stimulus: Stimulus) -> str:
    """What the model says, in a few words."""
    if stimulus.forecast is not None:
        return f"forecast of the last step: {stimulus.predicted}"
    if stimulus.continuation is not None:
        return f"goes on for {len(stimulus.continuation.tokens)} tokens"
    probability = exp(float(stimulus.log_probabilities.max()))
    return f"says {stimulus.predicted} ({probability:.0%})"


def _shown(store: Store, wall: Wall, row: Row, tag: str) -> Shown:
    cells = tuple(
        _drawn(store, stimulus, cell, f"{tag}-{k}-")
        for k, (stimulus, cell) in enumerate(zip(wall.stimuli, row.cells, strict=True))
    )
    reasons = {cell.reason for cell in row.cells}
    refused = len(reasons) == 1 and reasons != {None}
    title = row.method
    if row.named is not None:
        title = f"{row.named} ({'this study' if row.named == row.method else row.method})"
    facts = [("Made from", row.of)] if row.of else []
    facts.append(("Parameters", parameters(row.parameters, row.seed)))
    facts.append(("Source", row.source))
    return Shown(
        id=tag,
        title=title,
        facts=tuple(facts),
        how=None if refused else HOW.get((wall.kind, row.method)) or HOW.get(("", row.method)),
        reason=reasons.pop() if refused else None,
        cells=cells,
    )


def _drawn(store: Store, stimulus: str, cell: Cell, tag: str) -> Drawn:
    if cell.digest is None:
        return Drawn(None, cell.reason, "", ())
    explanation, run = store.read_explanation(cell.digest), store.read_run(cell.digest)
    gap = explanation.completeness_gap
    cost = [
        f"{run.evaluations:,} evaluation{'s' if run.evaluations != 1 else ''}",
        f"{run.seconds:.2f} s on {run.device}",
        "no completeness gap"
        if gap is None
        else f"completeness gap {f'{gap:.6f}'.rstrip('0').rstrip('.')}",
    ]
    drawn = displays.draw(store.root, stimulus, cell.digest, part="map", tag=tag, alone=True)
    return Drawn(drawn, None, ", ".join(cost), found_out(run.details, explanation))


def write(path: Path, html: str) -> None:
    """Write the page whole. Raises ArtifactError where it cannot be written."""
    try:
        path.write_text(html, "utf-8")
    except OSError as error:
        raise ArtifactError(f"{path}: {error.strerror}; name another file with --out") from error
