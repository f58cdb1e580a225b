import copy
import json
import zipfile
from pathlib import Path

import bundles
import pytest

from analysis.bundle import BundleError
from analysis.dataset import load
from analysis.design import Design
from analysis.exclusions import exclude


def zipped(folder: Path, prefix: str = "") -> Path:
    target = folder.with_suffix(".zip")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, prefix + path.relative_to(folder).as_posix())
    return target


def test_a_folder_and_its_zip_are_the_same_dataset(build):
    folder = build()
    one = load(folder)
    for prefix in ("", "bundle/"):
        other = load(zipped(folder, prefix))
        assert other.digest == one.digest
        assert other.responses.equals(one.responses)
    assert len(one.participants) == 30
    assert one.responses["value_number"].dtype == float
    assert one.stimuli["model_correct"].sum() == 8
    # "none" is a level, not a missing value.
    assert set(one.responses["factor_explanation"].dropna()) == set(bundles.LEVELS)


def test_crlf_and_line_ends_inside_an_answer_are_read(build):
    folder = build(comments=('one\nline, and\n"two"',))
    path = folder / "data/table-participants_data.csv"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    bundles.seal(folder)
    dataset = load(folder)
    why = dataset.responses[dataset.responses["item_id"] == "why"]["value_text"]
    assert why.iloc[0] == 'one\nline, and\n"two"'
    assert dataset.participants["duration_ms"].iloc[0] == 240000


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (
            lambda f: (f / "data/table-responses_data.csv").write_text("x"),
            "data/table-responses_data.csv was changed after the export",
        ),
        (lambda f: (f / "codebook.json").unlink(), "codebook.json is missing"),
        (lambda f: (f / "extra.txt").write_text("x"), "extra.txt is not listed in checksums.txt"),
        (lambda f: (f / "checksums.txt").unlink(), "there is no checksums.txt"),
        (lambda f: (f / "checksums.txt").write_text("nonsense"), "checksums.txt line 1 is not"),
        (lambda f: (f / "checksums.txt").write_bytes(b"\xff\xfe"), "not UTF-8"),
    ],
)
def test_tampering_is_found_and_named(build, tamper, said):
    folder = build()
    tamper(folder)
    with pytest.raises(BundleError, match=said):
        load(folder)
    if (folder / "checksums.txt").exists():
        with pytest.raises(BundleError, match=said):
            load(zipped(folder))


def edit_json(name, **fields):
    def edit(folder):
        path = folder / name
        path.write_text(json.dumps(json.loads(path.read_text()) | fields))

    return edit


def edit_text(name, old, new):
    def edit(folder):
        path = folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return edit


def without(name):
    return lambda folder: (folder / name).unlink()


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (edit_json("dataset_description.json", schema="x"), "has schema 'x'"),
        (edit_json("dataset_description.json", study={}), "names no study version"),
        (edit_json("codebook.json", schema=None), "codebook.json has schema None"),
        (edit_text("study/design.json", "{", "["), "study/design.json is not JSON"),
        (edit_json("study/design.json", slug=None), "slug is missing"),
        (edit_json("study/design.json", blocks=[{"items": ["x"]}]), "item 'x' but does not"),
        (edit_json("study/design.json", exclusions=[{"id": "a", "b": 1}]), "is not known here"),
        (edit_json("study/design.json", factors={"f": {"levels": ["a"]}}), "vary of factor f"),
        (edit_json("study/design.json", items={"a": {"kind": "likert"}}), "min is missing"),
        (
            edit_json("study/design.json", hypotheses=[{"id": "H", "outcome": 3}]),
            "outcome is missing",
        ),
        (edit_text("study/manifest.json", "m", "n"), "manifest.json is not the one that the study"),
        (
            edit_json("study/design.json", items={"a": {"kind": "likert", "min": 0, "max": 10**6}}),
            "item a runs from 0 to 1000000",
        ),
        (
            edit_json(
                "study/design.json",
                scales={"s": {"items": [], "min": 1, "max": 5, "scores": []}},
            ),
            "scale s has no items",
        ),
        (without("data/table-events_data.csv"), "table-events_data.csv is missing"),
        (
            lambda f: (f / "data/table-events_data.csv").write_text(""),
            "is empty, even of a header",
        ),
        (
            lambda f: (f / "data/table-stimuli_data.csv").write_bytes(b"\xff\xff\n"),
            "not a UTF-8 CSV",
        ),
        (
            edit_text("data/table-steps_data.csv", "viewport", "participant_id"),
            "two columns of one name",
        ),
        (
            edit_text("data/table-steps_data.csv", "viewport", "size"),
            "table steps has no column viewport",
        ),
        (
            edit_text("data/table-events_data.csv", ",shown,0,", ",shown,0,,,,,,,"),
            "not a UTF-8 CSV table",
        ),
    ],
)
def test_a_sealed_but_broken_bundle_is_refused(build, edit, said):
    folder = build()
    edit(folder)
    bundles.seal(folder)
    with pytest.raises(BundleError, match=said):
        load(folder)


