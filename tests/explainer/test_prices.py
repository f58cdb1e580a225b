"""Reading series, cutting windows, and the naive forecasts."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_absolute_error, root_mean_squared_error
from torch import nn

from explainer.data import forecasts, prices
from explainer.data.fetch import DataError
from explainer.data.prices import Series


def series(values, step=timedelta(days=1), start=datetime(2020, 1, 1)) -> Series:
    moments = tuple(start + step * k for k in range(len(values)))
    return Series(np.array(values, float), moments, "Close", {}, "made", "ours")


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_reads_a_column_of_a_csv_until_a_day(tmp_path: Path):
    path = write(
        tmp_path / "a.csv",
        "\ufeffdate,OT,Close\n"
        "2020-01-02 00:00:00-05:00,1.5,7\n2020-01-03,2.5,8\n2020-01-06,3.5,9\n",
    )
    found = prices.load(path, column="OT", until="2020-01-03")
    np.testing.assert_array_equal(found.values, [1.5, 2.5])
    assert found.moments == (datetime(2020, 1, 2), datetime(2020, 1, 3))
    assert (found.name, found.terms, found.period) == ("a.csv", "not stated", 5)
    assert list(found.files) == ["a.csv"]
    np.testing.assert_array_equal(prices.load(tmp_path).values, [7, 8, 9])  # its only CSV file


def test_knows_yahoos_columns_and_hours(tmp_path: Path):
    head = "Date,Open,High,Low,Close,Adj Close,Volume\n"
    path = write(tmp_path / "b.csv", head + "2020-01-02,1,2,3,4,5,6\n")
    assert prices.load(path).name == "Yahoo history (b.csv)"
    assert series(range(9), timedelta(hours=1)).period == 24


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Date,Open\n2020-01-02,1\n", "no column 'Close'; it has Date, Open"),
        ("Day,Close\n2020-01-02,1\n", "no column 'date'"),
        ("", "no column 'date'"),
        ("Date,Close\n2020-01-02,1\n2020-01-03,null\n", "line 3: 'null' is no number"),
        ("Date,Close\n2020-01-02,nan\n", "line 2: 'nan' is no number"),
        ('Date,Close\n2020-01-02,"4,783.35"\n', "line 2: '4,783.35' is no number"),
        ("Date,Close\n2020-01-02\n", "line 2: None is no number"),
        ("Date,Close\n01/02/2020,1\n", "line 2: '01/02/2020' is no date"),
        ("Date,Close\n2020-01-02,1\n2020-01-02,2\n", "2020-01-02 00:00:00 twice"),
        ("Date,Close\n2020-01-03,1\n2020-01-02,2\n", "2020-01-02 00:00:00 after 2020-01-03"),
    ],
)
def test_says_what_is_wrong_with_a_csv(tmp_path: Path, text: str, says: str):
    with pytest.raises(DataError, match=says):
        prices.load(write(tmp_path / "a.csv", text))


def test_says_what_cannot_be_read(tmp_path: Path):
    with pytest.raises(DataError, match=r"none\.csv cannot be read"):
        prices.load(tmp_path / "none.csv")
    with pytest.raises(DataError, match="one CSV file, it has none"):
        prices.load(tmp_path)
    for name in ("a", "b"):
        write(tmp_path / f"{name}.csv", "Date,Close\n2020-01-02,1\n")
    with pytest.raises(DataError, match=r"it has a\.csv, b\.csv"):
        prices.load(tmp_path)
    with pytest.raises(DataError, match="'2020' is no day"):
        prices.load(tmp_path / "a.csv", until="2020")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(prices, "YAHOO", ("http://127.0.0.1:9/",))
    monkeypatch.setattr(prices, "ETTH1", ("http://127.0.0.1:9/",))
    return tmp_path / "credence"


def test_reads_what_yahoo_answers(cache: Path):
    """Opening times in seconds, a day without a trade as null, closes with float32's noise."""
    answer = {
        "chart": {
            "result": [
                {
                    "meta": {"gmtoffset": -18000},
                    "timestamp": [725985000, 726071400, 726157800],
                    "indicators": {"quote": [{"close": [435.3800048828125, None, 434.52]}]},
                }
            ],
            "error": None,
        }
    }
    path = cache / "sp500" / "GSPC.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(answer))
    found = prices.load()
    np.testing.assert_array_equal(found.values, [435.38, 434.52])
    assert found.moments == (datetime(1993, 1, 2), datetime(1993, 1, 4))
    with pytest.raises(DataError, match="no column 'OT'"):
        prices.load(column="OT")
    for wrong in ("Too Many Requests", '{"chart": {"result": null}}', "[]"):
        path.write_text(wrong)
        with pytest.raises(DataError, match="no price history of Yahoo's"):
            prices.load()


