"""Every method on the same few stimuli, for a page that lets people compare them.

What is computed lies in the store like any other explanation, so a second run is quick, and what
`flask precompute` made is taken from there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from explainer.artifact import Store

if TYPE_CHECKING:
    from explainer.progress import Progress


@dataclass(frozen=True)
class Cell:
    """One explanation's digest, or why there is none."""

    digest: str | None
    reason: str | None


@dataclass(frozen=True)
class Row:
    """One way to explain, on every stimulus of a set.

    named: its name in the study, None where it is the catalogue's. of: for a control, the method it
    is made from. parameters: with defaults.
    """

    family: str
    method: str
    named: str | None
    of: str | None
    parameters: dict[str, Any]
    seed: int
    source: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Wall:
    """Some stimuli of one set, by digest, and every way to explain them."""

    name: str
    kind: str
    stimuli: tuple[str, ...]
    rows: tuple[Row, ...]


def hang(
    plan: Mapping[str, Any],
    store: Store,
    *,
    count: int,
    device: str = "auto",
    progress: "Callable[[Progress], None] | None" = None,
) -> list[Wall]:
    """Explain `count` stimuli of each set of a plan by everything that applies.

    The stimuli are as different as there are; the ways are the catalogue's methods and controls,
    and the plan's own explanations. Raises PrecomputeError where a checkpoint or data cannot be
    read.
    """
    from explainer.gallery.making import Making
    from explainer.gallery.recipes import catalogue
    from explainer.plan import check
    from explainer.precompute import reasons
    from explainer.prepared import Prepared

    walls, made = [], []
    with reasons():
        own = check(plan)
        for each in own.stimuli:
            prepared = Prepared(each, store, device)
            shape = prepared.stimulus(prepared.selected[0]).content.shape
            wanted = catalogue(prepared.subject.kind, shape)
            full = {**plan, "explanations": {**plan["explanations"], **wanted}}
            recipes = check(full).recipes
            made.append(Making(prepared, count, recipes, own.recipes))
        total = sum(each.total for each in made)
        done = 0
        for making in made:
            rows = tuple(making.rows(store, progress, done, total))
            done += making.total
            stimuli = tuple(making.stimuli())
            walls.append(Wall(making.prepared.name, making.prepared.subject.kind, stimuli, rows))
    return [_in_order(wall) for wall in walls]


def _in_order(wall: Wall) -> Wall:
    """The study's own explanations first, then the catalogue's families."""
    from explainer.methods.catalogue import FAMILIES

    order = ["this study", *FAMILIES]
    rows = sorted(wall.rows, key=lambda row: order.index(row.family))
    return replace(wall, rows=tuple(rows))