def test_what_is_no_bundle_says_what_to_give(tmp_path):
    with pytest.raises(BundleError, match=r"no bundle at .*; give the folder or"):
        load(tmp_path / "none")
    with pytest.raises(BundleError, match="no export bundle"):
        load(tmp_path)
    (tmp_path / "a.zip").write_text("not a zip")
    with pytest.raises(BundleError, match="not a readable zip"):
        load(tmp_path / "a.zip")


@pytest.mark.parametrize(
    ("table", "fields", "said"),
    [
        ("responses", {"value_number": 8}, r"row 2 answers item trust.* from 1 to 7 \(8\)"),
        ("responses", {"value_number": 2.5}, "a whole number from 1 to 7"),
        ("responses", {"value_number": "often"}, "value_number that is no number"),
        ("responses", {"value_number": "inf"}, "value_number that is no number"),
        ("responses", {"value_number": ""}, "empty without a missing_reason"),
        ("responses", {"missing_reason": "skipped"}, "an answer and a missing_reason"),
        ("responses", {"value_number": "", "value_text": "5"}, "has no value_number"),
        ("responses", {"item_id": "mood"}, "unknown item .'mood'"),
        ("responses", {"item_id": "device", "value_text": "fridge"}, "one of the item's choices"),
        ("responses", {"item_id": "agree", "attempt": 2, "value_number": 3}, "allows 0 or 1"),
        ("responses", {"participant_id": "P9999"}, "unknown participant"),
        ("responses", {"participant_id": ""}, "row 2 has no participant_id"),
        ("responses", {"study_version": "f" * 64}, "another study version"),
        ("responses", {"explanation_digest": "f" * 64}, "unknown explanation_digest"),
        ("responses", {"stimulus_id": "f" * 64}, "unknown stimulus_id"),
        ("responses", {"factor_explanation": "lime"}, "no level of the design .'lime'"),
        ("responses", {"step_position": "4.5"}, "step_position that is no whole number"),
        ("participants", {"simulated": "maybe"}, "neither true nor false"),
        ("participants", {"participant_id": "P0002"}, "row 3 repeats participant_id"),
        ("stimuli", {"model_correct": "yes"}, "neither true nor false"),
        ("metrics", {"explanation_digest": "f" * 64}, "unknown explanation_digest"),
        ("metrics", {"value": ""}, "row 2 has neither or both of a value and a missing_reason"),
        ("metrics", {"missing_reason": "so"}, "has neither or both of a value and a missing_"),
        ("metrics", {"metric": "random_deletion_area"}, "repeats explanation_digest, metric"),
        ("curves", {"explanation_digest": "f" * 64}, "unknown explanation_digest"),
        ("curves", {"share": ""}, "row 2 has no share"),
        ("curves", {"share": 0.5}, "row 3 repeats explanation_digest, curve, share"),
    ],
)
def test_a_wrong_row_is_named_with_table_row_and_column(build, table, fields, said):
    rows = bundles.tables(bundles.Study())
    first = copy.deepcopy(rows[table])
    first[0] |= fields
    with pytest.raises(BundleError, match=rf"table {table}, .*{said}"):
        load(build({table: first}))


def test_how_good_explanations_are_comes_with_them_and_older_bundles_load(build):
    folder = build()
    dataset = load(folder)
    metrics = dataset.metrics.set_index(["explanation_digest", "metric"])["value"]
    first = dataset.explanations["explanation_digest"].iloc[0]
    assert metrics[first, "deletion_area"] == -2.5
    assert len(dataset.curves) == 3 * len(dataset.explanations)
    for name in ("metrics", "curves", "attributions", "units"):
        (folder / f"data/table-{name}_data.csv").unlink()
    bundles.seal(folder)
    older = load(folder)
    assert (len(older.metrics), len(older.curves)) == (0, 0)
    assert list(older.metrics) == list(dataset.metrics)
    assert older.metrics.dtypes.equals(dataset.metrics.dtypes)
    assert older.explanations.equals(dataset.explanations)


def test_an_answer_twice_is_refused(build):
    rows = bundles.tables(bundles.Study())["responses"]
    with pytest.raises(BundleError, match="repeats participant_id, step_position, attempt"):
        load(build({"responses": [*rows, rows[0]]}))


