"""Surrogates: simpler functions that stand in for a forecaster, when they are faithful enough.

All but the last value of a window enters as its difference from the last value, in units of the
standard deviation of the window's steps, and so does what is learnt: a window ten times as high
is forecast ten times as high.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from explainer.data.forecasts import Forecaster, Values, Windows, last_value

Kind = Literal["linear3", "ridge", "mlp", "trees"]
PENALTIES = np.logspace(-3, 5, 17)
FOLDS = 5
STEPS, BATCH = 1500, 128
TREES, LEAVES = 150, 15


class SurrogateError(Exception):
    """A surrogate is not faithful enough to be explained in the model's place."""


@dataclass(frozen=True)
class Fidelity:
    """How well a surrogate follows its model on n windows it was not fitted on, in data units.

    r2: of forecasts less each window's last value, over all windows and horizon steps, the mean of
    every step being the baseline; r2_levels: the same without taking the last value off, which
    near a price level is close to 1 for anything. mae: against the model's forecasts;
    last_value_mae: that of repeating the last value.
    """

    r2: float
    r2_levels: float
    mae: float
    last_value_mae: float
    n: int


@dataclass(frozen=True)
class Surrogate:
    """A fitted stand-in; `scaled` works in the window's own units."""

    kind: str
    fidelity: Fidelity
    scaled: Forecaster

    def predict(self, past: Values) -> Values:
        """Forecast in the data's units, (n, lag) -> (n, horizon)."""
        return _predict(self.scaled, past)


def fit_surrogate(
    kind: Kind,
    model: Forecaster,
    train: Windows,
    test: Windows,
    *,
    bar: float = 0.8,
    seed: int = 0,
) -> Surrogate:
    """Fit a surrogate to what `model` forecasts for training windows, and judge it on others.

    kind: "linear3" is the original's three linear layers, "ridge" one linear map with its penalty
    by cross-validation, "mlp" two hidden layers, "trees" boosted trees for every horizon step.
    Raises SurrogateError where its R2 on the test windows is below `bar`.
    """
    x, level, unit = scaling(train.past)
    y = (model(train.past) - level) / unit
    scaled = FIT[kind](x, y, seed)
    fidelity = judge(_predict(scaled, test.past), model(test.past), test.past)
    if not fidelity.r2 >= bar:
        raise SurrogateError(
            f"the {kind} surrogate has R2 {fidelity.r2:.3f} on {fidelity.n} windows it was not "
            f"fitted on, below the bar of {bar}: it says little about the model; try another kind "
            f"({', '.join(each for each in FIT if each != kind)}) or explain the model itself"
        )
    return Surrogate(kind, fidelity, scaled)


def judge(surrogate: Values, model: Values, past: Values) -> Fidelity:
    """Compare two forecasts (n, horizon) of the windows (n, lag)."""
    last = last_value(past, model.shape[1])
    return Fidelity(
        r2=r2(surrogate - last, model - last),
        r2_levels=r2(surrogate, model),
        mae=float(np.abs(surrogate - model).mean()),
        last_value_mae=float(np.abs(last - model).mean()),
        n=len(past),
    )


def r2(found: Values, wanted: Values) -> float:
    """The share of the variance of `wanted` (n, steps) that `found` explains, pooled over steps."""
    spread = np.square(wanted - wanted.mean(0)).sum()
    if spread == 0:
        return float("nan")
    return float(1 - np.square(found - wanted).sum() / spread)


class LinearLayers(nn.Sequential):
    """The original's surrogate: three linear layers, which together are one linear map."""

    def __init__(self, inputs: int, outputs: int) -> None:
        """Draw the weights; 64 and 32 units between."""
        super().__init__(nn.Linear(inputs, 64), nn.Linear(64, 32), nn.Linear(32, outputs))
        self.inputs = inputs

    def composed(self) -> tuple[Tensor, Tensor]:
        """Return W (inputs, outputs) and b (outputs,) of the one map x -> x W + b."""
        rows = torch.eye(self.inputs).to(next(self.parameters()))
        b = self(torch.zeros_like(rows[0]))
        return self(rows) - b, b


