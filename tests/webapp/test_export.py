"""The bundle: every column described, every answer as it was given, nobody recognisable in it."""

import csv
import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from lab import Laboratory, both, definition
from sqlalchemy import select

from webapp import enrolment, export
from webapp.bundle_columns import COLUMNS
from webapp.keys import new_token
from webapp.models import Response, StudyVersion
from webapp.observed import Happened
from webapp.participation import Answer, Observed
from webapp.studies import StudyError

pytestmark = both

NASTY = (
    "=cmd|' /C calc'!A0",
    'a "quoted", text',
    "two\nlines",
    "\ttab and trailing ",
    "\U0001f600 é \u202e right to left",
    "null",
    "-1",
    "'; DROP TABLE response; --",
    "NA",
    ",",
)


def write(lab: Laboratory, target: Path, version_id: int = 1) -> Path:
    with lab.session() as session:
        export.write(session, session.get_one(StudyVersion, version_id), lab.store, target)
    return target


def table(bundle: Path, name: str) -> list[dict[str, str]]:
    with (bundle / "data" / f"table-{name}_data.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def bundle(lab: Laboratory, opened: int, tmp_path: Path) -> Path:
    """Two who finished, one under way, one who declined."""
    lab.finish(lab.enrol(opened, "RECRUITED-1"), comment=Answer(text=NASTY[0], after_ms=900))
    lab.finish(lab.enrol(opened, "RECRUITED-2"), sure=Answer(number=1.0), years=Answer())
    half = lab.enrol(opened, "RECRUITED-3")
    seen = [
        Happened(0, "shown", 0),
        Happened(1, "input", 700, "trust", "x"),
        Happened(2, "blur", 9),
    ]
    lab.submit(half, {}, Observed("360x640", "a" * 16, seen))
    with lab.session() as session:
        enrolment.decline(session, opened, new_token())
    return write(lab, tmp_path / "bundle")


def test_the_folder_is_what_the_format_says(bundle: Path) -> None:
    files = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()}
    assert files == {
        *(f"data/table-{name}_data.csv" for name in COLUMNS),
        *(f"parquet/{name}.parquet" for name in COLUMNS),
        *(f"study/pages/{page}.md" for page in ("consent", "instructions", "debrief")),
        "study/study.yaml",
        "study/manifest.json",
        "study/design.json",
        "study/scales/explanation-satisfaction.json",
        "codebook.json",
        "dataset_description.json",
        "checksums.txt",
    }
    assert set(COLUMNS) == {
        "responses",
        "steps",
        "participants",
        "stimuli",
        "explanations",
        "metrics",
        "curves",
        "attributions",
        "units",
        "events",
    }


def test_every_column_is_described_and_no_other(bundle: Path) -> None:
    codebook = json.loads((bundle / "codebook.json").read_text())
    for name, columns in COLUMNS.items():
        expected = [
            "factor_explanation" if column == "factor_*" else column for column, _, _ in columns
        ]
        with (bundle / "data" / f"table-{name}_data.csv").open(encoding="utf-8") as file:
            assert next(csv.reader(file)) == expected
        described = codebook["tables"][name]
        assert sorted(described) == sorted(expected)
        assert all(each["description"] for each in described.values())
    assert set(codebook["items"]) == {
        *definition()["items"],
        *(f"es{number}" for number in range(1, 9)),
    }
    assert codebook["items"]["es1"]["scale_id"] == "explanation-satisfaction"
    roles = {name: item["role"] for name, item in codebook["items"].items()}
    assert (roles["trust"], roles["es1"], roles["used"]) == ("rating", "scale", "answer")


def test_the_checksums_are_right_and_complete(bundle: Path) -> None:
    listed = dict(
        reversed(line.split("  ", 1))
        for line in (bundle / "checksums.txt").read_text().splitlines()
    )
    files = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()}
    assert set(listed) == files - {"checksums.txt"}
    for name, digest in listed.items():
        assert hashlib.sha256((bundle / name).read_bytes()).hexdigest() == digest


