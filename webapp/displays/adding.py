"""How the parts add up: from what the model says with everything hidden to what it says."""

from dataclasses import dataclass
from math import exp

import numpy as np
from numpy.typing import NDArray

from explainer.artifact import Explanation, Stimulus
from webapp.displays.number import number

WIDTH = 100.0  # of a bar's drawing, in SVG units
LEFT_OVER = 0.01  # of the way from base to full: less than this is rounding
LOGARITHM = "log-probability"


@dataclass(frozen=True)
class Line:
    """One bar. kind: base, for, against, rest or full; value: in the model's unit.

    x, width: of the bar. said: the value in words; percent: the probability that it is the
    logarithm of, where it is one.
    """

    kind: str
    value: float
    x: float
    width: float
    said: str
    percent: str | None


@dataclass(frozen=True)
class Total:
    """Bars from base to full, one below the other.

    unit: forecast, in a series' own; logarithm, of a probability; or score, the more the surer.
    hidden: whether base is what the model says with everything hidden, and not just 0. zero: where
    0 lies, if it is in the drawing.
    """

    lines: tuple[Line, ...]
    unit: str
    hidden: bool
    zero: float | None


def total(stimulus: Stimulus, explanation: Explanation) -> Total | None:
    """Add up what counted for the model's answer; None where a method's parts do not add up."""
    if explanation.completeness_gap is None:
        return None
    values, base, full = _told(stimulus, explanation)
    up, down = float(values[values > 0].sum()), float(values[values < 0].sum())
    rest = full - base - up - down
    steps = [("for", up), ("against", down)]
    if abs(rest) > LEFT_OVER * max(up, -down):
        steps.append(("rest", rest))
    ends = np.cumsum([base, *(value for _, value in steps)]).tolist()
    series = stimulus.kind == "series"
    # A price is far from 0, where what moved it could not be seen.
    low, high = min(full, *ends), max(full, *ends)
    if not series:
        low, high = min(low, 0.0), max(high, 0.0)
    scale = WIDTH / ((high - low) or 1.0)
    zero = low if series else 0.0

    def line(kind: str, value: float, start: float, stop: float) -> Line:
        left, right = sorted((start, stop))
        percent = _percent(stimulus, explanation, value) if kind in ("base", "full") else None
        wide = max(0.8, (right - left) * scale)
        place = round(min((left - low) * scale, WIDTH - wide), 2)
        said = number(value, sign=kind not in ("base", "full"))
        return Line(kind, value, place, round(wide, 2), said, percent)

    lines = [line("base", base, zero, base)]
    for (kind, value), start, stop in zip(steps, ends, ends[1:], strict=False):
        lines.append(line(kind, value, start, stop))
    lines.append(line("full", full, zero, full))
    logarithm = explanation.value_function.startswith(LOGARITHM)
    unit = "forecast" if series else "logarithm" if logarithm else "score"
    place = None if series else round(-low * scale, 2)
    return Total(tuple(lines), unit, any(explanation.players), place)


def _told(stimulus: Stimulus, explanation: Explanation) -> tuple[NDArray[np.float64], float, float]:
    """Values (players,), base and full of what the model says as a whole."""
    outputs = explanation.outputs
    arrays = [
        array.astype(np.float64)
        for array in (explanation.values, explanation.base_values, explanation.full_values)
    ]
    if stimulus.labels:
        wanted = outputs.index(stimulus.predicted)
    else:
        whole = "mean" if stimulus.forecast is not None else "sum"
        if whole not in outputs:
            # The tokens of a text add up; the steps of a forecast have their mean.
            pool = np.mean if stimulus.forecast is not None else np.sum
            values, base, full = (pool(array, axis=-1) for array in arrays)
            return values, float(base), float(full)
        wanted = outputs.index(whole)
    values, base, full = (array[..., wanted] for array in arrays)
    return values, float(base), float(full)


def _percent(stimulus: Stimulus, explanation: Explanation, value: float) -> str | None:
    """A label's probability. That of a whole text is so small that it says nothing."""
    if not stimulus.labels or not explanation.value_function.startswith(LOGARITHM):
        return None
    found = 100 * exp(min(value, 0.0))
    return (
        f"{found:.0f} %"
        if 1 <= found <= 99
        else f"{found:.2g} %"
        if found < 1
        else f"{found:.4g} %"
    )
