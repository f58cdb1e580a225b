"""Figures of the answers themselves: stacked Likert bars, and rainclouds of participants' means."""

import matplotlib as mpl
import numpy as np
from scipy import stats

from analysis.drawing.style import (
    BLUE,
    GREY,
    ORANGE,
    Drawing,
    Json,
    axes_of,
    drawing,
    levels_axis,
    name_of,
    rating_axis,
    svg,
)

_FEWEST = 5  # participants from which on a cloud is drawn, not their points alone


def likert(rating: Json) -> Drawing | None:
    """Diverging stacked bars: how often each answer was given in each condition."""
    shown = [c for c in rating["conditions"] if c["n_answers"]]
    if rating["kind"] != "likert" or not shown:
        return None
    name = name_of("likert", rating["item"], rating["factor"])
    points = list(shown[0]["counts"])
    shares = np.array([[c["counts"][p] / c["n_answers"] for p in points] for c in shown]) * 100
    # The middle answer straddles zero; with an even number of points zero lies between the two.
    half = len(points) // 2
    left = -shares[:, :half].sum(axis=1)
    if len(points) % 2:
        left -= shares[:, half] / 2
    colours = mpl.colormaps["PuOr_r"](np.linspace(0.08, 0.92, len(points)))
    with drawing(name):
        figure, axes = axes_of(0.5 * len(shown) + 1.5)
        for index, point in enumerate(points):
            axes.barh(
                range(len(shown)),
                shares[:, index],
                left=left,
                height=0.66,
                color=colours[index],
                edgecolor="white",
                linewidth=0.5,
                label=point,
            )
            left = left + shares[:, index]
        axes.axvline(0, color=GREY, linewidth=0.8)
        levels_axis(axes, [c["level"] for c in shown])
        reach = max(abs(value) for value in axes.get_xlim())
        axes.set_xlim(-reach, reach)
        axes.xaxis.set_major_formatter(lambda value, _: f"{abs(value):.0f}")
        axes.set_xlabel("% of answers, below and above the middle")
        figure.legend(
            loc="outside upper center",
            ncols=min(len(points), 10),
            frameon=False,
            handlelength=0.9,
            columnspacing=0.9,
            handletextpad=0.3,
        )
        sentences = [
            f"{c['level']}: " + ", ".join(f"{n} answered {p}" for p, n in c["counts"].items())
            for c in shown
        ]
        drawn = svg(figure, f"Answers to {rating['item']} by condition", ". ".join(sentences))
    rows = tuple((c["level"], point, c["counts"][point]) for c in shown for point in points)
    return Drawing(name, drawn, (rating["factor"], "answer", "count"), rows)


def raincloud(rating: Json) -> Drawing | None:
    """Each participant's mean in each condition: a cloud of their density, a box, and the drops."""
    shown = [c for c in rating["conditions"] if c["people"]]
    if not shown:
        return None
    name = name_of("raincloud", rating["item"], rating["factor"])
    with drawing(name):
        figure, axes = axes_of(0.85 * len(shown) + 0.8)
        said = []
        for place, condition in enumerate(shown):
            values = np.array(condition["people"])
            if len(values) >= _FEWEST and np.ptp(values) > 0:
                grid = np.linspace(values.min(), values.max(), 100)
                height = stats.gaussian_kde(values)(grid)
                cloud = place - 0.08 - 0.36 * height / height.max()
                axes.fill_between(grid, place - 0.08, cloud, color=BLUE, alpha=0.45, linewidth=0)
            quartiles = np.quantile(values, (0.25, 0.5, 0.75))
            axes.plot(quartiles[[0, 2]], [place, place], color=GREY, linewidth=3)
            axes.plot(quartiles[1], place, "|", color="black", markersize=12, markeredgewidth=2)
            # Spread by a sequence that is the same on every run, so that equal means stay apart.
            drops = place + 0.12 + 0.26 * (np.arange(len(values)) * 0.618034 % 1)
            axes.plot(values, drops, ".", color=ORANGE, markersize=3, alpha=0.8)
            said.append(
                f"{condition['level']}: {len(values)} people, median {quartiles[1]:.2f}, middle "
                f"half {quartiles[0]:.2f} to {quartiles[2]:.2f}"
            )
        levels_axis(axes, [c["level"] for c in shown])
        rating_axis(axes, rating, f"participants' mean {rating['item']}")
        drawn = svg(figure, f"Participants' mean {rating['item']} by condition", ". ".join(said))
    rows = tuple((c["level"], value) for c in shown for value in c["people"])
    return Drawing(name, drawn, (rating["factor"], "participant_mean"), rows)
