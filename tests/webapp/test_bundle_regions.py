"""What could be marked, and what the explanations say of it, goes into the bundle."""

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from browsing import Visitor
from flask import Flask
from lab import Laboratory
from tasklab import METHODS, SLUG, block, open_tasks

from analysis.dataset import load
from analysis.regions import agreement
from analysis.results import results
from webapp import export
from webapp.bundle_regions import LOST
from webapp.models import StudyVersion

Table = list[dict[str, str]]


def exported(lab: Laboratory, folder: Path) -> tuple[Table, Table]:
    """The tables of attributions and units."""
    with lab.session() as session:
        export.write(session, session.get_one(StudyVersion, 1), lab.store, folder)
    found = []
    for name in ("attributions", "units"):
        with (folder / "data" / f"table-{name}_data.csv").open(newline="") as file:
            found.append(list(csv.DictReader(file)))
    return found[0], found[1]


@pytest.mark.parametrize(("kind", "parts"), [("reviews", 9), ("digits", 49), ("prices", 12)])
def test_the_values_are_those_of_the_main_output_for_every_player(
    lab: Laboratory, tmp_path: Path, kind: str, parts: int
) -> None:
    other = "digits" if kind == "reviews" else "reviews"
    made = open_tasks(lab, block("a", "highlight", kind), block("b", "advice", other))
    attributions, units = exported(lab, tmp_path / "bundle")
    digests = {each for name in METHODS for each in made.explanations[name].values()}
    marked = set(made.stimuli[kind])
    for digest in digests:
        rows = [row for row in attributions if row["explanation_digest"] == digest]
        explanation = lab.store.read_explanation(digest)
        stimulus = lab.store.read_stimulus(explanation.job.stimulus_digest)
        if explanation.job.stimulus_digest not in marked:
            assert not rows
            continue
        wanted = "mean" if kind == "prices" else stimulus.predicted
        assert {row["output"] for row in rows} == {wanted}
        column = explanation.values[:, explanation.outputs.index(wanted)]
        assert [float(row["value"]) for row in rows] == column.astype(float).tolist()
        spans = [tuple(json.loads(row["span_json"])) for row in rows]
        assert spans == list(explanation.players)
    assert {row["stimulus_id"] for row in units} == marked
    assert len(units) == len(marked) * parts
    table = pq.read_table(tmp_path / "bundle" / "parquet" / "attributions.parquet")
    assert table.column("value").to_pylist() == [float(row["value"]) for row in attributions]


def test_of_a_text_that_a_model_wrote_it_is_the_sum_over_tokens(
    lab: Laboratory, tmp_path: Path
) -> None:
    made = open_tasks(lab, block("a", "highlight", "prompts"))
    attributions, _ = exported(lab, tmp_path / "bundle")
    assert {row["output"] for row in attributions} == {"sum"}
    digest = made.explanations["shap"][made.stimuli["prompts"][0]]
    values = [float(r["value"]) for r in attributions if r["explanation_digest"] == digest]
    np.testing.assert_array_equal(values, lab.store.read_explanation(digest).values[:, 2])


def test_studies_without_marks_have_none(lab: Laboratory, tmp_path: Path) -> None:
    open_tasks(lab, block("a", "advice", "reviews"))
    assert exported(lab, tmp_path / "bundle") == ([], [])


def test_a_lost_artifact_keeps_no_answer_from_being_exported(
    lab: Laboratory, app: Flask, tmp_path: Path
) -> None:
    made = open_tasks(lab, block("d", "highlight", "reviews"))
    visitor = Visitor(app).enter(SLUG)
    visitor.send(**{"item-d-marks": ["1"]}).send(**{"item-d-marks": ["2"]})
    digest = made.explanations["shap"][made.stimuli["reviews"][0]]
    lab.store.path(digest).unlink()
    attributions, _ = exported(lab, tmp_path / "bundle")
    rows = [row for row in attributions if row["explanation_digest"] == digest]
    assert [row["missing_reason"] for row in rows] == [LOST]
    assert len(load(tmp_path / "bundle").responses) == 2


def test_what_was_marked_meets_what_the_explanation_says(
    lab: Laboratory, app: Flask, tmp_path: Path
) -> None:
    open_tasks(lab, block("d", "highlight", "reviews", per_participant=1))
    visitor = Visitor(app).enter(SLUG)
    visitor.send(**{"item-d-marks": ["1", "4", "6"]})
    exported(lab, tmp_path / "bundle")
    dataset = load(tmp_path / "bundle")
    shown = dataset.responses["stimulus_id"].iloc[0]
    found = {row["explanation"]: row for row in results(dataset)["main"]["regions"]}
    assert set(found) == set(METHODS)
    named = dataset.explanations.set_index(["name", "stimulus_id"])["explanation_digest"]
    for name in METHODS:
        # Here the words are the players.
        values = lab.store.read_explanation(named[name, shown]).values[:, 0]
        expected = agreement(np.isin(np.arange(9), [1, 4, 6]), values)
        told = {each["name"]: each for each in found[name]["measures"]}
        assert told["iou"]["estimate"]["value"] == pytest.approx(expected.iou)
        assert told["auc"]["estimate"]["value"] == pytest.approx(expected.auc)
