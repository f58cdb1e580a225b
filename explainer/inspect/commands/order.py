"""In which order models read images: runs against patches of equal size."""

from pathlib import Path

from explainer.describe import Row
from explainer.inspect.order import Order, reading_order
from explainer.inspect.report import Report, number
from explainer.inspect.sources import source, subject
from explainer.methods import MethodError
from explainer.selection import draw
from explainer.subjects import Subject
from explainer.subjects.image import ImageSubject


def run(
    *,
    checkpoint: list[str],
    data: Path | None,
    images: int,
    side: int,
    by: str,
    seed: int,
    device: str,
) -> Report:
    """Compare checkpoints on the same images. Raises MethodError for other than images."""
    results: dict[str, Order] = {}
    digests: dict[str, str] = {}
    for name in checkpoint:
        found = _image(name, subject(name, device))
        there = source(found, data)
        given = source(found, data, draw(len(there), min(images, len(there)), seed))
        stimuli = found.stimuli(given.contents, given.truths, given.sources)
        try:
            results[name] = reading_order(found, stimuli, side=side, by=by, seed=seed)
        except MethodError as error:
            raise MethodError(f"{name}: {error}") from error
        digests[name] = found.digest
    report = Report(
        f"The order in which images are read, by {by}, {given}, seed {seed}",
        {
            "checkpoints": digests,
            "data": given.to_json(),
            "by": by,
            "seed": seed,
            "orders": {name: each.to_json() for name, each in results.items()},
        },
    )
    first = next(iter(results.values()))
    report.note(
        f"Players of {first.size} pixels each. `kept`: the share of all interaction between two "
        "pixels that lies within a player, with a 95 % bootstrap interval over images; players "
        f"drawn at random would keep {first.chance:.3g}. `most / this`: how many times as much the "
        "order that keeps most does, the geometric mean over images; above 1 in all of its "
        "interval, the orders differ."
    )
    for name, each in results.items():
        report.table(f"{name}, {each.n} images: {each.most} keep the most.", _rows(each))
    return report


def _image(name: str, found: Subject) -> ImageSubject:
    if not isinstance(found, ImageSubject):
        raise MethodError(f"{name} reads no images; name a checkpoint that does, like mnist-s4d")
    return found


def _rows(found: Order) -> list[Row]:
    rows: list[Row] = [("players", "kept", "times chance", "most / this")]
    for name, kept in sorted(found.within.items(), key=lambda each: -each[1].value):
        less = found.against.get(name)
        times = "-" if less is None else str(less.exp())
        rows.append((name, str(kept), number(kept.value / found.chance), times))
    return rows
