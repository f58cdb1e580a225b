"""The columns of a bundle's tables, their types, and the checks across tables.

Types: text, number, whole (a whole number), flag (true or false). A star marks a column that may
not be empty. `factor_<name>` stands for one text column for each factor of the design.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.bundle import BundleError
from analysis.design import COLUMN, Design

_TRIAL = {"stimulus_id": "text", "explanation_digest": "text"}
_STEP = {
    "participant_id": "text*",
    "study_version": "text*",
    "step_position": "whole*",
    "step_kind": "text*",
    "attempt": "whole*",
    "block": "text",
    "factor_": "text",
}
TABLES: Mapping[str, Mapping[str, str]] = {
    "responses": _STEP
    | _TRIAL
    | {
        "scale_id": "text",
        "item_id": "text*",
        "item_kind": "text*",
        "role": "text",
        "value_number": "number",
        "value_text": "text",
        "value_json": "text",
        "missing_reason": "text",
        "language": "text",
        "response_time_ms": "number",
        "answered_after_ms": "number",
    },
    "steps": _STEP
    | _TRIAL
    | {
        "rendered_sha256": "text",
        "viewport": "text",
        "shown_after_ms": "number",
        "submitted_after_ms": "number",
        "duration_ms": "number",
        "skipped_reason": "text",
    },
    "participants": {
        "participant_id": "text*",
        "study_version": "text*",
        "cell": "text",
        "form": "text",
        "language": "text",
        "outcome": "text*",
        "simulated": "flag*",
        "preview": "flag*",
        "steps_total": "whole",
        "steps_submitted": "whole",
        "duration_ms": "number",
    },
    "stimuli": {
        "stimulus_id": "text*",
        "stimulus_set": "text",
        "kind": "text",
        "truth": "text",
        "predicted": "text",
        "model_correct": "flag",
        "probability": "number",
        "checkpoint_digest": "text",
        "source_json": "text",
    },
    "explanations": {
        "explanation_digest": "text*",
        "name": "text*",
        "stimulus_id": "text",
        "method": "text",
        "parameters_json": "text",
        "seed": "whole",
        "completeness_gap": "number",
        "evaluations": "whole",
        "seconds": "number",
    },
    "metrics": {
        "explanation_digest": "text*",
        "metric": "text*",
        "value": "number",
        "missing_reason": "text",
    },
    "curves": {
        "explanation_digest": "text*",
        "curve": "text*",
        "share": "number*",
        "deletion": "number*",
        "insertion": "number*",
    },
    "attributions": {
        "explanation_digest": "text*",
        "output": "text",
        "player": "whole",
        "span_json": "text",
        "value": "number",
        "missing_reason": "text",
    },
    "units": {
        "block": "text*",
        "stimulus_id": "text*",
        "unit": "whole*",
        "span_json": "text*",
    },
    "events": {
        "participant_id": "text*",
        "study_version": "text*",
        "step_position": "whole",
        "kind": "text*",
        "at_ms": "number",
        "value_json": "text",
    },
}
LATER = (
    "metrics",
    "curves",
    "attributions",
    "units",
)  # tables that bundles of earlier versions do not have
KEYS = {
    "responses": ["participant_id", "step_position", "attempt", "item_id"],
    "steps": ["participant_id", "step_position", "attempt"],
    "participants": ["participant_id"],
    "stimuli": ["stimulus_set", "stimulus_id"],
    "metrics": ["explanation_digest", "metric"],
    "curves": ["explanation_digest", "curve", "share"],
    "attributions": ["explanation_digest", "player"],
    "units": ["block", "stimulus_id", "unit"],
}
_AGAIN = "export the bundle again"


def columns_of(name: str, design: Design) -> dict[str, str]:
    """The columns of a table and their types, with one for each factor."""
    columns = dict(TABLES[name])
    if columns.pop("factor_", None):
        columns |= {f"factor_{factor.name}": "text" for factor in design.factors}
    return columns


def parse_table(name: str, frame: pd.DataFrame, design: Design) -> pd.DataFrame:
    """Check columns, types and keys of one table, and give its columns their types.

    frame: columns of texts; numbers may be numbers already, and texts categories.

    Raises BundleError naming table, row (the header is row 1) and column.
    """
    columns = columns_of(name, design)
    for column in {"simulated", "preview"} & columns.keys() - set(frame):
        # Only installations that simulate participants, or export previews, have the column.
        frame = frame.assign(**{column: "false"})
    for column in columns:
        if column not in frame:
            raise BundleError(f"table {name} has no column {column}; {_AGAIN}")
    parsed = {column: _parse(name, frame[column], kind) for column, kind in columns.items()}
    table = pd.DataFrame(parsed, index=frame.index)
    if name in KEYS:
        _reject(name, table.duplicated(KEYS[name]), f"repeats {', '.join(KEYS[name])}")
    for factor in design.factors:
        column = f"factor_{factor.name}"
        if column in table:
            levels = table[column]
            bad = levels.notna() & ~levels.isin(factor.levels)
            _reject(name, bad, f"has a {column} that is no level of the design", levels)
    return table


def check_links(frames: Mapping[str, pd.DataFrame], version: str) -> None:
    """Every row belongs to this study version, and names a participant, stimulus, explanation."""
    stimuli = frames["stimuli"]["stimulus_id"]
    explanations = frames["explanations"]["explanation_digest"]
    participants = frames["participants"]["participant_id"]
    for name in LATER:
        for column, known in (("stimulus_id", stimuli), ("explanation_digest", explanations)):
            if column in frames[name]:
                digests = frames[name][column]
                unknown = ~digests.isin(known)
                _reject(name, unknown, f"names an unknown {column}", digests)
    for name in ("metrics", "attributions"):
        measured = frames[name]
        silent = measured["value"].isna() == measured["missing_reason"].isna()
        _reject(name, silent, "has neither or both of a value and a missing_reason")
    for name, frame in frames.items():
        if "participant_id" in frame:
            other = frame["study_version"] != version
            _reject(name, other, "is of another study version", frame["study_version"])
            unknown = ~frame["participant_id"].isin(participants)
            _reject(name, unknown, "names an unknown participant", frame["participant_id"])
        if "rendered_sha256" in frame or "item_id" in frame:
            for column, known in (("stimulus_id", stimuli), ("explanation_digest", explanations)):
                unknown = frame[column].notna() & ~frame[column].isin(known)
                _reject(name, unknown, f"names an unknown {column}", frame[column])


def check_answers(responses: pd.DataFrame, design: Design) -> None:
    """Every answer is one that its item allows, or is empty with a missing_reason."""
    ids = responses["item_id"]
    _reject("responses", ~ids.isin(list(design.items)), "names an unknown item", ids)
    number, text = responses["value_number"], responses["value_text"]
    empty = number.isna() & text.isna() & responses["value_json"].isna()
    silent = empty & responses["missing_reason"].isna()
    _reject("responses", silent, "is empty without a missing_reason")
    both = ~empty & responses["missing_reason"].notna()
    _reject("responses", both, "has an answer and a missing_reason")
    wanted = ["item_id", *dict.fromkeys(COLUMN.values())]
    for item_id, rows in responses.loc[~empty, wanted].groupby("item_id", observed=True):
        item = design.items[str(item_id)]
        column = COLUMN[item.kind]
        values = rows[column]
        _reject("responses", values.isna(), f"answers item {item.id} but has no {column}")
        if item.ends:
            good = values.between(*item.ends) & (values % 1 == 0)
            allowed = f"a whole number from {item.ends[0]} to {item.ends[1]}"
        elif item.kind == "yes_no":
            good, allowed = values.isin([0, 1]), "0 or 1"
        elif item.kind == "choice" and item.choices:
            good, allowed = values.isin(list(item.choices)), "one of the item's choices"
        elif item.span:
            good = values.between(*item.span)
            allowed = f"a number from {item.span[0]:g} to {item.span[1]:g}"
        else:
            continue
        _reject("responses", ~good, f"answers item {item.id}, which allows {allowed}", values)


def _parse(table: str, values: pd.Series, kind: str) -> pd.Series:
    column = str(values.name)
    if kind.endswith("*"):
        _reject(table, values.isna(), f"has no {column}")
        kind = kind[:-1]
    if kind == "text":
        return values
    if kind == "flag":
        words = values.str.lower()
        _reject(
            table,
            values.notna() & ~words.isin(["true", "false"]),
            f"has a {column} that is neither true nor false",
            values,
        )
        return (words == "true").astype("boolean").mask(values.isna())
    if values.dtype == float:
        numbers = values
    else:
        numbers = pd.to_numeric(values.astype("str"), errors="coerce").astype(float)
    bad = values.notna() & ~np.isfinite(numbers)
    if kind == "whole":
        bad |= numbers.notna() & (numbers % 1 != 0)
    wanted = "whole number" if kind == "whole" else "number"
    _reject(table, bad, f"has a {column} that is no {wanted}", values)
    return numbers


def _reject(table: str, bad: pd.Series, what: str, values: pd.Series | None = None) -> None:
    if bad.any():
        first = int(np.flatnonzero(bad.to_numpy())[0])
        # The index is the place in the table, of which these may be some of the rows.
        place = int(bad.index[first])
        value = None if values is None else values.iloc[first]
        shown = f"{value:g}" if isinstance(value, float) else repr(value)
        found = "" if values is None else f" ({shown})"
        raise BundleError(f"table {table}, row {place + 2} {what}{found}; {_AGAIN}")