def ridge(x: Values, y: Values, penalty: float) -> tuple[Values, Values]:
    """Return W (inputs, outputs) and b (outputs,) with least |y - x W - b|^2 + penalty |W|^2."""
    W = _ridges(x, y, np.array([penalty]))[0]
    return W, y.mean(0) - x.mean(0) @ W


def choose_penalty(x: Values, y: Values) -> float:
    """The best of PENALTIES over five folds of neighbouring rows, which overlap in time."""
    wrong = np.zeros(len(PENALTIES))
    for fold in np.array_split(np.arange(len(x)), FOLDS):
        kept = np.ones(len(x), bool)
        kept[fold] = False
        middle_x, middle_y = x[kept].mean(0), y[kept].mean(0)
        found = _ridges(x[kept], y[kept], PENALTIES)
        left = y[fold] - middle_y
        wrong += np.square(left - (x[fold] - middle_x) @ found).sum((1, 2))
    return float(PENALTIES[wrong.argmin()])


def _ridges(x: Values, y: Values, penalties: Values) -> Values:
    """The weights (penalties, inputs, outputs) of centred rows, from one decomposition."""
    centred = x - x.mean(0)
    squares, Q = np.linalg.eigh(centred.T @ centred)
    turned = Q.T @ (centred.T @ (y - y.mean(0)))
    found: Values = Q @ (turned / (squares[:, None] + penalties[:, None, None]))
    return found


def _fit_ridge(x: Values, y: Values, seed: int) -> Forecaster:
    W, b = ridge(x, y, choose_penalty(x, y))
    return lambda each: each @ W + b


def _fit_linear3(x: Values, y: Values, seed: int) -> Forecaster:
    return _descend(lambda: LinearLayers(x.shape[1], y.shape[1]), x, y, seed)


def _fit_mlp(x: Values, y: Values, seed: int) -> Forecaster:
    return _descend(
        lambda: nn.Sequential(
            nn.Linear(x.shape[1], 64),
            nn.GELU(),
            nn.Linear(64, 64),
            nn.GELU(),
            nn.Linear(64, y.shape[1]),
        ),
        x,
        y,
        seed,
    )


def _fit_trees(x: Values, y: Values, seed: int) -> Forecaster:
    from sklearn.ensemble import HistGradientBoostingRegressor

    steps = [
        HistGradientBoostingRegressor(
            max_iter=TREES, max_leaf_nodes=LEAVES, early_stopping=False, random_state=seed
        ).fit(x, step)
        for step in y.T
    ]
    return lambda each: np.stack([step.predict(each) for step in steps], 1)


FIT: dict[str, Callable[[Values, Values, int], Forecaster]] = {
    "linear3": _fit_linear3,
    "ridge": _fit_ridge,
    "mlp": _fit_mlp,
    "trees": _fit_trees,
}


def _descend(make: Callable[[], nn.Module], x: Values, y: Values, seed: int) -> Forecaster:
    """Fit a network by AdamW to the mean squared error, on inputs and outputs of spread 1."""
    middle_x, spread_x = x.mean(0), x.std() or 1.0
    middle_y, spread_y = y.mean(0), y.std() or 1.0
    inputs = torch.from_numpy((x - middle_x) / spread_x).float()
    outputs = torch.from_numpy((y - middle_y) / spread_y).float()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = make()
        optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-3)
        falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
        for _ in range(STEPS):
            rows = torch.randint(len(inputs), (BATCH,))
            optimiser.zero_grad()
            loss = nn.functional.mse_loss(network(inputs[rows]), outputs[rows])
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            falling.step()
    network.requires_grad_(False)

    def scaled(each: Values) -> Values:
        found = network(torch.from_numpy((each - middle_x) / spread_x).float())
        ahead: Values = found.double().numpy() * spread_y + middle_y
        return ahead

    return scaled


def scaling(past: Values) -> tuple[Values, Values, Values]:
    """Windows (n, lag) as differences from the last value, in units; that value, those units."""
    level = past[:, -1:]
    unit = np.sqrt(np.square(np.diff(past, axis=1)).mean(1, keepdims=True)).clip(1e-6)
    return (past - level) / unit, level, unit


def _predict(scaled: Forecaster, past: Values) -> Values:
    x, level, unit = scaling(past)
    return scaled(x) * unit + level
