"""Deletion and insertion curves of a stimulus set: each method's mean over stimuli, drawn."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from webapp.comparison import Explained, t_quantile
from webapp.models import Explanation

Float64 = NDArray[np.float64]

WIDTH, PLOT, HEIGHT = 480, 400, 200  # of the drawing and of a panel, in SVG units
LEFT, TOP, GAP, ROW = 62, 30, 84, 24
POINTS = 33
# Told apart also by colour-blind people (Okabe & Ito), darkened to 3:1 on white; and by dashes.
COLOURS = ("#0072b2", "#c65102", "#007a5a", "#aa4f88", "#8a6500", "#3b3b3b")
DASHES = ("none", "9 4", "2 3", "12 3 2 3")
GREY, GREY_DASHES = "#6b6b6b", ("4 4", "1 5", "10 5 1 5")
OWN, OTHER = "", "_other_mask"
TITLES = {"deletion": "Deletion: lower is better", "insertion": "Insertion: higher is better"}


@dataclass(frozen=True)
class Shape:
    """One line of a panel and the band around it, as SVG points; area: under it, in words."""

    name: str
    colour: str
    dash: str
    line: str
    band: str | None
    area: str


@dataclass(frozen=True)
class Panel:
    """Deletion or insertion. top: where it begins; ticks: heights with labels."""

    title: str
    top: int
    ticks: tuple[tuple[float, str], ...]
    shapes: tuple[Shape, ...]


@dataclass(frozen=True)
class Drawing:
    """What the template draws. legend: (height, shape) of each line."""

    title: str
    panels: tuple[Panel, ...]
    legend: tuple[tuple[int, Shape], ...]
    width: int
    height: int
    left: int
    plot: int
    tall: int
    stimuli: int


def draw(stimulus_set: str, shown: Explained, suffix: str) -> Drawing | None:
    """Draw under the mask of each method (OWN), or under another (OTHER); None without curves."""
    found = {name: _curves(each, f"removal{suffix}") for name, each in shown.items()}
    found = {name: curves for name, curves in found.items() if curves}
    if not found:
        return None
    lines = {
        name: (curves, COLOURS[k % len(COLOURS)], DASHES[(k + k // len(COLOURS)) % len(DASHES)])
        for k, (name, curves) in enumerate(found.items())
    }
    chance = {name: _curves(shown[name], f"random_removal{suffix}") for name in found}
    for k, (label, curves) in enumerate(_games(chance).items()):
        lines[label] = curves, GREY, GREY_DASHES[k % len(GREY_DASHES)]
    panels = tuple(
        _panel(part, TOP + 26 + k * (HEIGHT + GAP), lines, chance) for k, part in enumerate(TITLES)
    )
    below = panels[-1].top + HEIGHT + 106
    legend = tuple((below + ROW * k, shape) for k, shape in enumerate(panels[0].shapes))
    under = "a mask that the method did not use" if suffix else "each method's own mask"
    return Drawing(
        title=f"{stimulus_set}, under {under}",
        panels=panels,
        legend=legend,
        width=WIDTH,
        height=below + ROW * len(legend),
        left=LEFT,
        plot=PLOT,
        tall=HEIGHT,
        stimuli=max(len(curves) for curves in found.values()),
    )


Curves = list[dict[str, Float64]]


def _curves(explanations: Sequence[Explanation], name: str) -> Curves:
    """The curves of each stimulus, over the same shares."""
    found = []
    shares = np.linspace(0, 1, POINTS)
    for explanation in explanations:
        given = (explanation.measures or {}).get("curves", {}).get(name)
        if given is not None:
            found.append({part: np.interp(shares, given["shares"], given[part]) for part in TITLES})
    return found


def _games(chance: dict[str, Curves]) -> dict[str, Curves]:
    """Random attributions' curves: one for all who play the same games, else one for each such."""
    games: dict[bytes, tuple[list[str], Curves]] = {}
    for name, curves in chance.items():
        if curves:
            key = b"".join(each["deletion"].tobytes() for each in curves)
            games.setdefault(key, ([], curves))[0].append(name)
    if len(games) == 1:
        return dict.fromkeys(["random"], next(iter(games.values()))[1])
    return {
        f"random, as {who[0]}" + (f" and {len(who) - 1} more" if len(who) > 1 else ""): curves
        for who, curves in games.values()
    }


def _panel(
    part: str, top: int, lines: dict[str, tuple[Curves, str, str]], chance: dict[str, Curves]
) -> Panel:
    """A band is the interval of the distance from random: stimuli differ in level too much."""
    means, bands = {}, {}
    for name, (curves, _, _) in lines.items():
        values = np.array([each[part] for each in curves])
        means[name] = values.mean(0)
        n = len(values)
        if n > 1 and len(chance.get(name, [])) == n:
            distance = values - np.array([each[part] for each in chance[name]])
            half = t_quantile(n - 1) * distance.std(0, ddof=1) / np.sqrt(n)
            bands[name] = means[name] - half, means[name] + half
    reach = np.concatenate([*means.values(), *(edge for band in bands.values() for edge in band)])
    low, high = float(reach.min()), float(reach.max())
    spread = (high - low) or 1.0

    def points(values: Float64) -> list[str]:
        across = LEFT + PLOT * np.linspace(0, 1, POINTS)
        down = top + HEIGHT * (1 - (values - low) / spread)
        return [f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True)]

    shapes = tuple(
        Shape(
            name,
            colour,
            dash,
            " ".join(points(means[name])),
            None
            if name not in bands
            else " ".join([*points(bands[name][0]), *reversed(points(bands[name][1]))]),
            f"{np.trapezoid(means[name], dx=1 / (POINTS - 1)):.3g}",
        )
        for name, (_, colour, dash) in lines.items()
    )
    ticks = tuple(
        (round(top + HEIGHT * (1 - (level - low) / spread), 1), f"{level:.4g}")
        for level in _levels(low, low + spread)
    )
    return Panel(TITLES[part], top, ticks, shapes)


def _levels(low: float, high: float) -> list[float]:
    """Round numbers between two others, three to six of them."""
    power = 10 ** np.floor(np.log10((high - low) / 3))
    step = next((k * power for k in (5, 2) if (high - low) / (k * power) >= 3), power)
    first, last = int(np.ceil(low / step)), int(np.floor(high / step))
    return [round(float(k * step), 12) for k in range(first, last + 1)]
