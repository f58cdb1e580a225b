import json

import numpy as np
import pytest
from power_designs import DESIGN, FORMULA, design

from analysis.power.model import PowerError, default_random
from analysis.power.pilot import piloted
from analysis.power.study import read, study_of
from analysis.power.truth import parse_effects


def write(tmp_path, data):
    path = tmp_path / "design.json"
    path.write_text(json.dumps(data))
    return path


def test_a_design_is_read(tmp_path):
    study, dataset = read(write(tmp_path, DESIGN))
    assert dataset is None
    assert study.points == {"trust": 5, "agree": 2}
    assert study.blocks[0].strata == (("true", 8), ("false", 4))
    assert study.blocks[0].conditions == ({"explanation": "none"}, {"explanation": "shap"})
    model = study.model(study.hypothesis(None))
    assert model.fixed == "explanation"
    assert model.random == ("1 + explanation | participant", "1 | stimulus")
    assert (model.factor, model.contrast) == ("explanation", ("shap", "none"))


def test_strata_of_more_traits_are_those_of_the_models_correctness():
    rows = [
        {"traits": {"model_correct": "True", "truth": "3"}, "stimuli": 2},
        {"traits": {"model_correct": "True", "truth": "5"}, "stimuli": 3},
        {"traits": {"model_correct": "False", "truth": "3"}, "stimuli": 1},
    ]
    block = DESIGN["blocks"][0] | {"strata": rows, "trials_per_participant": 99}
    study = study_of(design(blocks=[block]))
    assert study.blocks[0].strata == (("true", 5), ("false", 1))
    assert study.blocks[0].per_participant == 6


def test_a_model_with_correctness_needs_strata_that_tell_it():
    block = DESIGN["blocks"][0] | {"strata": [{"traits": {"truth": "3"}, "stimuli": 9}]}
    hypothesis = DESIGN["hypotheses"][0] | {"formula": "rating ~ explanation * model_correct"}
    study = study_of(design(blocks=[block], hypotheses=[hypothesis]))
    with pytest.raises(PowerError, match="do not tell where the model is correct"):
        study.model(study.hypothesis(None))


def test_a_bundle_tells_its_strata_by_its_stimuli(build):
    study, dataset = read(build(people=6))
    assert study.blocks[0].strata == (("false", 4), ("true", 8))
    assert study.points["trust"] == 7
    assert dataset is not None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schema": "credence/design/1"}, "expected 'credence/design-summary/1'"),
        ({"blocks": [DESIGN["blocks"][0] | {"strata": None}]}, "how many stimuli"),
        ({"items": {}}, "not a rating"),
        ({"hypotheses": []}, "declares no hypothesis"),
        ({"factors": {"explanation": {}}}, "not a valid design"),
    ],
)
def test_what_is_wrong_with_a_design_is_said(tmp_path, changes, said):
    with pytest.raises(PowerError, match=said):
        ask(write(tmp_path, design(**changes)))


def ask(path):
    study, _ = read(path)
    study.asking(study.hypothesis(None)["outcome"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"formula": "rating ~ age"}, "age, which is no factor"),
        ({"formula": "rating"}, "expected a formula"),
        ({"formula": "rating ~ explanation + (1 | team)"}, "random term over team"),
        ({"contrast": ["shap", "lime"]}, "no contrast of two levels"),
        ({"contrast": None}, "no contrast of two levels"),
    ],
)
def test_what_is_wrong_with_a_hypothesis_is_said(changes, said):
    study = study_of(design(hypotheses=[DESIGN["hypotheses"][0] | changes]))
    with pytest.raises(PowerError, match=said):
        study.model(study.hypothesis(None))
    with pytest.raises(PowerError, match="no hypothesis 'H9'; there is: H1"):
        study.hypothesis("H9")


def test_a_formula_without_random_terms_gets_a_slope_for_each_factor_within_people():
    random = default_random(("explanation", "model_correct"), frozenset({"explanation"}))
    assert random == ("1 + explanation | participant", "1 | stimulus")
    hypothesis = DESIGN["hypotheses"][0]
    plain = study_of(design(hypotheses=[hypothesis | {"formula": "rating ~ explanation"}]))
    declared = study_of(DESIGN)
    assert plain.model(plain.hypotheses[0]) == declared.model(hypothesis)
    assert hypothesis["formula"] == FORMULA


@pytest.mark.parametrize(
    "text", ["explanation", "explanation=lime:1", "colour=red:1", "explanation=shap:much"]
)
def test_an_effect_that_the_study_cannot_have_is_refused(text):
    with pytest.raises(PowerError, match=text):
        parse_effects([text], study_of(DESIGN))


def test_a_pilot_gives_thresholds_and_spread_and_keeps_its_effect_to_itself(build):
    study, dataset = read(build(people=40, hypotheses=DESIGN["hypotheses"]))
    model = study.model(study.hypothesis(None))
    effects = parse_effects(["explanation=shap:0.7"], study)
    truth = piloted(study, model, "trust", effects, dataset)
    assert len(truth.thresholds) == 6
    assert (np.diff(truth.thresholds) > 0).all()
    shap = np.array([cell["explanation"] == "shap" for cell in truth.cells])
    assert np.ptp(truth.mean) == pytest.approx(0.0)
    assert truth.effect.tolist() == pytest.approx((0.7 * shap).tolist())
    for covariance in (truth.participant, truth.stimulus):
        assert np.linalg.eigvalsh(covariance).min() > -1e-9
