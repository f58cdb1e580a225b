"""The participant flow (CONSORT): who was asked, who left and why, who was analysed."""

from collections.abc import Iterator
from textwrap import wrap

from analysis.drawing.style import GREY, Drawing, Json, axes_of, drawing, svg

_OUTCOMES = {"active": "did not finish", "withdrawn": "withdrew"}
_LINE = 0.36  # height of a line of text in a box


def flow(people: Json, rules: list[Json]) -> Drawing:
    """Boxes down the left; who left between two of them stands to the right."""
    stages = list(_stages(people, rules))
    with drawing("flow"):
        heights = [max(1.0, _LINE * (len(_lines(lost)) + 1)) + 0.5 for _, _, lost in stages]
        total = sum(heights[:-1]) + 0.9
        figure, axes = axes_of(0.62 * total)
        axes.set(xlim=(0, 10), ylim=(-total, 0.6))
        axes.axis("off")
        top, said = 0.0, []
        box = {"boxstyle": "round,pad=0.4", "facecolor": "white", "edgecolor": GREY}
        for place, ((name, n, lost), height) in enumerate(zip(stages, heights, strict=True)):
            axes.text(2.3, top, f"{name}\nn = {n}", ha="center", va="center", bbox=box)
            said.append(f"{name}: {n}")
            if place + 1 < len(stages):
                arrow = {"arrowstyle": "->", "color": GREY, "shrinkA": 16, "shrinkB": 16}
                axes.annotate("", (2.3, top - height), (2.3, top), arrowprops=arrow)
            if lost:
                middle = top - height / 2
                axes.annotate(
                    "", (4.6, middle), (2.3, middle), arrowprops={"arrowstyle": "->", "color": GREY}
                )
                axes.text(4.8, middle, "\n".join(_lines(lost)), ha="left", va="center", fontsize=9)
                said += [f"left out, {why}: {count}" for why, count in lost]
            top -= height
        drawn = svg(figure, "Participant flow", ". ".join(said))
    rows: list[tuple[object, ...]] = []
    for name, n, lost in stages:
        rows.append((name, "", n))
        rows += [(name, why, count) for why, count in lost]
    return Drawing("participant-flow", drawn, ("stage", "left_out", "people"), tuple(rows))


def _stages(people: Json, rules: list[Json]) -> Iterator[tuple[str, int, list[tuple[str, int]]]]:
    """Each box with who leaves after it."""
    yield "Answered the consent page", people["asked"], [("declined", people["declined"])]
    unfinished = [
        (_OUTCOMES.get(name, name), count)
        for name, count in people["outcomes"].items()
        if name not in ("declined", "complete")
    ]
    yield "Took part", people["enrolled"], unfinished
    yield "Finished", people["complete"], [(rule["text"], rule["excluded"]) for rule in rules]
    yield "Analysed", people["analysed"], []


def _lines(lost: list[tuple[str, int]]) -> list[str]:
    return [line for why, count in lost for line in wrap(f"{why}: {count}", 34)]
