"""Figures of two quantities against each other: calibration, and measures against answers."""

import matplotlib as mpl
import numpy as np
from matplotlib.patches import Rectangle

from analysis.drawing.style import (
    BLUE,
    COLOURS,
    DASHES,
    GREY,
    MARKERS,
    Drawing,
    Json,
    axes_of,
    drawing,
    name_of,
    svg,
)

_WORDS = {"initial": "decision alone", "final": "final decision", "simulated": "prediction"}


def calibration(decisions: list[Json], factor: str, role: str) -> Drawing | None:
    """How sure people said they were against how often they were right, by condition."""
    shown = [
        (each["level"], found["curve"])
        for each in decisions
        if each["factor"] == factor
        for found in each["calibration"]
        if found["role"] == role and "curve" in found
    ]
    if not shown:
        return None
    name, rows, said = name_of("calibration", role, factor), [], []
    with drawing(name):
        figure, axes = axes_of(3.6)
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=":")
        for place, (level, curve) in enumerate(shown):
            colour, marker = COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]
            stated, share = ([bin_[key] for bin_ in curve] for key in ("stated", "share"))
            errors = np.maximum(
                0.0,
                [
                    [b["share"] - b["low"] for b in curve],
                    [b["high"] - b["share"] for b in curve],
                ],
            )
            axes.errorbar(
                stated,
                share,
                yerr=errors,
                color=colour,
                marker=marker,
                linestyle=DASHES[place % len(DASHES)],
                linewidth=1.2,
                elinewidth=0.8,
                label=level,
            )
            rows += [
                (level, *(b[key] for key in ("stated", "share", "low", "high", "n"))) for b in curve
            ]
            said.append(
                f"{level}: "
                + ", ".join(f"{b['share']:.2f} right where {b['stated']:.2f} sure" for b in curve)
            )
        axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
        axes.set_xlabel("how sure people said they were")
        axes.set_ylabel("share right")
        figure.legend(loc="outside upper center", ncols=3, frameon=False)
        drawn = svg(figure, f"Calibration of the {_WORDS[role]}", ". ".join(said))
    header = (factor, "stated", "share_right", "low", "high", "n")
    return Drawing(name, drawn, header, tuple(rows))


def scatter(row: Json) -> Drawing | None:
    """Each explanation's mean answer against one measure of it."""
    points = row["points"]
    if len(points) < 2:
        return None
    name = name_of("measure", row["outcome"], row["measure"])
    x, y = ([point[key] for point in points] for key in ("measure", "value"))
    with drawing(name):
        figure, axes = axes_of(2.9)
        axes.plot(x, y, "o", color=BLUE, markersize=4, alpha=0.7)
        axes.set_xlabel(f"{row['measure']}, in standard deviations")
        axes.set_ylabel(f"mean {row['outcome']}")
        rho = f", rank correlation {row['rho']['value']:.2f}" if "rho" in row else ""
        drawn = svg(
            figure,
            f"Mean {row['outcome']} against {row['measure']}",
            f"{len(points)} explanations{rho}",
        )
    rows = tuple((p["measure"], p["value"], p["n"]) for p in points)
    return Drawing(name, drawn, ("measure", "mean_answer", "answers"), rows)


def correlations(found: Json) -> Drawing | None:
    """How participants' own numbers go together: rank correlations, each written in its square."""
    names, values = found["names"], found["values"]
    if len(names) < 2:
        return None
    with drawing("correlations"):
        figure, axes = axes_of(0.55 * len(names) + 1.6)
        colours = mpl.colormaps["PuOr_r"]
        axes.set(xlim=(-0.5, len(names) - 0.5), ylim=(len(names) - 0.5, -0.5))
        for a, row in enumerate(values):
            for b, value in enumerate(row):
                dark = value is not None and abs(value) > 0.6
                text = "–" if value is None else f"{value:.2f}".replace("-", "−")
                # Squares and not an image, so that the figure stays vector.
                square = (b - 0.5, a - 0.5), 1, 1
                axes.add_patch(Rectangle(*square, color=colours(((value or 0) + 1) / 2)))
                ink = "white" if dark else "black"
                axes.text(b, a, text, ha="center", va="center", color=ink, fontsize=9)
        axes.set_xticks(range(len(names)), names, rotation=40, ha="right")
        axes.set_yticks(range(len(names)), names)
        axes.tick_params(length=0)
        said = [
            f"{a} and {b}: {'none' if values[i][j] is None else format(values[i][j], '.2f')}"
            for i, a in enumerate(names)
            for j, b in enumerate(names)
            if j < i
        ]
        drawn = svg(figure, "Rank correlations over participants", ". ".join(said))
    rows = tuple((a, b, values[i][j]) for i, a in enumerate(names) for j, b in enumerate(names))
    return Drawing("correlations", drawn, ("one", "other", "spearman"), rows)