def test_the_study_is_there_as_it_was_frozen(lab: Laboratory, bundle: Path) -> None:
    with lab.session() as session:
        version = session.scalars(select(StudyVersion)).one()
        manifest = (bundle / "study" / "manifest.json").read_bytes()
        assert hashlib.sha256(manifest).hexdigest() == version.digest
        digest = version.digest
    folder = lab.folder / "small"
    assert (bundle / "study" / "study.yaml").read_text() == (folder / "study.yaml").read_text()
    assert (bundle / "study" / "pages" / "consent.md").read_text() == (
        folder / "consent.md"
    ).read_text()
    description = json.loads((bundle / "dataset_description.json").read_text())
    assert description["study"]["version"] == digest
    assert {row["study_version"] for row in table(bundle, "responses")} == {digest}
    design = json.loads((bundle / "study" / "design.json").read_text())
    assert design["factors"]["explanation"]["levels"] == ["none", "shap", "mismatched"]
    (scale,) = design["scales"].values()
    assert set(map(tuple, scale["ends"].values())) == {(1, 5)}
    assert scale["scores"][0]["how"] == "mean"


def test_people_are_pseudonyms_with_their_outcomes(lab: Laboratory, bundle: Path) -> None:
    rows = table(bundle, "participants")
    assert [row["outcome"] for row in rows] == ["complete", "complete", "active", "declined"]
    assert [row["participant_id"] for row in rows] == [p.pseudonym for p in lab.participants()]
    assert [(row["steps_total"], row["steps_submitted"]) for row in rows] == [
        ("12", "11"),
        ("12", "11"),
        ("12", "3"),
        ("0", "0"),
    ]
    refusal = rows[-1]
    known = {name for name, value in refusal.items() if value}
    assert known == {
        "participant_id",
        "study_version",
        "outcome",
        "simulated",
        "steps_total",
        "steps_submitted",
    }
    assert {row["simulated"] for row in rows} == {"false"}
    assert all(int(row["duration_ms"]) >= 0 for row in rows[:2])


def test_answers_stand_with_what_was_on_the_screen(lab: Laboratory, bundle: Path) -> None:
    rows = table(bundle, "responses")
    assert len(rows) == 2 * (6 * 2 + 8 + 3)
    explanations = {
        (row["name"], row["stimulus_id"]): row["explanation_digest"]
        for row in table(bundle, "explanations")
    }
    rating = {"none": "2", "shap": "6", "mismatched": "4"}
    for row in rows:
        if row["item_id"] == "trust":
            level = row["factor_explanation"]
            assert (row["value_number"], row["item_kind"], row["role"]) == (
                rating[level],
                "likert",
                "rating",
            )
            shown = explanations.get((level, row["stimulus_id"]), "")
            assert row["explanation_digest"] == shown
            assert (row["block"], row["step_kind"], row["attempt"]) == ("main", "trial", "1")
        else:
            assert row["item_id"] == "sure" or not row["stimulus_id"]
    assert len(explanations) == 12


def test_a_missing_answer_is_empty_and_says_why(bundle: Path) -> None:
    for row in table(bundle, "responses"):
        empty = not (row["value_number"] or row["value_text"] or row["value_json"])
        assert row["missing_reason"] == ("not_answered" if empty else "")
    missing = [r["item_id"] for r in table(bundle, "responses") if r["missing_reason"]]
    assert missing.count("years") == 1
    assert missing.count("comment") == 1
    assert missing.count("sure") == 6


