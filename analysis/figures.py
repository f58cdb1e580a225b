"""Draw results as SVG text for a report: one function a figure, from the results JSON alone.

Text stays text (it can be read aloud and found), colours are safe for colour-blind readers, and one
results JSON gives the same bytes every time.
"""

import io
import re
import warnings
from html import escape
from textwrap import fill
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

Json = dict[str, Any]

# Okabe & Ito (2008), and ColorBrewer's PuOr for the two ends of a rating.
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#555555"
WIDTH = 4.8
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": ["sans-serif"],
    "font.size": 10,
    "text.parse_math": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
}


def likert(rating: Json) -> str | None:
    """Diverging stacked bars: how often each answer was given in each condition."""
    shown = [c for c in rating["conditions"] if c["n_answers"]]
    if rating["kind"] != "likert" or not shown:
        return None
    points = list(shown[0]["counts"])
    shares = np.array([[c["counts"][p] / c["n_answers"] for p in points] for c in shown]) * 100
    # The middle answer straddles zero; with an even number of points zero lies between the two.
    half = len(points) // 2
    left = -shares[:, :half].sum(axis=1)
    if len(points) % 2:
        left -= shares[:, half] / 2
    colours = mpl.colormaps["PuOr_r"](np.linspace(0.08, 0.92, len(points)))
    with _drawing("likert", rating):
        figure, axes = _axes(0.5 * len(shown) + 1.5)
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
        _levels(axes, [c["level"] for c in shown])
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
        return _svg(figure, f"Answers to {rating['item']} by condition", ". ".join(sentences))


def means(rating: Json) -> str | None:
    """Each condition's mean over participants with its interval."""
    shown = [c for c in rating["conditions"] if c["raw_mean"] is not None]
    if not shown:
        return None
    with _drawing("means", rating):
        figure, axes = _axes(0.42 * len(shown) + 0.8)
        for place, condition in enumerate(shown):
            _point(axes, place, condition["raw_mean"], condition["mean"], BLUE)
        _levels(axes, [c["level"] for c in shown])
        _rating_axis(axes, rating)
        said = [f"{c['level']}: {_interval(c['raw_mean'], c['mean'])}" for c in shown]
        return _svg(figure, f"Mean {rating['item']} by condition", ". ".join(said))


def right_wrong(rating: Json) -> str | None:
    """Each condition's mean where the model was right and where it was wrong."""
    shown = [
        c
        for c in rating["conditions"]
        if c["right"]["mean"] is not None and c["wrong"]["mean"] is not None
    ]
    if not shown:
        return None
    with _drawing("right", rating):
        figure, axes = _axes(0.42 * len(shown) + 1.2)
        for place, condition in enumerate(shown):
            right, wrong = condition["right"]["mean"], condition["wrong"]["mean"]
            axes.plot([wrong, right], [place, place], color=GREY, linewidth=1.2, zorder=1)
            names = ("model right", "model wrong") if place == 0 else (None, None)
            axes.plot(right, place, "o", color=BLUE, markersize=7, label=names[0])
            axes.plot(wrong, place, "D", color=ORANGE, markersize=6, label=names[1])
        _levels(axes, [c["level"] for c in shown])
        _rating_axis(axes, rating)
        figure.legend(loc="outside upper center", ncols=2, frameon=False)
        said = [
            f"{c['level']}: {c['right']['mean']:.2f} where the model was right, "
            f"{c['wrong']['mean']:.2f} where it was wrong"
            for c in shown
        ]
        title = f"Mean {rating['item']} where the model was right and wrong"
        return _svg(figure, title, ". ".join(said))


def differences(hypotheses: list[Json]) -> str | None:
    """The estimate of each hypothesis that is a difference, with its interval, about zero."""
    shown = [
        (row, row["estimates"][0])
        for row in hypotheses
        if row["contrast"] and row["estimates"] and row["estimates"][0]["low"] is not None
    ]
    if not shown:
        return None
    names = [f"{row['id']}: {row['contrast'][0]} − {row['contrast'][1]}" for row, _ in shown]
    with _drawing("differences", {}):
        figure, axes = _axes(0.5 * len(shown) + 0.9)
        axes.axvline(0, color=GREY, linewidth=1, linestyle="--")
        for place, (row, estimate) in enumerate(shown):
            colour = BLUE if row["confirmatory"] else ORANGE
            _point(axes, place, estimate["value"], estimate, colour)
        _levels(axes, names)
        axes.set_xlabel("difference, in the outcome's own unit")
        said = [
            f"{name}: {_interval(estimate['value'], estimate)}"
            for name, (_, estimate) in zip(names, shown, strict=True)
        ]
        return _svg(figure, "Differences that were asked for", ". ".join(said))


def _drawing(name: str, rating: Json) -> Any:
    salt = f"{name} {rating.get('item')} {rating.get('factor')}"
    # The salt makes element ids the same on every run, and different between figures on one page.
    return mpl.rc_context(_STYLE | {"svg.hashsalt": salt})


def _axes(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    FigureCanvasSVG(figure)
    return figure, figure.add_subplot()


def _levels(axes: Axes, names: list[str]) -> None:
    axes.set_yticks(range(len(names)), [fill(name, 16) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)


def _rating_axis(axes: Axes, rating: Json) -> None:
    if rating["ends"]:
        low, high = rating["ends"]
        axes.set_xlim(low - 0.2, high + 0.2)
        axes.set_xticks(range(low, high + 1))
    elif rating["kind"] == "yes_no":
        axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel(f"mean of {rating['item']}")


def _point(axes: Axes, place: int, value: float, interval: Json, colour: str) -> None:
    if interval.get("low") is not None:
        axes.plot([interval["low"], interval["high"]], [place, place], color=colour, linewidth=2)
    axes.plot(value, place, "o", color=colour, markersize=7)


def _interval(value: float, interval: Json) -> str:
    if interval.get("low") is None:
        return f"{value:.2f}, no interval"
    return f"{value:.2f}, 95 % interval {interval['low']:.2f} to {interval['high']:.2f}"


def _svg(figure: Figure, title: str, description: str) -> str:
    buffer = io.StringIO()
    with warnings.catch_warnings():
        # The reader's own fonts draw the text; matplotlib's only measures it.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing")
        figure.savefig(buffer, format="svg", transparent=True, metadata=_NO_METADATA)
    text = buffer.getvalue()
    body = text[text.index("<svg ") + len("<svg ") :]
    # One page holds many figures: an id that nothing refers to would stand there many times.
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', body))
    body = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in used else "", body)
    return f'<svg role="img" aria-label="{escape(f"{title}. {description}")}" {body}'
