"""Answers from elsewhere: one long CSV in place of a bundle, one row an answer.

Columns: participant_id, item_id and value; and where there are such stimulus_id, model_correct
(true or false), explanation_digest, scale_id, response_time_ms, step_position, and factor_<name>
for each factor. What a bundle says of the design is inferred from the answers, so a scale's range
is the one that was used; the report says so.
"""

import hashlib
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.bundle import BundleError
from analysis.dataset import Dataset, load
from analysis.design import Design
from analysis.tables import TABLES

_NEEDED = ("participant_id", "item_id", "value")
_MOST_POINTS = 11  # whole numbers over a wider range are numbers, not points of a rating


def load_any(path: Path) -> Dataset:
    """A bundle, or a long CSV where the path is that of a .csv file."""
    return load_long(path) if path.suffix.lower() == ".csv" else load(path)


def load_long(path: Path) -> Dataset:
    """Read a long CSV. Raises BundleError saying what is wrong and what to do."""
    try:
        data = path.read_bytes()
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""])
    except OSError as error:
        raise BundleError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, pd.errors.ParserWarning) as error:
        raise BundleError(f"{path} is not a UTF-8 CSV table ({error})") from error
    missing = [column for column in _NEEDED if column not in frame]
    if missing:
        raise BundleError(
            f"{path} has no column {', '.join(missing)}; a long table has one row an answer with "
            "participant_id, item_id and value, and factor_<name> for each factor"
        )
    empty = frame[["participant_id", "item_id"]].isna().any(axis=1)
    if empty.any():
        row = int(empty.to_numpy().argmax()) + 2
        raise BundleError(f"{path}, row {row} has no participant_id or no item_id")
    where = [name for name in ("participant_id", "step_position", "item_id") if name in frame]
    again = frame.duplicated(where)
    if "step_position" in frame and again.any():
        row = int(again.to_numpy().argmax()) + 2
        raise BundleError(f"{path}, row {row} answers an item for the second time on one page")
    digest = hashlib.sha256(data).hexdigest()
    return _dataset(path.stem, frame, digest)


def _dataset(name: str, frame: pd.DataFrame, digest: str) -> Dataset:
    factors = [str(column) for column in frame if str(column).startswith("factor_")]
    # A row on which something was shown, or a condition held, was a trial.
    shown = [column for column in ("stimulus_id", *factors) if column in frame]
    on_trial = frame[shown].notna().any(axis=1) if shown else pd.Series(False, frame.index)
    number = pd.to_numeric(frame["value"], errors="coerce")
    items = {
        str(item): _item(frame.loc[rows, "value"], number[rows])
        for item, rows in frame.groupby("item_id", sort=True).groups.items()
    }
    scales = _scales(frame, items)
    kinds = frame["item_id"].map({item: asked["kind"] for item, asked in items.items()})
    is_number = kinds.isin(["likert", "yes_no", "number"])
    turn = frame.groupby(["participant_id", "item_id"]).cumcount()
    responses = frame.assign(
        study_version=digest,
        step_position=pd.to_numeric(frame["step_position"]) if "step_position" in frame else turn,
        step_kind=on_trial.map({True: "trial", False: "questionnaire"}),
        attempt=1.0,
        item_kind=kinds,
        value_number=number.where(is_number),
        value_text=frame["value"].mask(is_number),
        missing_reason=frame["value"].isna().map({True: "not_answered", False: None}),
    )
    design = Design.from_json(
        {
            "slug": name,
            "title": name,
            "factors": {
                column.removeprefix("factor_"): {
                    "levels": sorted(frame[column].dropna().unique()),
                    "vary": _vary(frame, column),
                }
                for column in factors
            },
            "items": items,
            "scales": scales,
            "blocks": [{"items": sorted(frame.loc[on_trial, "item_id"].unique())}],
        }
    )
    people = sorted(frame["participant_id"].unique())
    tables: dict[str, pd.DataFrame] = {
        "responses": responses,
        "steps": responses.drop_duplicates(["participant_id", "step_position"]).assign(
            duration_ms=pd.to_numeric(frame["response_time_ms"])
            if "response_time_ms" in frame
            else float("nan")
        ),
        "participants": pd.DataFrame(
            {"participant_id": people, "outcome": "complete", "study_version": digest}
        ).assign(simulated=False, preview=False),
        "stimuli": _stimuli(frame),
    }
    study = {"slug": name, "title": name, "version": digest, "number": None, "inferred": True}
    frames = {
        table: _whole(tables.get(table, pd.DataFrame()), columns, factors)
        for table, columns in TABLES.items()
    }
    return Dataset({"study": study}, {}, design, digest, **frames)


def _item(values: pd.Series, numbers: pd.Series) -> dict[str, Any]:
    """The kind of an item, by its answers."""
    given = numbers.dropna()
    if given.empty or len(given) < values.notna().sum():
        return {"kind": "text", "text": ""}
    low, high = float(given.min()), float(given.max())
    whole = bool((given % 1 == 0).all())
    if whole and {low, high} <= {0.0, 1.0}:
        return {"kind": "yes_no", "text": ""}
    if whole and 1 <= high - low < _MOST_POINTS:
        return {"kind": "likert", "text": "", "min": int(low), "max": int(high)}
    return {"kind": "number", "text": ""}


def _scales(frame: pd.DataFrame, items: dict[str, Any]) -> dict[str, Any]:
    """A mean score of each scale_id whose items are ratings; nothing is reversed."""
    if "scale_id" not in frame:
        return {}
    found: dict[str, Any] = {}
    for scale, rows in frame.dropna(subset=["scale_id"]).groupby("scale_id"):
        names = sorted(rows["item_id"].unique())
        rated = [items[item] for item in names]
        if any(item["kind"] != "likert" for item in rated):
            continue
        low, high = min(i["min"] for i in rated), max(i["max"] for i in rated)
        for item in rated:
            item.update(min=low, max=high, scale_id=str(scale))
        score = {"id": str(scale), "items": names, "how": "mean"}
        found[str(scale)] = {"items": names, "min": low, "max": high, "scores": [score]}
    return found


def _vary(frame: pd.DataFrame, column: str) -> str:
    levels = frame.dropna(subset=[column]).groupby("participant_id")[column].nunique()
    return "within" if (levels > 1).any() else "between"


def _stimuli(frame: pd.DataFrame) -> pd.DataFrame:
    if "stimulus_id" not in frame:
        return pd.DataFrame()
    shown = frame.dropna(subset=["stimulus_id"]).drop_duplicates("stimulus_id")
    words = shown.get("model_correct", pd.Series(None, shown.index, dtype=str)).str.lower()
    known = words.isin(["true", "false", "1", "0"])
    correct = words.isin(["true", "1"]).astype("boolean").mask(~known)
    return pd.DataFrame({"stimulus_id": shown["stimulus_id"], "model_correct": correct})


def _whole(frame: pd.DataFrame, columns: Any, factors: list[str]) -> pd.DataFrame:
    """The frame with every column that its table has, those without a value empty."""
    names = [c for column in columns for c in (factors if column == "factor_" else [column])]
    texts = [name for name in names if name not in frame]
    empty = {
        name: pd.Series(None, frame.index, dtype="str" if _is_text(columns, name) else float)
        for name in texts
    }
    return frame.assign(**empty)[names].reset_index(drop=True)


def _is_text(columns: Any, name: str) -> bool:
    return str(columns.get(name, "text")).startswith("text")
