"""Series of numbers in time: the S&P 500's closes, ETTh1, or a column of any CSV.

Sources: Yahoo's history of ^GSPC; Zhou et al. 2021, arXiv:2012.07436 (ETTh1).
"""

import csv
import json
import math
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from explainer.data.fetch import DataError, fetch, text
from explainer.encoding import sha256

Name = Literal["sp500", "etth1"]
COLUMN: dict[Name, str] = {"sp500": "Close", "etth1": "OT"}
TRADING_WEEK, DAY = 5, 24
# From 1993-01-01 on, to the end of 2023: a fixed range, so that two downloads agree.
HISTORY = "v8/finance/chart/%5EGSPC?interval=1d&period1=725846400&period2=1704067200"
YAHOO = tuple(f"https://query{k}.finance.yahoo.com/{HISTORY}" for k in (1, 2))
ETTH1 = ("https://raw.githubusercontent.com/zhouhaoyi/ETDataset/main/ETT-small/ETTh1.csv",)
ETTH1_SHA256 = "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066"
ETTH1_TERMS = "CC BY-ND 4.0: share unmodified, with attribution"
YAHOO_COLUMNS = ["Date", "Open", "High", "Low", "Close", "Adj Close", "Volume"]
YAHOO_TERMS = "Yahoo's terms: personal use"


@dataclass(frozen=True)
class Series:
    """Values float64 (n,), each with its moment, and the SHA-256 of the file they were read from.

    period: steps of one season: 5 trading days, or 24 hours where a step is an hour.
    """

    values: NDArray[np.float64]
    moments: tuple[datetime, ...]
    column: str
    files: dict[str, str]
    name: str
    terms: str

    @property
    def period(self) -> int:
        """Steps of one season."""
        steps = [b - a for a, b in pairwise(self.moments)]
        return (
            DAY if steps and sorted(steps)[len(steps) // 2] == timedelta(hours=1) else TRADING_WEEK
        )


def load(
    data: Path | None = None,
    name: Name = "sp500",
    column: str | None = None,
    until: str | None = None,
) -> Series:
    """Read a column of a CSV file, or fetch the series `name` once.

    data: the file, or a folder with one CSV file; it has a column of dates (date, in any case) and
    `column`, by default Close, or OT for etth1. until: the last day to take, like 2023-05-05.
    Raises DataError naming the file, the first line that is wrong, and what to do.
    """
    column = column or COLUMN[name]
    if data is not None:
        series = _from_csv(_only_csv(data), column)
    elif name == "etth1":
        series = _from_csv(fetch("ett/ETTh1.csv", ETTH1, ETTH1_SHA256), column)
    else:
        series = _from_yahoo(fetch("sp500/GSPC.json", YAHOO, None), column)
    return series if until is None else _cut(series, day(until))


def day(text: str) -> date:
    """Read a day. Raises DataError."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise DataError(f"{text!r} is no day; write it like 2023-05-05") from error


def _cut(series: Series, last: date) -> Series:
    n = sum(moment.date() <= last for moment in series.moments)
    return replace(series, values=series.values[:n], moments=series.moments[:n])


def _only_csv(data: Path) -> Path:
    """The file, or the only CSV file in a folder."""
    if not data.is_dir():
        return data
    found = sorted(data.glob("*.csv"))
    if len(found) != 1:
        has = ", ".join(path.name for path in found) or "none"
        raise DataError(f"{data} should have one CSV file, it has {has}: name the file itself")
    return found[0]


def _from_csv(path: Path, column: str) -> Series:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})") from error
    rows = csv.DictReader(text(raw, path.name).lstrip("\ufeff").splitlines())
    names = list(rows.fieldnames or [])
    dates = next((each for each in names if each.lower() == "date"), None)
    if dates is None or column not in names:
        missing = "date" if dates is None else column
        raise DataError(f"{path.name} has no column {missing!r}; it has {', '.join(names)}")
    moments, values = [], []
    for row in rows:
        where = f"{path.name} line {rows.line_num}"
        moments.append(_moment(row[dates], where))
        values.append(_number(row[column], where))
    digest = sha256(raw)
    name, terms = path.name, "not stated"
    if digest == ETTH1_SHA256:
        name, terms = "ETTh1", ETTH1_TERMS
    elif names == YAHOO_COLUMNS:
        name, terms = f"Yahoo history ({path.name})", YAHOO_TERMS
    return _checked(
        Series(np.array(values), tuple(moments), column, {path.name: digest}, name, terms)
    )


def _from_yahoo(path: Path, column: str) -> Series:
    """Read the answer of Yahoo's chart interface; a day without a trade has null there."""
    if column not in ("Open", "High", "Low", "Close"):
        raise DataError(f"the S&P 500 has Open, High, Low and Close, no column {column!r}")
    raw = path.read_bytes()
    try:
        (result,) = json.loads(raw)["chart"]["result"]
        offset = result["meta"]["gmtoffset"]
        (quote,) = result["indicators"]["quote"]
        rows = [
            (datetime.fromtimestamp(second + offset, UTC), value)
            for second, value in zip(result["timestamp"], quote[column.lower()], strict=True)
            if value is not None
        ]
        moments = [datetime(at.year, at.month, at.day) for at, _ in rows]
        values = np.array([round(float(value), 2) for _, value in rows])
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise DataError(
            f"{path} is no price history of Yahoo's ({error!r}): delete it to fetch it again, or "
            "pass --data FILE with a CSV"
        ) from error
    name, terms = "S&P 500 (^GSPC), Yahoo history", "Yahoo's terms: personal use"
    return _checked(Series(values, tuple(moments), column, {path.name: sha256(raw)}, name, terms))


def _moment(found: Any, where: str) -> datetime:
    """A date, perhaps with a time; an offset from UTC is dropped: the wall's clock counts."""
    try:
        return datetime.fromisoformat(str(found).strip()).replace(tzinfo=None)
    except ValueError as error:
        raise DataError(f"{where}: {found!r} is no date like 2023-05-05") from error


def _number(found: Any, where: str) -> float:
    try:
        value = float(found)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{where}: {found!r} is no number; correct it or delete the line")
    return value


def _checked(series: Series) -> Series:
    """Raise DataError where the moments do not grow."""
    for a, b in pairwise(series.moments):
        if a == b:
            raise DataError(f"{series.name} has {a.isoformat(' ')} twice: delete one of the lines")
        if a > b:
            raise DataError(
                f"{series.name} has {b.isoformat(' ')} after {a.isoformat(' ')}: sort it"
            )
    return series
