"""Windows of a series, how they are split in time, and the forecasts that cost nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from explainer.data.fetch import DataError
from explainer.data.prices import Series, day

BATCH = 32  # the original's, over which it averages its errors
Values = NDArray[np.float64]
Forecaster = Callable[[Values], Values]


@dataclass(frozen=True)
class Windows:
    """Pieces of a series one step apart: past (n, lag) and the future (n, horizon) that followed.

    first: position of the first window in the series. period: steps of one season.
    """

    past: Values
    future: Values
    first: int
    period: int

    def __len__(self) -> int:
        """How many windows there are."""
        return len(self.past)

    def part(self, start: int, stop: int) -> "Windows":
        """Windows start ... stop - 1."""
        return Windows(
            self.past[start:stop], self.future[start:stop], self.first + start, self.period
        )


@dataclass(frozen=True)
class Split:
    """Three runs of windows, in the order of time."""

    train: Windows
    validation: Windows
    test: Windows

    def to_json(self) -> dict[str, int]:
        """How many windows each part has."""
        return {name: len(getattr(self, name)) for name in ("train", "validation", "test")}


def windows(series: Series, lag: int, horizon: int) -> Windows:
    """Every window of a series. Raises DataError when it is too short for one."""
    n = len(series.values)
    if n < lag + horizon:
        raise DataError(
            f"{series.name} has {n} values, too few for one window of lag {lag} and horizon "
            f"{horizon}"
        )
    both = np.lib.stride_tricks.sliding_window_view(series.values, lag + horizon)
    return Windows(both[:, :lag], both[:, lag:], 0, series.period)


def split(series: Series, lag: int, horizon: int, test_after: str | None = None) -> Split:
    """Windows in the order of time; the last tenth of those before the test windows validate.

    test_after: a day; windows that end after it test, and those that end before it train and
    validate (one that ends on it is left out, as in the original's notebook, which has 2020-12-31).
    Without it the last tenth of all windows tests. Neighbouring parts share days. Raises DataError
    where a part would be empty.
    """
    every = windows(series, lag, horizon)
    if test_after is None:
        start = stop = len(every) - len(every) // 10
    else:
        boundary = day(test_after)
        ends = [moment.date() for moment in series.moments[lag + horizon - 1 :]]
        stop = sum(end < boundary for end in ends)
        start = sum(end <= boundary for end in ends)
    validation = stop // 10
    found = Split(
        every.part(0, stop - validation),
        every.part(stop - validation, stop),
        every.part(start, len(every)),
    )
    for name, n in found.to_json().items():
        if n == 0:
            raise DataError(
                f"{series.name} gives no {name} windows of lag {lag} and horizon {horizon} out of "
                f"{len(every)}: take a longer series, or another day to test after"
            )
    return found


def last_value(past: Values, horizon: int) -> Values:
    """Repeat each window's last value, (n, lag) -> (n, horizon)."""
    return np.repeat(past[:, -1:], horizon, 1)


def drift(past: Values, horizon: int) -> Values:
    """Go on along the line from each window's first value to its last."""
    slope = (past[:, -1:] - past[:, :1]) / max(1, past.shape[1] - 1)
    ahead: Values = past[:, -1:] + slope * np.arange(1, horizon + 1)
    return ahead


def seasonal(past: Values, horizon: int, period: int) -> Values:
    """Repeat each window's last season; a window shorter than that is repeated whole."""
    period = min(period, past.shape[1])
    ahead: Values = past[:, past.shape[1] - period + np.arange(horizon) % period]
    return ahead


def growth(past: Values, horizon: int, rate: float) -> Values:
    """Let each window's last value grow by exp(rate) every step."""
    ahead: Values = past[:, -1:] * np.exp(rate * np.arange(1, horizon + 1))
    return ahead


def forecaster(model: nn.Module, batch: int = 256) -> Forecaster:
    """Make a function (n, lag) -> (n, horizon) of a network in eval mode, batch by batch."""

    def forecast(past: Values) -> Values:
        weight = next(model.parameters())
        with torch.no_grad():
            parts = [
                model(torch.from_numpy(each.copy()).unsqueeze(-1).to(weight)).squeeze(-1)
                for each in np.split(past, range(batch, len(past), batch))
            ]
        ahead: Values = torch.cat(parts).double().cpu().numpy()
        return ahead

    return forecast


def errors(forecast: Values, truth: Values, batch: int) -> dict[str, float]:
    """MAE, RMSE and MSE over all values (pooled), and their means over batches of windows.

    forecast, truth: (n, horizon). The original prints the means over batches, the last of which is
    smaller and counts as much as the others.
    """
    wrong = forecast - truth
    each = [_errors(part) for part in np.split(wrong, range(batch, len(wrong), batch))]
    batches = {f"batch_{name}": float(np.mean([e[name] for e in each])) for name in each[0]}
    return {**_errors(wrong), **batches}


def _errors(wrong: Values) -> dict[str, float]:
    mse = float(np.square(wrong).mean())
    return {"mae": float(np.abs(wrong).mean()), "rmse": mse**0.5, "mse": mse}


def evaluate(forecast: Forecaster, part: Windows, batch: int = BATCH) -> dict[str, Any]:
    """The errors of a model beside those of last value, drift and season, with n of windows."""
    horizon = part.future.shape[1]
    forecasts = {
        "model": forecast(part.past),
        "last_value": last_value(part.past, horizon),
        "drift": drift(part.past, horizon),
        "seasonal": seasonal(part.past, horizon, part.period),
    }
    return {
        "n": len(part),
        "horizon": horizon,
        **{name: errors(found, part.future, batch) for name, found in forecasts.items()},
    }