def test_times_are_of_the_page_and_events_of_the_browser(bundle: Path) -> None:
    (row,) = [r for r in table(bundle, "responses") if r["value_text"] == NASTY[0]]
    assert row["answered_after_ms"] == "900"
    assert int(row["response_time_ms"]) >= 0
    columns = ("view", "number", "kind", "at_ms", "value_json")
    assert [tuple(row[name] for name in columns) for row in table(bundle, "events")] == [
        ("1", "0", "shown", "0", ""),
        ("1", "1", "input", "700", '{"detail":"x","item":"trust"}'),
        ("1", "2", "blur", "9", ""),
    ]
    steps = table(bundle, "steps")
    assert [row["viewport"] for row in steps if row["viewport"]] == ["360x640"]
    for row in steps:
        if row["duration_ms"]:
            submitted, shown = int(row["submitted_after_ms"]), int(row["shown_after_ms"])
            assert int(row["duration_ms"]) == submitted - shown


def test_how_good_explanations_are_is_there_in_long_tables(lab: Laboratory, bundle: Path) -> None:
    digests = {(row["name"], row["explanation_digest"]) for row in table(bundle, "explanations")}
    real = {digest for name, digest in digests if name == "shap"}
    metrics, curves = table(bundle, "metrics"), table(bundle, "curves")
    assert {row["explanation_digest"] for row in metrics} == real
    for digest in real:
        expected = lab.store.read_measures(digest)
        assert expected is not None
        mine = [row for row in metrics if row["explanation_digest"] == digest]
        values = {row["metric"]: float(row["value"]) for row in mine if row["value"]}
        assert values == expected.metrics
        reasons = {row["metric"]: row["missing_reason"] for row in mine if not row["value"]}
        assert reasons == expected.reasons
        points = [row for row in curves if row["explanation_digest"] == digest]
        for name, curve in expected.curves.items():
            for part, column in (("shares", "share"), ("deletion",) * 2, ("insertion",) * 2):
                found = [float(row[column]) for row in points if row["curve"] == name]
                assert found == curve[part]


def test_parquet_holds_what_csv_holds(bundle: Path) -> None:
    codebook = json.loads((bundle / "codebook.json").read_text())["tables"]
    read = {
        "integer": int,
        "number": float,
        "string": str,
        "boolean": lambda text: {"true": True, "false": False}[text],
    }
    for name in COLUMNS:
        found: list[dict[str, Any]] = pq.read_table(
            bundle / "parquet" / f"{name}.parquet"
        ).to_pylist()
        expected = [
            {
                column: read[codebook[name][column]["type"]](text) if text else None
                for column, text in row.items()
            }
            for row in table(bundle, name)
        ]
        assert found == expected


def test_nasty_texts_come_back_as_they_were(lab: Laboratory, opened: int, tmp_path: Path) -> None:
    items = (*(f"es{number}" for number in range(1, 9)), "used", "comment")
    sent = dict(zip(items, NASTY, strict=True))
    lab.finish(lab.enrol(opened), **{item: Answer(text=text) for item, text in sent.items()})
    rows = table(write(lab, tmp_path / "bundle"), "responses")
    assert {row["item_id"]: row["value_text"] for row in rows if row["value_text"]} == sent


@pytest.mark.parametrize("number", [0.1, 1 / 3, 1e-15, 123456789012345.0, -0.5, 80.0])
def test_numbers_come_back_to_the_last_bit(
    lab: Laboratory, opened: int, tmp_path: Path, number: float
) -> None:
    lab.finish(lab.enrol(opened), years=Answer(number=number))
    (row,) = [
        row
        for row in table(write(lab, tmp_path / "bundle"), "responses")
        if row["item_id"] == "years"
    ]
    assert float(row["value_number"]) == number


def test_a_study_that_nobody_answered_exports(lab: Laboratory, opened: int, tmp_path: Path) -> None:
    bundle = write(lab, tmp_path / "bundle")
    for name in ("responses", "steps", "participants", "events"):
        assert table(bundle, name) == []
        assert pq.read_table(bundle / "parquet" / f"{name}.parquet").num_rows == 0
    assert len(table(bundle, "stimuli")) == 6
    assert {row["model_correct"] for row in table(bundle, "stimuli")} == {"true", "false"}


