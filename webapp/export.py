"""The export bundle (`credence/bundle/1`): tidy tables, codebook, frozen study, checksums.

A bundle is one study version, in the layout of Psych-DS: `data/table-<name>_data.csv` (UTF-8, RFC
4180, one fact a row), the same tables as `parquet/<name>.parquet`, `codebook.json` with the meaning
of every column, `dataset_description.json`, and `study/` with the frozen manifest, texts and
`design.json`, so that scoring and analysis need nothing else. `checksums.txt` has the SHA-256 of
every other file. A missing value is an empty cell, for responses with its `missing_reason`; nothing
is imputed. Times are milliseconds since the participant's enrolment; pseudonyms stand for people.
"""

import csv
import hashlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import select
from sqlalchemy.orm import Session

from explainer.artifact import Store, canonical_json
from webapp import bundle_regions
from webapp.bundle_columns import COLUMNS
from webapp.bundle_tables import Row, asked, rows
from webapp.db import hold_still
from webapp.definition import Definition, say
from webapp.models import Participant, Recruitment, StudyVersion
from webapp.studies import StudyError, definition_of, scales_of

PARQUET = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
}


def write(
    session: Session,
    version: StudyVersion,
    store: Store,
    target: Path,
    *,
    with_simulated: bool = False,
) -> None:
    """Write the bundle of a version as a folder, or as a zip where `target` ends in .zip.

    store: where the version's artifacts lie. with_simulated: whether the robots of `flask simulate`
    are in it too, marked as such.
    Raises StudyError where the version was never opened or the target exists already.
    """
    if not version.frozen:
        raise StudyError(f"{version.study.slug} was never opened, so there is nothing to export")
    if target.exists():
        raise StudyError(f"{target} exists already; name another target or remove it")
    target.parent.mkdir(parents=True, exist_ok=True)
    hold_still(session)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=target.parent) as scratch:
        folder = Path(scratch) / "bundle"
        _write_folder(session, version, store, folder, with_simulated=with_simulated)
        if target.suffix == ".zip":
            archive = Path(scratch) / "bundle.zip"
            _zip(folder, archive)
            archive.rename(target)
        else:
            shutil.move(folder, target)


def expect_apart(identities: Path, bundle: Path) -> None:
    """Raises StudyError where a file of identities is there already or would be in the bundle."""
    if identities.exists():
        raise StudyError(f"{identities} exists already; name another file or remove it")
    if identities.resolve().is_relative_to(bundle.resolve()):
        raise StudyError(
            f"{identities} would be in the bundle, which is made to be passed on; name a file "
            "outside of it"
        )


def write_identities(session: Session, version: StudyVersion, target: Path) -> None:
    """Write which recruitment id is which participant, with absolute times, to a file apart."""
    found = session.execute(
        select(
            Participant.pseudonym,
            Recruitment.external_id,
            Participant.outcome,
            Participant.enrolled_at,
            Participant.completed_at,
        )
        .join(Recruitment)
        .where(Participant.version_id == version.id)
        .order_by(Participant.id)
    )
    header = ("participant_id", "recruitment_id", "outcome", "enrolled_at_ms", "completed_at_ms")
    _write_csv(target, header, found)


