"""SpaceTime on the S&P 500's closes, ETTh1, or a column of any CSV."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from explainer.data import forecasts, prices
from explainer.data.forecasts import Split, Windows
from explainer.machine import pick
from explainer.models import checkpoint
from explainer.models.spacetime import SpaceTime, SpaceTimeConfig
from explainer.train.card import about, command
from explainer.train.fit import Best, Progress, Settings, fit

HELP = {
    "data": "A CSV file, or a folder with one; without it the series is fetched once.",
    "series": "What to fetch: the S&P 500 (Yahoo), or ETTh1.",
    "column": "The CSV's column to forecast; by default Close, or OT for etth1.",
    "until": "The last day to use, like 2023-05-05; by default all.",
    "test_after": "Windows that end after this day test; by default the last tenth of them.",
    "lag": "Steps that a forecast is made from.",
    "horizon": "Steps that are forecast.",
    "width": "Channels.",
    "kernels": "Different systems in the encoder; a divisor of the width.",
    "state": "States of each system.",
    "transform": "What is taken off a window before, and given back to its forecast.",
    "dropout": "Share of activations left out in training.",
    "learning_rate": "At its peak, after the warm-up.",
}
LOSS = "mean absolute error of the forecast, in standard deviations of the window's steps"
# A window that hardly moves would count for all others: units below this share of the middle one.
SMALLEST_UNIT = 0.05
# What the original's notebook took.
NOTEBOOK = {"series": "sp500", "column": "Close", "until": "2023-05-05", "test_after": "2020-12-31"}


class WindowExamples:
    """Windows to forecast."""

    def __init__(self, part: Windows) -> None:
        """Keep the windows in memory, with their units."""
        self.past = torch.from_numpy(part.past.copy()).unsqueeze(-1)
        self.future = torch.from_numpy(part.future.copy()).unsqueeze(-1)
        steps = self.past.diff(dim=1).square().mean(1, keepdim=True).sqrt()
        self.unit = steps.clamp_min(max(SMALLEST_UNIT * float(steps.median()), 1e-6))

    def __len__(self) -> int:
        """How many windows there are."""
        return len(self.past)

    def loss(self, model: nn.Module, rows: Tensor) -> Tensor:
        """Mean absolute error in units of each window."""
        weight = next(model.parameters())
        past, future, unit = (each[rows].to(weight) for each in (self.past, self.future, self.unit))
        return torch.mean(torch.abs((model(past) - future) / unit))


def train(
    *,
    out: Path,
    data: Path | None = None,
    series: prices.Name = "sp500",
    column: str | None = None,
    until: str | None = None,
    test_after: str | None = None,
    lag: int = 84,
    horizon: int = 20,
    epochs: int = 8,
    seed: int = 0,
    width: int = 32,
    kernels: int = 8,
    state: int = 32,
    transform: Literal["mean", "last", "scaled"] = "scaled",
    dropout: float = 0.2,
    learning_rate: float = 1e-3,
    device: str = "auto",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train SpaceTime on windows of a series in the order of time, and write its checkpoint.

    The best epoch by the mean absolute error on validation windows is kept; the card has the errors
    on all parts beside those of repeating the last value, of drift, of the last season, and of the
    growth of the training days. The last training windows, whose future reaches into that of the
    validation windows, are not trained on.
    """
    options = {name: value for name, value in locals().items() if name != "progress"}
    config = SpaceTimeConfig(
        lag=lag,
        horizon=horizon,
        width=width,
        kernels=kernels,
        state=state,
        dropout=dropout,
        transform=transform,
    )
    found = prices.load(data, series, column, until)
    parts = forecasts.split(found, lag, horizon, test_after)
    fitted = parts.train.part(0, max(1, len(parts.train) - horizon + 1))
    torch.manual_seed(seed)
    network = SpaceTime(config).to(pick(device))
    settings = Settings(epochs, 64, learning_rate, weight_decay=0.01)
    said = command("prices", options)

    def keep(best: Best) -> None:
        what = about(
            trainer="prices",
            command=said,
            seed=seed,
            settings=settings,
            best=best,
            data={
                "name": found.name,
                "terms": found.terms,
                "files_sha256": found.files,
                "first": str(found.moments[0]),
                "last": str(found.moments[-1]),
                "n": len(found.values),
                "split": {
                    **parts.to_json(),
                    "trained_on": len(fitted),
                    "series": series,
                    "column": found.column,
                    "until": until,
                    "test_after": test_after,
                },
            },
            metrics=judge(network, parts),
            loss=LOSS,
        )
        preprocessing = {"kind": "series", "column": found.column}
        checkpoint.save(out, network, preprocessing=preprocessing, labels=(), about=what)

    fit(
        network,
        WindowExamples(fitted),
        lambda: -mean_error(network, parts.validation),
        settings,
        seed=seed,
        out=out,
        keep=keep,
        progress=progress,
        run={"command": said, "data": found.files},
        shown=lambda score: f"validation MAE {-score:.4g}",
    )
    return checkpoint.load(out)[1]


def evaluate(
    model: nn.Module, card: dict[str, Any], data: Path | None, device: str
) -> dict[str, Any]:
    """Judge a checkpoint again, beside the naive forecasts; the original's as its notebook did."""
    how = card["data"].get("split", NOTEBOOK)
    found = prices.load(data, how["series"], how["column"], how["until"])
    if not isinstance(model, SpaceTime):
        raise TypeError(f"the network is a {type(model).__name__}, expected a SpaceTime")
    config = model.config
    parts = forecasts.split(found, config.lag, config.horizon, how["test_after"])
    return judge(model.to(pick(device)), parts)


def judge(network: nn.Module, parts: Split) -> dict[str, Any]:
    """The errors on each part, in the data's units, beside those of the naive forecasts."""
    forecast = forecasts.forecaster(network)
    found = {}
    for name in ("test", "validation", "train"):
        part: Windows = getattr(parts, name)
        metrics = forecasts.evaluate(forecast, part)
        if (parts.train.past > 0).all():
            ahead = forecasts.growth(part.past, part.future.shape[1], rate(parts.train))
            metrics["training_growth"] = forecasts.errors(ahead, part.future, forecasts.BATCH)
        found[name] = {
            key: {each: round(value, 4) for each, value in values.items()}
            if isinstance(values, dict)
            else values
            for key, values in metrics.items()
        }
    return found


def rate(part: Windows) -> float:
    """The mean growth of a step over some windows' past, as a logarithm."""
    first, last = part.past[0, 0], part.past[-1, -1]
    return float(np.log(last / first) / (len(part) + part.past.shape[1] - 2))


def mean_error(network: nn.Module, part: Windows) -> float:
    """Mean absolute error over all values, in the data's units."""
    return float(np.abs(forecasts.forecaster(network)(part.past) - part.future).mean())
