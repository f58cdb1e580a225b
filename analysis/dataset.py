"""Load an export bundle (`credence/bundle/1`) into validated frames.

The tables are CSV in the long format: one row per item per submitted step. A missing value is empty
with its missing_reason; nothing is imputed. The parquet copies are not read: the CSV is the truth.
"""

import csv
import hashlib
import io
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import pandas as pd

from analysis.bundle import BundleError, Files, digest, open_bundle
from analysis.design import Design
from analysis.tables import (
    LATER,
    TABLES,
    check_answers,
    check_links,
    columns_of,
    parse_table,
)

BUNDLE_SCHEMA = "credence/bundle/1"
CODEBOOK_SCHEMA = "credence/codebook/1"
DESIGN_SCHEMA = "credence/design/1"
COMPLETE = "complete"
# Columns of texts that hardly repeat, which categories would not make smaller.
_UNIQUE = ("value_text", "value_json", "source_json", "parameters_json", "span_json")


@dataclass(frozen=True)
class Dataset:
    """A bundle's tables (columns: analysis/tables.py), its design and its codebook.

    metrics, curves: how good each explanation is. attributions, units: of what participants mark,
    the explanations' values and the parts that could be marked. Each is empty in bundles of
    versions that had none.
    """

    description: dict[str, Any]
    codebook: dict[str, Any]
    design: Design
    digest: str
    responses: pd.DataFrame
    steps: pd.DataFrame
    participants: pd.DataFrame
    stimuli: pd.DataFrame
    explanations: pd.DataFrame
    metrics: pd.DataFrame
    curves: pd.DataFrame
    attributions: pd.DataFrame
    units: pd.DataFrame
    events: pd.DataFrame

    def only(self, participant_ids: pd.Series) -> Self:
        """The same study with these participants' rows alone."""

        def rows(frame: pd.DataFrame) -> pd.DataFrame:
            return frame[frame["participant_id"].isin(participant_ids)]

        return replace(
            self,
            responses=rows(self.responses),
            steps=rows(self.steps),
            participants=rows(self.participants),
            events=rows(self.events),
        )


def load(path: str | Path) -> Dataset:
    """Read a bundle (folder or .zip). Raises BundleError saying what is wrong and what to do."""
    path = Path(path)
    with open_bundle(path) as files:
        description = _read_json(files, "dataset_description.json", BUNDLE_SCHEMA)
        codebook = _read_json(files, "codebook.json", CODEBOOK_SCHEMA)
        design = Design.from_json(_read_json(files, "study/design.json", DESIGN_SCHEMA))
        version = _study_version(description)
        _check_manifest(files, version)
        frames = {name: _table(files, name, design) for name in TABLES}
        whole = digest(files)
    check_links(frames, version)
    check_answers(frames["responses"], design)
    frames = {name: _spelled_out(frame) for name, frame in frames.items()}
    return Dataset(description, codebook, design, whole, **frames)


def _table(files: Files, name: str, design: Design) -> pd.DataFrame:
    """One table, checked; read as texts again where it is not as it should be, to say why."""
    path = f"data/table-{name}_data.csv"
    if name in LATER and path not in files.names():
        empty = pd.DataFrame(columns=list(TABLES[name]), dtype=str)
        return parse_table(name, empty, design)
    kinds = columns_of(name, design)
    typed: dict[str, type | str] = {
        column: float if kind.startswith(("number", "whole")) else str
        for column, kind in kinds.items()
    }
    repeated = [name for name, kind in kinds.items() if kind in ("text", "text*")]
    typed |= {name: "category" for name in repeated if name not in _UNIQUE}
    try:
        frame = _read_csv(files, path, typed)
        for column in frame.select_dtypes("category"):
            # The words true and false, where a column has no others, would become truth values.
            if frame[column].cat.categories.dtype == bool:
                raise ValueError(column)
        return parse_table(name, frame, design)
    except (BundleError, ValueError):
        return parse_table(name, _read_csv(files, path, None), design)


def _spelled_out(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with texts where it has categories, which served to read and check it fast."""
    texts = {
        name: pd.Series(
            column.cat.categories.astype("str").array.take(
                column.cat.codes.to_numpy(), allow_fill=True
            ),
            index=frame.index,
        )
        for name, column in frame.items()
        if isinstance(column.dtype, pd.CategoricalDtype)
    }
    return frame.assign(**{str(name): column for name, column in texts.items()})


def _study_version(description: dict[str, Any]) -> str:
    study = description.get("study")
    version = study.get("version") if isinstance(study, dict) else None
    if not isinstance(version, str) or not version:
        raise BundleError(
            "dataset_description.json names no study version; export the bundle again"
        )
    return version


def _check_manifest(files: Files, version: str) -> None:
    """A study version is the SHA-256 of its manifest: neither changes without the other."""
    name = "study/manifest.json"
    if name not in files.names():
        raise BundleError(f"{name} is missing; export the bundle again")
    with files.open(name) as file:
        found = hashlib.sha256(file.read()).hexdigest()
    if found != version:
        raise BundleError(
            f"{name} is not the one that the study version {version[:12]}... is the SHA-256 of; "
            "export the bundle again"
        )


def _read_json(files: Files, name: str, schema: str) -> dict[str, Any]:
    if name not in files.names():
        raise BundleError(f"{name} is missing; export the bundle again")
    with files.open(name) as file:
        try:
            data = json.loads(file.read())
        except (ValueError, RecursionError) as error:
            raise BundleError(f"{name} is not JSON ({error}); export the bundle again") from error
    found = data.get("schema") if isinstance(data, dict) else None
    if not isinstance(data, dict) or found != schema:
        raise BundleError(
            f"{name} has schema {found!r}, and this version reads {schema!r}; use the analysis of "
            "the version that exported it"
        )
    return data


def _read_csv(files: Files, name: str, typed: Mapping[str, type | str] | None) -> pd.DataFrame:
    """A table of texts, or with `typed` of these types, the other columns as categories."""
    if name not in files.names():
        raise BundleError(f"{name} is missing; export the bundle again")
    try:
        with files.open(name) as raw, io.TextIOWrapper(raw, "utf-8-sig", newline="") as lines:
            first = lines.readline()
        header = next(csv.reader([first]), [])
        if len(header) != len(set(header)):
            raise BundleError(f"{name} has two columns of one name; export the bundle again")
        with files.open(name) as file:
            # Words such as "NA" and "none" are answers and levels here, not missing values. Where
            # lines end in LF alone, a lone CR is something that a participant typed.
            return pd.read_csv(
                file,
                dtype=str if typed is None else defaultdict(lambda: "category", typed),
                keep_default_na=False,
                na_values=[""],
                encoding="utf-8-sig",
                index_col=False,
                lineterminator=None if first.endswith("\r\n") else "\n",
            )
    except pd.errors.EmptyDataError as error:
        raise BundleError(f"{name} is empty, even of a header; export the bundle again") from error
    except (pd.errors.ParserError, pd.errors.ParserWarning, UnicodeDecodeError, csv.Error) as error:
        raise BundleError(
            f"{name} is not a UTF-8 CSV table ({error}); export the bundle again"
        ) from error
