"""What differs between a study and its preregistration is said."""

import json

import bundles
import pytest
import yaml

from analysis.__main__ import main
from analysis.bundle import BundleError
from analysis.dataset import load
from analysis.preregistration import deviations, read

RULE = {"id": "too_fast", "median_trial_ms_below": 1500}


def said(build, tmp_path, registered):
    path = tmp_path / "prereg.yaml"
    path.write_text(yaml.safe_dump(registered))
    return deviations(read(path), load(build(people=2)).design)


def test_the_same_hypotheses_and_rules_are_no_deviation(build, tmp_path):
    assert said(build, tmp_path, {"hypotheses": [bundles.H1], "exclusions": [RULE]}) == []


def test_each_difference_is_named(build, tmp_path):
    hypothesis = bundles.H1 | {"contrast": ["shap", "none"], "confirmatory": False}
    other = bundles.H1 | {"id": "H0"}
    registered = {
        "hypotheses": [hypothesis, other],
        "exclusions": [{**RULE, "median_trial_ms_below": 1000}, {**RULE, "id": "slow"}],
    }
    assert said(build, tmp_path, registered) == [
        "H0 was preregistered and is not in the study.",
        "H1: the contrast was preregistered as shap minus none and is shap minus mismatched in the "
        "study.",
        "H1: confirmatory was preregistered as no and is yes in the study.",
        "The exclusion rule slow was preregistered and is not in the study.",
        "The exclusion rule too_fast was preregistered as median_trial_ms_below: 1000.0 and is "
        "median_trial_ms_below: 1500.0.",
    ]
    assert said(build, tmp_path, {"hypotheses": []}) == [
        "H1 is in the study as confirmatory and was not preregistered.",
        "The exclusion rule too_fast is in the study and was not preregistered.",
    ]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("{", "neither YAML nor JSON"),
        ("[1, 2]", "holds no list `hypotheses`"),
        ("hypotheses: [{id: H1}]", "outcome is missing"),
        ("hypotheses: [3]", "not a valid preregistration"),
        ("hypotheses: []\nexclusions: [{id: a, b: 1}]", "is not known here"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path, text, wrong):
    path = tmp_path / "prereg.yaml"
    path.write_text(text)
    with pytest.raises(BundleError, match=wrong):
        read(path)
    with pytest.raises(BundleError, match="cannot read"):
        read(tmp_path / "nothing.yaml")


def test_the_report_says_so(build, tmp_path, capsys):
    path = tmp_path / "prereg.json"
    path.write_text(json.dumps({"hypotheses": []}))
    command = ["report", str(build(people=4)), "--out", str(tmp_path / "out")]
    assert main([*command, "--prereg", str(path)]) == 0
    text = (tmp_path / "out" / "report.html").read_text()
    assert "H1 is in the study as confirmatory and was not preregistered." in text
    capsys.readouterr()
    assert main([*command, "--prereg", str(tmp_path / "none.json")]) == 2
    assert capsys.readouterr().err.startswith("error: cannot read ")
