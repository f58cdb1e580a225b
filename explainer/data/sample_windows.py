"""The S&P 500 windows that ship, to explain and to stand behind them.

`python -m explainer.data.sample_windows -h`
"""

import argparse
import io
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.artifact import sha256, write_atomically
from explainer.data import forecasts, prices
from explainer.data.fetch import DataError
from explainer.data.forecasts import Windows
from explainer.models import checkpoint
from explainer.models.checkpoint import CheckpointError
from explainer.models.spacetime import SpaceTime


def sample(
    *, out: Path, data: Path | None, checkpoint_folder: Path, half: int, apart: int, seed: int
) -> dict[str, Any]:
    """Write `out`.npz and `out`.json; return the latter.

    `half` test windows that the checkpoint forecasts better than the last value does, by mean
    absolute error, and as many others, each `apart` days or more from the rest of its half, in the
    order of time. Raises CheckpointError and DataError.
    """
    source = _read(checkpoint_folder, data)
    test, name, horizon = source.parts.test, source.card["name"], source.network.config.horizon
    better = _error(forecasts.forecaster(source.network)(test.past), test) < _error(
        forecasts.last_value(test.past, horizon), test
    )
    random = np.random.default_rng(seed)
    drawn = [
        _apart(random.permutation(np.flatnonzero(better == is_better)), half, apart)
        for is_better in (True, False)
    ]
    rows = np.sort(np.concatenate(drawn))
    about = {
        "windows": 2 * half,
        "lag": source.network.config.lag,
        "horizon": horizon,
        "better_than_last_value": half,
        "chosen": f"test windows (they end after {source.test_after}), {apart} days apart at least "
        f"within each half: {half} in which {name}'s mean absolute error is below the last "
        f"value's and {half} in which it is not, drawn with seed {seed}",
        "command": f"python -m explainer.data.sample_windows --checkpoint {name} "
        f"--half {half} --apart {apart} --seed {seed} --out {out.name}",
        "checkpoint_sha256": source.card["weights_sha256"],
        "note": "chosen by how good the forecast is: a mean over these windows says nothing about "
        "the model",
    }
    arrays = {"past": test.past[rows], "future": test.future[rows]}
    return _write(out, source, arrays, source.ends(test, rows), about)


def background(
    *, out: Path, data: Path | None, checkpoint_folder: Path, every: int
) -> dict[str, Any]:
    """Write `out`.npz and `out`.json; return the latter.

    The past, float32, of every `every`th training window, for masks and surrogates: none of them
    is a window of `sample`. Raises CheckpointError and DataError.
    """
    source = _read(checkpoint_folder, data)
    train = source.parts.train
    rows = np.arange(0, len(train.past), every)
    about = {
        "windows": len(rows),
        "lag": source.network.config.lag,
        "chosen": f"every {every}th window that {source.card['name']} was trained on, from the "
        "first on, its past alone",
        "command": f"python -m explainer.data.sample_windows --checkpoint {source.card['name']} "
        f"--every {every} --out {out.name}",
        "checkpoint_sha256": source.card["weights_sha256"],
        "note": "what masks draw from and surrogates are fitted on; no forecast is judged by it",
    }
    arrays = {"past": train.past[rows].astype(np.float32)}
    return _write(out, source, arrays, source.ends(train, rows), about)


@dataclass(frozen=True)
class _Source:
    """A forecaster with the series that it was trained on, cut as then."""

    network: SpaceTime
    card: dict[str, Any]
    series: prices.Series
    parts: forecasts.Split
    test_after: str

    def ends(self, part: Windows, rows: NDArray[np.intp]) -> list[str]:
        """The last day of the past of some windows."""
        last = part.first + self.network.config.lag - 1
        return [str(self.series.moments[last + row].date()) for row in rows]


def _read(checkpoint_folder: Path, data: Path | None) -> _Source:
    network, card = checkpoint.load(checkpoint_folder)
    how = card["data"].get("split")
    if not isinstance(network, SpaceTime) or how is None:
        raise CheckpointError(
            f"{checkpoint_folder}: no forecaster that flask train prices made; name one"
        )
    series = prices.load(data, how["series"], how["column"], how["until"])
    parts = forecasts.split(series, network.config.lag, network.config.horizon, how["test_after"])
    return _Source(network, card, series, parts, how["test_after"])


def _write(
    out: Path,
    source: _Source,
    arrays: dict[str, Any],
    ends: list[str],
    about: dict[str, Any],
) -> dict[str, Any]:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays, ends=np.array(ends))
    about = {
        "name": out.name,
        "sha256": sha256(file.getvalue()),
        "source": f"{source.series.name}, {source.series.column}",
        "source_sha256": source.series.files,
        "terms": source.series.terms,
        **about,
    }
    write_atomically(out.with_suffix(".npz"), file.getvalue())
    write_atomically(out.with_suffix(".json"), (json.dumps(about, indent=2) + "\n").encode())
    return about


def _error(ahead: NDArray[np.float64], test: Windows) -> NDArray[np.float64]:
    """Mean absolute error of each window's forecast (n, horizon)."""
    found: NDArray[np.float64] = np.abs(ahead - test.future).mean(1)
    return found


def _apart(rows: Iterable[int], count: int, apart: int) -> list[int]:
    """The first `count` rows that are `apart` or more from all taken before them."""
    taken: list[int] = []
    for row in rows:
        if all(abs(row - other) >= apart for other in taken):
            taken.append(int(row))
        if len(taken) == count:
            return taken
    raise DataError(
        f"only {len(taken)} of {count} windows lie {apart} days apart: ask for fewer, or less"
    )


def main(arguments: list[str] | None = None) -> int:
    """Draw the sample from a command line."""
    parser = argparse.ArgumentParser(prog="python -m explainer.data.sample_windows")
    parser.add_argument("--data", type=Path, help="a CSV; without it prices are fetched once")
    parser.add_argument("--checkpoint", type=Path, required=True, dest="checkpoint_folder")
    parser.add_argument("--out", type=Path, required=True, help="the files' path without ending")
    parser.add_argument("--half", type=int, default=20)
    parser.add_argument("--apart", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--every", type=int, help="write instead the past of every so many training windows"
    )
    given = vars(parser.parse_args(arguments))
    every = given.pop("every")
    try:
        if every is None:
            about = sample(**given)
        else:
            where = {name: given[name] for name in ("out", "data", "checkpoint_folder")}
            about = background(**where, every=every)
        print(json.dumps(about, indent=2))
    except (CheckpointError, DataError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
