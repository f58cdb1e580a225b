"""Marked parts against explanations, from a bundle to the report."""

import json

import bundles
import numpy as np
import pytest

from analysis.bundle import BundleError
from analysis.dataset import load
from analysis.drawing import draw
from analysis.highlights import highlights, on_parts
from analysis.report import page
from analysis.results import results

PIXELS = 16  # of an image of 4 x 4
PARTS = [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]


def marked_tables(kind="image"):
    """Trust trials with marks: everybody marks part 0 of every stimulus, P0001 all four.

    The players of shap are single pixels (image) or pairs of steps, its value is highest in part 0;
    those of mismatched are the same and lowest there.
    """
    tables = bundles.tables(bundles.Study(people=6, hypotheses=[]))
    spans = PARTS if kind == "image" else [[4 * part, 4 * part + 4] for part in range(4)]
    for row in tables["stimuli"]:
        row["kind"] = kind
        tables["units"] += [
            {"block": "main", "stimulus_id": row["stimulus_id"], "unit": unit, "span_json": span}
            for unit, span in enumerate(map(json.dumps, spans))
        ]
    for row in tables["explanations"]:
        sign = 1 if row["name"] == "shap" else -1
        players = [[pixel] for pixel in range(PIXELS)]
        values = [sign * (4 - next(i for i, p in enumerate(PARTS) if x[0] in p)) for x in players]
        if kind == "series":
            players = [[2 * pair, 2 * pair + 2] for pair in range(8)]
            values = [sign * (4 - pair // 2) for pair in range(8)]
        for index, (player, value) in enumerate(zip(players, values, strict=True)):
            told = {"output": "7", "player": index, "span_json": json.dumps(player)}
            digest = row["explanation_digest"]
            tables["attributions"].append(told | {"explanation_digest": digest, "value": value})
    for row in [each for each in tables["responses"] if each["item_id"] == "trust"]:
        marked = [0, 1, 2, 3] if row["participant_id"] == "P0001" else [0]
        mask = {"kind": kind, "units": 4, "marked": marked, "players": []}
        empty = row | {"value_number": "", "missing_reason": "", "value_json": json.dumps(mask)}
        more = {"item_id": "main-marks", "item_kind": "mask", "role": "marks"}
        tables["responses"].append(empty | more)
    return tables


@pytest.fixture
def marked(build):
    def make(kind="image", change=None):
        design = bundles.design(bundles.Study(hypotheses=[]))
        design["items"]["main-marks"] = {"kind": "mask", "role": "marks", "text": "Mark"}
        return load(build(marked_tables(kind) | (change or {}), design))

    return make


def told(rows, name):
    (row,) = [each for each in rows if each["explanation"] == name]
    return row, {each["name"]: each for each in row["measures"]}


def test_values_of_players_become_values_of_parts():
    words = [np.arange(0, 4), np.arange(5, 9)]
    # A token that crosses the space between, one with the space before it, one of the space alone.
    players = [np.arange(0, 3), np.arange(3, 6), np.arange(4, 9), np.arange(4, 5)]
    found = on_parts(players, np.array([3.0, 2.0, 8.0, 100.0]), words)
    assert found.tolist() == [4, 9]


def test_agreement_is_that_of_the_marks_and_the_sums_over_parts(marked):
    rows = highlights(marked())
    people = 6 + 4 - 1  # also those who did not finish; who marks everything tells nothing
    row, shap = told(rows, "shap")
    assert [shap[name]["estimate"]["value"] for name in shap] == pytest.approx(
        [1, 1, np.corrcoef([4, 3, 2, 1], [1, 0, 0, 0])[0, 1], 1]
    )
    assert [shap[name]["chance"] for name in shap] == pytest.approx([0.25, 0.5, 0, 0.25])
    assert shap["iou"]["above_chance"]["value"] == pytest.approx(0.75)
    assert "P0001" not in shap["iou"]["participants"]
    assert shap["iou"]["estimate"]["n"] == people
    assert row["n_left_out"] == 12
    _, wrong = told(rows, "mismatched")
    assert (wrong["iou"]["estimate"]["value"], wrong["auc"]["estimate"]["value"]) == (0, 0)
    assert wrong["pointing"]["above_chance"]["value"] == pytest.approx(-0.25)


def test_each_stimulus_has_its_means_and_the_marks_of_everyone(marked):
    row, _ = told(highlights(marked()), "shap")
    assert len(row["stimuli"]) == 12
    assert sum(each["n"] for each in row["stimuli"]) == row["n_trials"]
    for each in row["stimuli"]:
        assert (each["iou"], each["iou_chance"]) == pytest.approx((1, 0.25))
        assert each["crowd"] == pytest.approx(np.corrcoef([4, 3, 2, 1], [1, 0, 0, 0])[0, 1])


def test_a_forecast_rests_on_what_lowers_it_too(marked):
    rows = highlights(marked("series"))
    for name in ("shap", "mismatched"):
        assert told(rows, name)[1]["auc"]["estimate"]["value"] == 1


def test_the_report_has_a_section_and_lists_no_masks(marked):
    dataset = marked()
    found = json.loads(json.dumps(results(dataset), allow_nan=False))
    text = page(found, draw(found))
    assert "What people marked" in text
    assert "Marks and mismatched" in text
    assert "main-marks" not in [item["item"] for item in found["main"]["items"]]
    assert any("hypergeometric" in paragraph for paragraph in found["methods"])


def test_a_bundle_without_values_says_so_and_one_without_marks_nothing(marked, build):
    dataset = marked(change={"attributions": [], "units": []})
    found = results(dataset)
    assert "no values" in found["main"]["regions"][0]["reason"]
    assert "Not computed: the bundle has no values" in page(found, draw(found))
    assert highlights(load(build(people=4))) == []


@pytest.mark.parametrize(
    ("table", "fields", "said"),
    [
        ("attributions", {"explanation_digest": "f" * 64}, "unknown explanation_digest"),
        ("attributions", {"value": ""}, "neither or both of a value and a missing_reason"),
        ("attributions", {"player": 1}, "repeats explanation_digest, player"),
        ("units", {"stimulus_id": "f" * 64}, "unknown stimulus_id"),
        ("units", {"unit": 1}, "repeats block, stimulus_id, unit"),
    ],
)
def test_a_wrong_row_is_named(marked, table, fields, said):
    rows = marked_tables()[table]
    rows[0] |= fields
    with pytest.raises(BundleError, match=rf"table {table}, .*{said}"):
        marked(change={table: rows})