def test_a_bundle_holds_one_version(lab: Laboratory, opened: int, tmp_path: Path) -> None:
    lab.finish(lab.enrol(opened))
    second = lab.open(definition() | {"title": {"en": "Second"}})
    lab.enrol(second)
    one = write(lab, tmp_path / "one", opened)
    two = write(lab, tmp_path / "two", second)
    assert len(table(one, "responses")) > 0
    assert table(two, "responses") == []
    people = [table(bundle, "participants")[0]["participant_id"] for bundle in (one, two)]
    assert len(set(people)) == 2


def test_the_same_answers_give_the_same_bytes(lab: Laboratory, opened: int, tmp_path: Path) -> None:
    lab.finish(lab.enrol(opened))
    first = write(lab, tmp_path / "first.zip").read_bytes()
    assert write(lab, tmp_path / "second.zip").read_bytes() == first
    lab.enrol(opened)
    assert write(lab, tmp_path / "third.zip").read_bytes() != first


def test_the_zip_holds_the_folder(lab: Laboratory, bundle: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(write(lab, tmp_path / "bundle.zip")) as archive:
        names = archive.namelist()
        assert names == sorted(names)
        for name in names:
            assert archive.read(name) == (bundle / name).read_bytes()
        assert len(names) == sum(path.is_file() for path in bundle.rglob("*"))


def test_recruitment_ids_and_moments_stay_out_of_the_bundle(lab: Laboratory, bundle: Path) -> None:
    enrolled = str(lab.participants()[0].enrolled_at)
    for path in bundle.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert b"RECRUITED" not in data
            assert enrolled.encode() not in data
            assert lab.participants()[0].token_hash.encode() not in data


def test_identities_go_to_a_file_of_their_own(
    lab: Laboratory, bundle: Path, tmp_path: Path
) -> None:
    target = tmp_path / "identities.csv"
    with lab.session() as session:
        export.write_identities(session, session.get_one(StudyVersion, 1), target)
    with target.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    people = lab.participants()
    assert [row["recruitment_id"] for row in rows] == [f"RECRUITED-{n}" for n in (1, 2, 3)]
    assert [row["participant_id"] for row in rows] == [p.pseudonym for p in people[:3]]
    assert [row["enrolled_at_ms"] for row in rows] == [str(p.enrolled_at) for p in people[:3]]
    assert rows[2]["completed_at_ms"] == ""


def test_a_version_that_was_never_opened_is_refused(lab: Laboratory, tmp_path: Path) -> None:
    version_id = lab.load()
    with pytest.raises(StudyError, match="small was never opened, so there is nothing to export"):
        write(lab, tmp_path / "bundle", version_id)
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize("name", ["bundle", "bundle.zip"])
def test_what_is_there_is_not_overwritten(
    lab: Laboratory, opened: int, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(StudyError, match="exists already; name another target or remove it"):
        write(lab, tmp_path / name)
    assert (tmp_path / name).read_text() == "mine"


def test_an_export_that_fails_leaves_nothing_behind(
    lab: Laboratory, opened: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "exports"
    monkeypatch.delitem(export.PARQUET, "number")
    with pytest.raises(KeyError):
        write(lab, folder / "bundle.zip")
    assert list(folder.iterdir()) == []


def test_all_tables_show_the_same_moment(
    lab: Laboratory, opened: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who answers while a bundle is written is in all of its tables or in none."""
    token, original = lab.enrol(opened), export.rows

    def slowly(table: str, *more: Any, **how: Any) -> Any:
        found = list(original(table, *more, **how))
        lab.submit(token, lab.usual_answers(lab.current(token)))
        return found

    monkeypatch.setattr(export, "rows", slowly)
    bundle = write(lab, tmp_path / "bundle")
    assert lab.count(Response) > 0
    assert table(bundle, "responses") == []
    assert [row["steps_submitted"] for row in table(bundle, "participants")] == ["2"]
    assert sum(bool(row["submitted_after_ms"]) for row in table(bundle, "steps")) == 2