@pytest.mark.parametrize("name", ["sp500", "etth1"])
def test_says_what_to_do_without_a_network(cache: Path, name: prices.Name):
    with pytest.raises(DataError, match="--data"):
        prices.load(name=name)


def test_windows_are_every_piece_one_step_apart():
    found = forecasts.windows(series(range(10)), lag=4, horizon=3)
    np.testing.assert_array_equal(found.past, [range(k, k + 4) for k in range(4)])
    np.testing.assert_array_equal(found.future, [range(k + 4, k + 7) for k in range(4)])
    assert len(forecasts.windows(series(range(7)), 4, 3)) == 1
    with pytest.raises(DataError, match="6 values, too few for one window of lag 4 and horizon 3"):
        forecasts.windows(series(range(6)), 4, 3)


def test_split_leaves_out_the_window_that_ends_on_the_day():
    """As the original's: of 7,538 windows it has 6,254, 694 and 589, and one in none."""
    whole = series(range(107))  # 100 windows; window k ends on day k + 7 of 2020
    parts = forecasts.split(whole, 5, 3, test_after="2020-03-31")  # day 90, window 83
    assert parts.to_json() == {"train": 75, "validation": 8, "test": 16}
    assert [part.first for part in (parts.train, parts.validation, parts.test)] == [0, 75, 84]
    np.testing.assert_array_equal(parts.test.future[0], [89, 90, 91])
    np.testing.assert_array_equal(parts.validation.future[-1], [87, 88, 89])
    tenths = forecasts.split(whole, 5, 3)
    assert tenths.to_json() == {"train": 81, "validation": 9, "test": 10}


@pytest.mark.parametrize(("n", "day"), [(12, None), (107, "2019-01-01"), (107, "2021-01-01")])
def test_split_says_which_part_is_empty(n: int, day: str | None):
    with pytest.raises(DataError, match=r"gives no (train|validation|test) windows"):
        forecasts.split(series(range(n)), 5, 3, day)


def test_naive_forecasts_are_exact_on_what_they_assume():
    def whole(values):
        return forecasts.windows(series(values), 14, 8)

    line = whole(3 + 0.5 * np.arange(40))
    np.testing.assert_allclose(forecasts.drift(line.past, 8), line.future, atol=1e-12)
    weekly = whole(np.tile([1, 5, 2, 8, 3], 8))
    np.testing.assert_array_equal(forecasts.seasonal(weekly.past, 8, 5), weekly.future)
    flat = whole(np.full(40, 7))
    np.testing.assert_array_equal(forecasts.last_value(flat.past, 8), flat.future)
    np.testing.assert_array_equal(forecasts.seasonal(flat.past, 8, 24), flat.future)
    grown = whole(2 * np.exp(0.01 * np.arange(40)))
    np.testing.assert_allclose(forecasts.growth(grown.past, 8, 0.01), grown.future, atol=1e-12)
    assert not np.allclose(forecasts.last_value(line.past, 8), line.future)


def test_errors_are_pooled_and_averaged_over_batches():
    rng = np.random.default_rng(0)
    forecast, truth = rng.normal(size=(2, 70, 4))
    found = forecasts.errors(forecast, truth, batch=32)
    assert found["mae"] == pytest.approx(mean_absolute_error(truth, forecast))
    flat = (truth.reshape(-1), forecast.reshape(-1))
    assert found["rmse"] == pytest.approx(root_mean_squared_error(*flat))
    assert found["mse"] == pytest.approx(found["rmse"] ** 2)
    each = [slice(0, 32), slice(32, 64), slice(64, 70)]
    assert found["batch_mae"] == pytest.approx(
        np.mean([mean_absolute_error(truth[rows], forecast[rows]) for rows in each])
    )
    assert found["batch_rmse"] != pytest.approx(found["batch_mse"] ** 0.5)


class Doubling(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(2.0, dtype=torch.float64))

    def forward(self, x):
        assert len(x) <= 3
        return self.weight * x[:, -2:]


def test_a_network_is_judged_beside_the_naive_forecasts():
    parts = forecasts.windows(series(np.arange(1.0, 11.0)), 3, 2)
    forecast = forecasts.forecaster(Doubling(), batch=3)
    np.testing.assert_array_equal(forecast(parts.past), 2 * parts.past[:, -2:])
    found = forecasts.evaluate(forecast, parts)
    assert (found["n"], found["horizon"]) == (6, 2)
    assert found["last_value"]["mae"] == 1.5
    assert found["drift"]["mae"] == 0
    assert found["model"]["mae"] == pytest.approx(
        np.abs(2 * parts.past[:, -2:] - parts.future).mean()
    )