def _write_folder(
    session: Session, version: StudyVersion, store: Store, folder: Path, *, with_simulated: bool
) -> None:
    definition = definition_of(version)
    factors = list(definition.factors)
    codebook: dict[str, Any] = {"schema": "credence/codebook/1", "tables": {}}
    for table, described in COLUMNS.items():
        columns = _with_factors(described, factors)
        if table in bundle_regions.TABLES:
            found = list(bundle_regions.TABLES[table](session, version, store))
        else:
            found = list(rows(table, session, version, factors, with_simulated=with_simulated))
        names = [name for name, _, _ in columns]
        _write_csv(folder / "data" / f"table-{table}_data.csv", names, found)
        _write_parquet(folder / "parquet" / f"{table}.parquet", columns, found)
        codebook["tables"][table] = {
            name: {"type": kind, "description": meaning} for name, kind, meaning in columns
        }
    design = _design(session, version, definition)
    _write_json(folder / "codebook.json", {**codebook, "items": design["items"]})
    description = _description(version, definition, codebook)
    if with_simulated:
        description["description"] += " With simulated participants, marked in their table."
    _write_json(folder / "dataset_description.json", description)
    _write_json(folder / "study" / "manifest.json", version.manifest, canonical=True)
    _write_json(folder / "study" / "design.json", design)
    _write_text(folder / "study" / "study.yaml", version.source["study_yaml"])
    for name, text in version.source["pages"].items():
        texts = {"": text} if isinstance(text, str) else {f".{each}": text[each] for each in text}
        for language, written in texts.items():
            _write_text(folder / "study" / "pages" / f"{name}{language}.md", written)
    for name, scale in version.source["scales"].items():
        _write_json(folder / "study" / "scales" / f"{name}.json", scale)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listed = "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n"
        for path in files
    )
    _write_text(folder / "checksums.txt", listed)


def _with_factors(
    columns: Sequence[tuple[str, str, str]], factors: Sequence[str]
) -> list[tuple[str, str, str]]:
    """Put one column for each factor where the table has its place for them."""
    expanded = []
    for name, kind, meaning in columns:
        if name == "factor_*":
            expanded += [(f"factor_{factor}", kind, meaning) for factor in factors]
        else:
            expanded.append((name, kind, meaning))
    return expanded


def _design(session: Session, version: StudyVersion, definition: Definition) -> dict[str, Any]:
    """The design as the analysis reads it (`credence/design/1`)."""
    plain = definition.model_dump(mode="json", by_alias=True)
    scales = scales_of(version)
    items = {
        name: {**each.item.model_dump(mode="json"), "scale_id": each.scale_id, "role": each.role}
        for name, each in asked(session, version).items()
    }
    return {
        "schema": "credence/design/1",
        "slug": definition.slug,
        "title": definition.title,
        "seed": definition.seed,
        "factors": plain["factors"],
        "items": items,
        "scales": {name: scale.to_design() for name, scale in scales.items()},
        "blocks": [block.model_dump(mode="json") for block in definition.blocks],
        "checks": [check.model_dump(mode="json", by_alias=True) for check in definition.checks],
        "exclusions": plain["exclusions"],
        "hypotheses": plain["hypotheses"],
    }


def _description(
    version: StudyVersion, definition: Definition, codebook: dict[str, Any]
) -> dict[str, Any]:
    title = say(definition.title, definition.languages[0])
    return {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "name": title,
        "description": f"Answers to the study {title!r}, version {version.number}, by Credence.",
        "schema": "credence/bundle/1",
        "study": {
            "slug": version.study.slug,
            "title": definition.title,
            "version": version.digest,
            "number": version.number,
        },
        "variableMeasured": sorted({n for table in codebook["tables"].values() for n in table}),
    }


def _write_csv(path: Path, header: Sequence[str], found: Iterable[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([_cell(value) for value in row] for row in found)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.17g}" if isinstance(value, float) else str(value)


def _write_parquet(
    path: Path, columns: Sequence[tuple[str, str, str]], found: Sequence[Row]
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    by_column = list(zip(*found, strict=True)) or [()] * len(columns)
    arrays = [
        pa.array(values, PARQUET[kind])
        for values, (_, kind, _) in zip(by_column, columns, strict=True)
    ]
    pq.write_table(pa.Table.from_arrays(arrays, [name for name, _, _ in columns]), path)


def _write_json(path: Path, data: object, *, canonical: bool = False) -> None:
    text = json.dumps(data, ensure_ascii=False, indent=2, sort_keys=True)
    _write_text(path, canonical_json(data).decode() if canonical else f"{text}\n")


def _write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def _zip(folder: Path, archive: Path) -> None:
    """Zip with fixed times and order, so that the same answers give the same bytes."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            info = zipfile.ZipInfo(path.relative_to(folder).as_posix(), (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            file.writestr(info, path.read_bytes())