def test_exclusions_say_whom_and_why(build):
    dataset = load(build(fast=2))
    kept, left_out = exclude(dataset, dataset.design.exclusions)
    assert left_out.counts() == {
        "simulated": 1,
        "declined": 2,
        "withdrawn": 1,
        "not finished": 1,
        "too_fast": 2,
    }
    assert left_out.rows[-1][1:] == ("too_fast", "median trial 700 ms, below 1500 ms")
    assert len(kept.participants) == 24
    gone = {participant for participant, _, _ in left_out.rows}
    for frame in (kept.responses, kept.steps, kept.participants, kept.events):
        assert gone.isdisjoint(frame["participant_id"])
    everyone, always = exclude(dataset, ())
    assert len(everyone.participants) == 26
    assert "too_fast" not in always.counts()


def test_a_simulated_person_who_is_also_fast_counts_once(build):
    rows = bundles.tables(bundles.Study(fast=1))
    rows["participants"][-1]["simulated"] = "true"
    dataset = load(build({"participants": rows["participants"]}))
    _, left_out = exclude(dataset, dataset.design.exclusions)
    assert left_out.counts()["simulated"] == 2
    assert "too_fast" not in left_out.counts()


def test_an_empty_study_is_a_dataset(build):
    dataset = load(build(people=0, declined=0, withdrawn=0, active=0, simulated=0, fast=0))
    assert len(dataset.participants) == 0
    assert dataset.responses["value_number"].dtype == float


def test_an_answer_can_exclude_and_then_counts_in_no_result(build):
    from analysis.results import results

    study = bundles.design(bundles.Study())
    study["exclusions"].append({"id": "phones", "item": "device", "equals": "phone"})
    study["exclusions"].append({"id": "said_no", "item": "age", "equals": 21})
    found = results(load(build(new_design=study)))
    assert [rule["excluded"] for rule in found["rules"]] == [1, 12, 1]
    assert found["rules"][1]["text"] == "answered A phone to “What are you using?”"
    assert (found["main"]["n"], found["with_excluded"]["n"]) == (11, 12)


def test_a_bundle_without_simulated_participants_needs_no_such_column(build):
    folder = build()
    path = folder / "data/table-participants_data.csv"
    lines = [line.split(",") for line in path.read_text().splitlines()]
    at = lines[0].index("simulated")
    path.write_text("".join(",".join(line[:at] + line[at + 1 :]) + "\n" for line in lines))
    bundles.seal(folder)
    dataset = load(folder)
    assert not dataset.participants["simulated"].any()


@pytest.mark.parametrize("typed", ["one\rtwo", "a\x00b", "\u2028", "tab\t,;\"'", "NA", "null", " "])
def test_odd_characters_in_an_answer_stay_in_it(build, typed):
    dataset = load(build(comments=(typed,)))
    why = dataset.responses[dataset.responses["item_id"] == "why"]["value_text"]
    assert set(why) == {typed}


def test_what_a_participant_said_comes_before_how_fast_it_was_said(build):
    study = bundles.design(bundles.Study())
    study["exclusions"].append({"id": "said_no", "item": "device", "equals": "computer"})
    dataset = load(build(new_design=study))
    _, left_out = exclude(dataset, dataset.design.exclusions)
    assert {who: why for who, why, _ in left_out.rows}["P0030"] == "said_no"


def test_a_level_that_is_called_true_stays_a_word(build):
    """pandas makes truth values of a column of categories that holds true and false alone."""
    study = bundles.Study(people=4, levels=("true", "false"), hypotheses=[], lift={})
    dataset = load(build(people=4, levels=("true", "false"), hypotheses=[], lift={}))
    assert set(dataset.responses["factor_explanation"].dropna()) == set(study.levels)
    assert dataset.responses["factor_explanation"].dtype == dataset.responses["item_id"].dtype


def test_items_of_every_kind_are_read_by_what_their_answers_are_like():
    kinds = {
        "a": {"kind": "semantic_differential", "min": 1, "max": 7, "left": "bad", "right": "good"},
        "b": {"kind": "slider", "min": 0, "max": 10},
        "c": {"kind": "confidence", "min": 50},
        "d": {"kind": "ranking"},
        "e": {"kind": "date"},
        "m": {"kind": "matrix", "min": 1, "max": 5, "rows": [{"id": "x", "text": "X"}]},
    }
    design = Design.from_json(
        {"slug": "s", "items": kinds, "blocks": [{"items": ["a", "m"]}], "factors": {}}
    )
    assert {name: item.kind for name, item in design.items.items()} == {
        "a": "likert",
        "b": "number",
        "c": "number",
        "d": "list",
        "e": "text",
        "m.x": "likert",
    }
    assert design.items["a"].labels == {"1": "bad", "7": "good"}
    assert design.items["b"].span == (0, 10)
    assert design.items["c"].span == (50, 100)
    assert design.items["m.x"].ends == (1, 5)
    assert design.trial_items == ("a", "m.x")
