"""Training on prices: small real runs, their cards, and the checkpoint that ships."""

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import explainer
from explainer.data import forecasts, prices
from explainer.data.forecasts import Windows
from explainer.models import checkpoint
from explainer.models.spacetime import SpaceTime
from explainer.models.spacetime_layout import from_original
from explainer.train import prices as trainer
from tests.explainer.test_spacetime import ORIGINAL, SP500, needs_original

SHIPPED = Path(explainer.__file__).parent / "assets" / "checkpoints" / "sp500-spacetime"
SMALL = {
    "lag": 12,
    "horizon": 4,
    "epochs": 4,
    "width": 8,
    "kernels": 4,
    "state": 6,
    "learning_rate": 5e-3,
    "device": "cpu",
}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def wave(tmp_path: Path) -> Path:
    """A wave of ten days around 100 dollars, with noise: neither last value nor drift knows it."""
    rng = np.random.default_rng(0)
    values = 100 + 5 * np.sin(2 * np.pi * np.arange(620) / 10) + rng.normal(0, 0.5, 620)
    lines = [f"{date(2020, 1, 1) + timedelta(days=k)},{v:.2f}" for k, v in enumerate(values)]
    path = tmp_path / "wave.csv"
    path.write_text("Date,Level\n" + "\n".join(lines) + "\n")
    return path


def test_trains_and_beats_the_naive_forecasts(wave: Path, tmp_path: Path):
    options = {"data": wave, "column": "Level", "test_after": "2021-06-30", **SMALL}
    options |= {"epochs": 25, "learning_rate": 1e-2, "dropout": 0.0}
    said = []
    card = trainer.train(
        out=tmp_path / "a", progress=lambda done, total, what: said.append(what), **options
    )
    assert "best validation MAE" in said[-1]
    assert card["training"]["command"].startswith(
        "flask train prices --out a --data wave.csv --series sp500 --column Level "
        "--test-after 2021-06-30 --lag 12 --horizon 4 --epochs 25"
    )
    assert str(tmp_path) not in str(card)
    found = prices.load(wave, column="Level")
    parts = forecasts.split(found, 12, 4, "2021-06-30")
    assert card["data"]["split"] == {
        **parts.to_json(),
        "trained_on": len(parts.train) - 3,
        "series": "sp500",
        "column": "Level",
        "until": None,
        "test_after": "2021-06-30",
    }
    test = card["metrics"]["test"]
    naive = [test[name]["mae"] for name in ("last_value", "drift", "seasonal", "training_growth")]
    assert test["n"] == len(parts.test)
    assert test["model"]["mae"] < 0.6 * min(naive)
    network, again = checkpoint.load(tmp_path / "a")
    assert again == card
    assert isinstance(network, SpaceTime)
    assert trainer.evaluate(network, card, wave, "cpu") == card["metrics"]
    ahead = network(torch.tensor(parts.test.past.copy()).float().unsqueeze(-1)).squeeze(-1)
    mae = np.abs(ahead.numpy() - parts.test.future).mean()
    assert test["model"]["mae"] == pytest.approx(mae, abs=1e-4)


class KilledError(Exception):
    pass


def test_repeats_and_goes_on_after_a_stop_to_the_same_checkpoint(wave: Path, tmp_path: Path):
    def progress(done: int, total: int, what: str) -> None:
        if done == 12:
            raise KilledError

    options = {"out": tmp_path / "a", "data": wave, "column": "Level", **SMALL}
    with pytest.raises(KilledError):
        trainer.train(**options, progress=progress)
    seen = []
    card = trainer.train(**options, progress=lambda done, total, what: seen.append(done))
    assert 1 < seen[0] <= 12
    whole = trainer.train(**options)
    assert whole["weights_sha256"] == card["weights_sha256"]


def test_no_training_window_reaches_into_the_validation_windows_future(
    wave: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fitted: list[Windows] = []
    true = trainer.WindowExamples

    def spy(part: Windows) -> trainer.WindowExamples:
        fitted.append(part)
        return true(part)

    monkeypatch.setattr(trainer, "WindowExamples", spy)
    options = {"out": tmp_path / "a", "data": wave, "column": "Level", **SMALL, "epochs": 1}
    trainer.train(**options)
    parts = forecasts.split(prices.load(wave, column="Level"), 12, 4)
    last = fitted[0].first + len(fitted[0]) - 1
    assert last + 12 + 4 == parts.validation.first + 12


def test_the_loss_is_in_units_of_each_window():
    past = np.array([[1.0, 2, 1, 2], [10, 30, 10, 30], [5, 5, 5, 5]])
    examples = trainer.WindowExamples(Windows(past, np.array([[4.0], [70], [5]]), 0, 5))

    class Last(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones((), dtype=torch.float64))

        def forward(self, x):
            return x[:, -1:] * self.weight

    assert len(examples) == 3
    for rows, expected in (([0], 2 / 1), ([1], 40 / 20), ([2], 0.0), ([0, 2], 1.0)):
        assert examples.loss(Last(), torch.tensor(rows)).item() == pytest.approx(expected)


def test_a_series_below_zero_has_no_growth(tmp_path: Path):
    lines = [f"{date(2020, 1, 1) + timedelta(days=k)},{(-1) ** k * k}" for k in range(200)]
    path = tmp_path / "a.csv"
    path.write_text("Date,Close\n" + "\n".join(lines) + "\n")
    card = trainer.train(out=tmp_path / "a", data=path, **{**SMALL, "epochs": 1})
    assert set(card["metrics"]["test"]) == {
        *("n", "horizon", "model", "last_value", "drift", "seasonal")
    }


def test_growth_is_that_of_the_training_days():
    values = 3 * np.exp(0.002 * np.arange(60))
    both = np.lib.stride_tricks.sliding_window_view(values, 10)
    assert trainer.rate(Windows(both[:, :8], both[:, 8:], 0, 5)) == pytest.approx(0.002)


def test_what_ships_is_small_and_beats_the_naive_forecasts():
    network, card = checkpoint.load(SHIPPED)
    assert (SHIPPED / "weights.safetensors").stat().st_size < 2**20
    assert isinstance(network, SpaceTime)
    assert network.config.lag == 84
    for part, n in (("test", 589), ("validation", 694), ("train", 6254)):
        metrics = card["metrics"][part]
        assert metrics["n"] == n
        naive = [
            metrics[name]["mae"] for name in ("last_value", "drift", "seasonal", "training_growth")
        ]
        assert metrics["model"]["mae"] < min(naive)
    assert card["data"]["split"]["test_after"] == trainer.NOTEBOOK["test_after"]


@needs_original
def test_what_ships_has_the_errors_that_its_card_says():
    network, card = checkpoint.load(SHIPPED)
    found = trainer.evaluate(network, card, SP500, "cpu")
    for part, metrics in card["metrics"].items():
        for name, expected in metrics.items():
            assert found[part][name] == pytest.approx(expected, rel=1e-5)


@needs_original
def test_an_imported_original_is_judged_as_its_notebook_did():
    config = json.loads((ORIGINAL / "model_config.json").read_text())
    network = from_original(load_file(ORIGINAL / "bval_state_dict.safetensors"), config)
    found = trainer.evaluate(network, {"data": {}}, SP500, "cpu")
    assert found["test"]["model"]["batch_mae"] == 124.9059
    assert found["validation"]["model"]["batch_mae"] == 89.0828
    assert found["train"]["model"]["batch_mae"] == 28.1527
