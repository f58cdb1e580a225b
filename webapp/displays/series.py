"""A series, its forecast beside the naive one, and which stretches of time moved the forecast."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explainer.artifact import Explanation, Stimulus
from webapp.displays.text import is_inside

WIDTH, LINE, BARS = 640, 220, 90  # of the drawing, and of its two parts, in SVG units
ABOVE, BELOW = 20, 8  # room beside the line, so that the highest label is not cut
LANE = 50  # of the bars of one of several channels


@dataclass(frozen=True)
class Bar:
    """What one stretch counted, as a rectangle and in the data's units; raised: the forecast."""

    first: int
    last: int
    mean: float
    value: float
    x: float
    y: float
    width: float
    height: float
    raised: bool


@dataclass(frozen=True)
class Lane:
    """Bars of one channel inside the model, and the height at which their zero lies."""

    name: str
    zero: float
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Projection:
    """What a page may know of a series and its explanation.

    past, forecast, naive, actual: SVG points of the lines, the forecast None where it is hidden;
    now: where the past ends. ticks: heights with their labels. bars: what moved the forecast;
    lanes: or when channels were active. tall: the drawing's height. steps: of the past; all_steps:
    with those ahead. ahead: steps ahead, forecast, naive and, where known, actual.
    """

    past: str
    forecast: str | None
    naive: str
    actual: str | None
    now: float
    zero: float
    ticks: tuple[tuple[float, str], ...]
    bars: tuple[Bar, ...]
    lanes: tuple[Lane, ...]
    tall: float
    steps: int
    ahead: tuple[tuple[int, float | None, float, float | None], ...]

    @property
    def all_steps(self) -> int:
        """Steps from left to right."""
        return self.steps + len(self.ahead)


def project(
    stimulus: Stimulus, explanation: Explanation | None, *, answer: bool = True
) -> Projection:
    """Turn a stimulus and, where one is shown, its explanation into what a page may show."""
    past = stimulus.content[:, 0].astype(np.float64)
    told = stimulus.forecast
    if told is None:
        raise ValueError("a series without a forecast cannot be drawn")
    # What is hidden must not show in the scale either.
    known = [told.naive] if told.actual is None else [told.naive, told.actual]
    known += [told.values] if answer else []
    everything = np.concatenate([past, *known])
    low, high = float(everything.min()), float(everything.max())
    spread = high - low or 1.0
    across = WIDTH / (len(past) + len(told.values) - 1)

    def height(value: float) -> float:
        return round(LINE - BELOW - (LINE - ABOVE - BELOW) * (value - low) / spread, 2)

    def points(values: NDArray[np.floating], first: int) -> str:
        """A line; a forecast starts where the past ends."""
        return " ".join(
            f"{round((first + k) * across, 2)},{height(float(v))}" for k, v in enumerate(values)
        )

    def ahead(values: NDArray[np.floating]) -> str:
        return points(np.concatenate([past[-1:], values]), len(past) - 1)

    actual = told.actual
    bars: tuple[Bar, ...] = ()
    lanes: tuple[Lane, ...] = ()
    if explanation is not None and is_inside(stimulus, explanation):
        lanes = _lanes(explanation, past, across)
    elif explanation is not None:
        bars = _bars(explanation.players, main_values(explanation), past, across, (LINE, BARS))
    return Projection(
        past=points(past, 0),
        forecast=ahead(told.values) if answer else None,
        naive=ahead(told.naive),
        actual=None if actual is None else ahead(actual),
        now=round((len(past) - 1) * across, 2),
        zero=LINE + BARS / 2,
        ticks=tuple((height(v), f"{v:,.0f}") for v in np.linspace(low, high, 4)),
        bars=bars,
        lanes=lanes,
        tall=LINE + 6 + (BARS if bars else LANE * len(lanes)),
        steps=len(past),
        ahead=tuple(
            (
                k + 1,
                float(v) if answer else None,
                float(n),
                None if actual is None else float(actual[k]),
            )
            for k, (v, n) in enumerate(zip(told.values, told.naive, strict=True))
        ),
    )


def _lanes(explanation: Explanation, past: NDArray[np.float64], across: float) -> tuple[Lane, ...]:
    values = explanation.values.astype(np.float64)
    found = []
    for k, name in enumerate(explanation.outputs):
        top = LINE + LANE * k
        bars = _bars(explanation.players, values[:, k], past, across, (top, LANE))
        found.append(Lane(name, top + LANE / 2, bars))
    return tuple(found)


def _bars(
    players: Sequence[tuple[int, ...]],
    values: NDArray[np.float64],
    past: NDArray[np.float64],
    across: float,
    strip: tuple[float, float],
) -> tuple[Bar, ...]:
    """Bars around the middle of a strip: where it begins, and how high it is."""
    top, room = strip
    largest = float(np.abs(values).max(initial=0)) or 1.0
    found = []
    for (start, end), value in zip(players, values.tolist(), strict=True):
        tall = round((room / 2 - 4) * abs(value) / largest, 2)
        found.append(
            Bar(
                first=start + 1,
                last=end,
                mean=float(past[start:end].mean()),
                value=value,
                x=round(start * across, 2),
                y=round(top + room / 2 - (tall if value > 0 else 0), 2),
                width=round(max(1.0, (end - start) * across - 1), 2),
                height=tall,
                raised=value > 0,
            )
        )
    return tuple(found)


def main_values(explanation: Explanation) -> NDArray[np.float64]:
    """What each player counted for the mean forecast, in the data's units."""
    names: Sequence[str] = explanation.outputs
    values = explanation.values.astype(np.float64)
    return values[:, names.index("mean")] if "mean" in names else values.mean(1)
