"""The sample of windows: the one that ships is what its command makes, and refusals."""

import csv
import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

import explainer
from explainer.data import forecasts, prices
from explainer.data.sample_windows import main
from explainer.models import checkpoint

ASSETS = Path(explainer.__file__).parent / "assets"
SHARED = Path(__file__).parents[3] / "shared" / "data" / "sp500"
FORECASTER = ASSETS / "checkpoints" / "sp500-spacetime"


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """A walk over the days of the split in the checkpoint's card."""
    path = tmp_path_factory.mktemp("prices") / "walk.csv"
    walk = 1000 + np.random.default_rng(1).normal(0, 8, 700).cumsum()
    with path.open("w") as file:
        lines = csv.writer(file)
        lines.writerow(["Date", "Close"])
        for k, value in enumerate(walk):
            lines.writerow([date(2020, 1, 1) + timedelta(days=k), round(float(value), 2)])
    return path


def run(*options):
    return main(["--checkpoint", str(FORECASTER), *map(str, options)])


@pytest.mark.skipif(not SHARED.is_dir(), reason="the S&P 500's closes are not beside the checkout")
def test_the_shipped_sample_is_what_its_command_makes(tmp_path, capsys):
    assert run("--data", SHARED, "--out", tmp_path / "sp500-40") == 0
    for name in ("sp500-40.npz", "sp500-40.json"):
        assert (tmp_path / name).read_bytes() == (ASSETS / "data" / name).read_bytes()
    assert json.loads(capsys.readouterr().out)["windows"] == 40


def test_each_half_is_what_it_is_called_and_lies_apart(series, tmp_path, capsys):
    assert run("--data", series, "--out", tmp_path / "w", "--half", 3, "--apart", 9) == 0
    assert json.loads(capsys.readouterr().out)["better_than_last_value"] == 3
    with np.load(tmp_path / "w.npz") as file:
        past, future, ends = file["past"], file["future"], file["ends"]
    read = prices.load(series)
    days = [moment.date().isoformat() for moment in read.moments]
    for window, ahead, end in zip(past, future, ends, strict=True):
        at = days.index(end) + 1
        np.testing.assert_array_equal(window, read.values[at - 84 : at])
        np.testing.assert_array_equal(ahead, read.values[at : at + 20])
        assert days[at + 19] > "2020-12-31"
    network, _ = checkpoint.load(FORECASTER)
    said = np.abs(forecasts.forecaster(network)(past) - future).mean(1)
    better = said < np.abs(past[:, -1:] - future).mean(1)
    assert better.sum() == 3
    places = np.array([days.index(end) for end in ends])
    assert min(np.diff(places[better]).min(), np.diff(places[~better]).min()) >= 9


@pytest.mark.skipif(not SHARED.is_dir(), reason="the S&P 500's closes are not beside the checkout")
def test_the_shipped_background_is_what_its_command_makes(tmp_path):
    assert run("--data", SHARED, "--every", 5, "--out", tmp_path / "sp500-weekly") == 0
    for name in ("sp500-weekly.npz", "sp500-weekly.json"):
        assert (tmp_path / name).read_bytes() == (ASSETS / "data" / name).read_bytes()


def test_the_background_ends_before_the_sample_begins():
    with np.load(ASSETS / "data" / "sp500-weekly.npz") as file:
        behind, past = file["ends"], file["past"]
    with np.load(ASSETS / "data" / "sp500-40.npz") as file:
        shown = file["ends"]
    assert max(behind) < min(shown)
    assert past.shape == (len(behind), 84)
    np.testing.assert_array_equal(past[0, 5:], past[1, :-5])


def test_refusals_are_one_line(series, tmp_path, capsys):
    assert run("--data", series, "--out", tmp_path / "w", "--half", 90) == 1
    assert "ask for fewer" in capsys.readouterr().err
    options = ["--data", str(series), "--out", str(tmp_path / "w")]
    digits = str(ASSETS / "checkpoints" / "mnist-s4d")
    assert main(["--checkpoint", digits, *options]) == 1
    assert "no forecaster" in capsys.readouterr().err
