"""What all figures share: size, colours, axes of conditions, and how a drawing becomes SVG."""

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from textwrap import fill
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

Json = dict[str, Any]

# Okabe & Ito (2008), and ColorBrewer's PuOr for the two ends of a rating.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#555555"
COLOURS = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9")
DASHES = ("-", "--", ":", "-.")
MARKERS = ("o", "D", "s", "^", "v", "P")
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


@dataclass(frozen=True)
class Drawing:
    """A figure as SVG, and the numbers in it as a table."""

    name: str
    svg: str
    header: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]


def name_of(*parts: object) -> str:
    """The name of a figure, which is also that of its file and seeds its ids."""
    return "-".join(re.sub(r"[^A-Za-z0-9]+", "-", str(part)).strip("-") for part in parts)


@contextmanager
def drawing(name: str) -> Iterator[None]:
    """Draw in the report's style; ids are the same on every run, and differ between figures."""
    with mpl.rc_context(_STYLE | {"svg.hashsalt": name}):
        yield


def axes_of(height: float) -> tuple[Figure, Axes]:
    """An empty figure of that height in inches."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    FigureCanvasSVG(figure)
    return figure, figure.add_subplot()


def levels_axis(axes: Axes, names: Sequence[str]) -> None:
    """One row for each name, the first on top."""
    axes.set_yticks(range(len(names)), [fill(name, 16) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)


def rating_axis(axes: Axes, rating: Json, label: str) -> None:
    """The range of a rating along x."""
    if rating["ends"]:
        low, high = rating["ends"]
        axes.set_xlim(low - 0.2, high + 0.2)
        axes.set_xticks(range(low, high + 1))
    elif rating["kind"] == "yes_no":
        axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel(label)


def point(axes: Axes, place: float, value: float, limits: Json, style: tuple[str, str]) -> None:
    """A value with its interval; style: colour and marker."""
    colour, marker = style
    if limits.get("low") is not None:
        axes.plot([limits["low"], limits["high"]], [place, place], color=colour, linewidth=2)
    axes.plot(value, place, marker, color=colour, markersize=7)


def told(value: float, limits: Json) -> str:
    """A value with its interval in words, for who does not see the drawing."""
    if limits.get("low") is None:
        return f"{value:.2f}, no interval"
    return f"{value:.2f}, 95 % interval {limits['low']:.2f} to {limits['high']:.2f}"


def svg(figure: Figure, title: str, description: str) -> str:
    """The figure as SVG text that a page can hold."""
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
