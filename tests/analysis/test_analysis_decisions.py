"""Decisions with advice and predictions, from a bundle to the shares that a report says."""

import json
from dataclasses import replace

import bundles
import pytest

from analysis.dataset import load
from analysis.decisions import decisions
from analysis.drawing import draw
from analysis.exclusions import exclude
from analysis.hypotheses import hypotheses
from analysis.report import page
from analysis.results import results
from analysis.trials import outcome, task_trials

LABELS = [str(digit) for digit in range(10)]


def asked(name, role, kind="choice"):
    more = {"choices": [{"value": d} for d in LABELS]} if kind == "choice" else {"min": 0}
    return {f"main.{name}": {"kind": kind, "role": role, "text": name} | more}


@pytest.fixture
def advised(build):
    """Trials on which people decide, are advised and decide again, and foresee the model.

    On even trials they decide alone as the truth has it and stay; on odd ones they say 9 alone and
    follow the advice. They are 80 % sure of the first and 60 % of the second decision, and foresee
    the truth.
    """
    study = bundles.Study(hypotheses=[])
    design = bundles.design(study)
    design["items"] |= asked("initial", "initial") | asked("final", "final")
    design["items"] |= asked("simulated", "simulated")
    for role in ("initial", "final"):
        design["items"] |= asked(f"{role}_confidence", f"{role}_confidence", "confidence")
    hypothesis = {"id": "H", "outcome": "followed", "contrast": ["shap", "none"]}
    design["hypotheses"] = [hypothesis | {"formula": "x ~ explanation + (1 | participant)"}]
    tables = bundles.tables(study)
    stimuli = {row["stimulus_id"]: row for row in tables["stimuli"]}
    extra = []
    for row in tables["responses"]:
        if row["item_id"] != "trust":
            continue
        shown = stimuli[row["stimulus_id"]]
        truth, model = str(shown["truth"]), str(shown["predicted"])
        stays = row["step_position"] % 2 == 0
        said = {
            "initial": truth if stays else "9",
            "final": truth if stays else model,
            "simulated": truth,
        }
        empty = {**row, "value_number": "", "missing_reason": ""}
        for role, value in said.items():
            names = {"item_id": f"main.{role}", "item_kind": "choice", "role": role}
            extra.append({**empty, **names, "value_text": value})
        for role, sure in (("initial", 80), ("final", 60)):
            name = f"{role}_confidence"
            names = {"item_id": f"main.{name}", "item_kind": "confidence", "role": name}
            extra.append({**empty, **names, "value_number": sure})
    responses = [*tables["responses"], *extra]
    kept, _ = exclude(load(build({"responses": responses}, design)), ())
    return kept


def shares(dataset, level):
    (row,) = [each for each in decisions(dataset) if each["level"] == level]
    return row, {each["name"]: each for each in row["estimates"]}


def test_shares_are_those_counted_by_hand(advised):
    trials = task_trials(advised)
    assert len(trials) == 25 * 12
    rows = trials[trials["explanation"] == "shap"]
    row, found = shares(advised, "shap")
    assert row["n_trials"] == len(rows) == 100
    alone, model = rows["initial"] == rows["truth"], rows["predicted"] == rows["truth"]
    final = rows["final"] == rows["truth"]
    for name, above, below in (
        ("rair", final, ~alone & model),
        ("rsr", final, alone & ~model),
        ("accuracy_alone", alone, alone | True),
        ("accuracy_with_advice", final, alone | True),
    ):
        assert found[name]["value"] == pytest.approx((above & below).sum() / below.sum()), name
    foreseen = (rows["simulated"] == rows["predicted"]).mean()
    assert found["simulation: accuracy"]["value"] == pytest.approx(foreseen)
    # Who foresees the truth is wrong exactly where the model is.
    assert foreseen == pytest.approx(model.mean())


def test_confidence_is_held_against_what_was_right(advised):
    row, _ = shares(advised, "none")
    trials = task_trials(advised)
    rows = trials[trials["explanation"] == "none"]
    told = {each["role"]: each for each in row["calibration"]}
    assert set(told) == {"initial", "final"}
    right = outcome(rows, "initial").mean()
    assert told["initial"]["overconfidence"]["value"] == pytest.approx(0.8 - right)
    (point,) = told["final"]["curve"]
    assert point["stated"] == pytest.approx(0.6)
    assert point["share"] == pytest.approx(outcome(rows, "final").mean())


def test_following_advice_can_be_a_hypothesis(advised):
    (row,) = hypotheses(advised)
    trials = task_trials(advised)
    followed = outcome(trials, "followed")
    shares_ = followed.groupby(trials["explanation"], observed=True).mean()
    assert row["model"]["method"] == "logistic mixed model, Laplace"
    wanted = shares_["shap"] - shares_["none"]
    assert row["points"]["value"] == pytest.approx(wanted, abs=0.02)


def test_whether_the_model_is_right_can_be_in_its_formula(advised):
    assert set(task_trials(advised)["model_correct"]) == {0.0, 1.0}
    (declared,) = advised.design.hypotheses
    formula = "x ~ explanation + model_correct + (1 | participant)"
    design = replace(advised.design, hypotheses=(replace(declared, formula=formula),))
    (row,) = hypotheses(replace(advised, design=design))
    # Here following hangs on it wholly, which no model can estimate; a smaller one is fitted.
    assert "model_correct" in row["reasons"][0]
    assert row["estimate"]["value"] is not None


def test_the_report_has_them(advised):
    found = json.loads(json.dumps(results(advised)))
    drawn = draw(found)
    text = page(found, drawn)
    assert "Decisions, reliance and calibration" in text
    assert "RAIR: of advice that would have helped, taken" in text
    assert {"calibration-initial-explanation", "calibration-final-explanation"} <= set(drawn)
    assert "nan" not in json.dumps(found)
    # A task's own questions are not listed among the others.
    assert all(not item["item"].startswith("main.") for item in found["main"]["items"])


def test_a_study_without_such_trials_has_none(build):
    assert decisions(load(build(people=4))) == []
