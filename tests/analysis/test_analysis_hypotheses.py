"""A hypothesis is answered by its own model, and what cannot be fitted is said."""

import math

import bundles
import numpy as np
import pandas as pd
import pytest

from analysis.dataset import load
from analysis.exclusions import exclude
from analysis.formulas import Declared, declared, smaller
from analysis.frames import trial_frame
from analysis.hypotheses import hypotheses
from analysis.linear import lmm
from analysis.ordinal import clmm, term_tests
from analysis.ordinal.contrast import contrast_test
from analysis.ttest import paired_difference, welch_difference

FULL = "rating ~ explanation * model_correct + (1 + explanation | participant) + (1 | stimulus)"


def answered(build, *, design=None, **options):
    """The hypotheses of a simulated study, of its complete participants."""
    dataset = load(build(new_design=design, **options))
    kept, _ = exclude(dataset, dataset.design.exclusions)
    return kept, hypotheses(kept)


def test_a_formula_is_split_into_predictors_and_random_terms():
    model = declared(FULL)
    assert model == Declared(
        "explanation * model_correct", ("1 + explanation | participant", "1 | stimulus")
    )
    assert declared("y ~ (1 | participant)").predictors == "1"
    assert declared("y ~ (1 | participant) + a").predictors == "a"
    for bad in ("explanation", "y ~", "y ~ a | b"):
        with pytest.raises(ValueError, match=r"expected a model|cannot read"):
            declared(bad)


def test_smaller_models_keep_what_tells_people_apart():
    models = smaller(declared(FULL), "explanation")
    assert models[0].random == ("1 | participant", "1 | stimulus")
    assert all(model.holds("participant") for model in models)
    assert models[-1] == Declared("explanation", ("1 | participant",))


def test_the_declared_model_answers_a_rating(build):
    kept, (row,) = answered(build, hypotheses=[bundles.H1 | {"formula": FULL}])
    frame = trial_frame(kept, "trust").dropna(subset=["value"])
    random = ["1 + explanation | participant", "1 | stimulus"]
    fit = clmm(frame, "value ~ explanation * model_correct", random)
    wanted = contrast_test(fit, "explanation", "shap", "mismatched")
    assert row["model"]["declared"]
    assert row["reasons"] == []
    assert row["p"] == row["p_holm"] == pytest.approx(wanted.p)
    for name in ("value", "low", "high", "statistic"):
        assert row["estimate"][name] == pytest.approx(getattr(wanted, name))
    assert row["estimate"]["n"] == 24
    means = {each["level"]: each["value"] for each in row["means"]}
    assert means["shap"] - means["mismatched"] == pytest.approx(row["points"]["value"])


def test_turning_a_contrast_round_turns_its_signs(build):
    _, (one,) = answered(build)
    _, (other,) = answered(build, hypotheses=[bundles.H1 | {"contrast": ["mismatched", "shap"]}])
    for field in ("estimate", "points"):
        assert other[field]["value"] == pytest.approx(-one[field]["value"])
        assert other[field]["low"] == pytest.approx(-one[field]["high"])
    assert other["p"] == pytest.approx(one["p"])


def test_yes_and_no_are_answered_by_a_logistic_model(build):
    hypothesis = bundles.H1 | {
        "outcome": "agree",
        "formula": "agree ~ explanation + (1 | participant)",
    }
    kept, (row,) = answered(build, hypotheses=[hypothesis])
    assert row["model"]["method"] == "logistic mixed model, Laplace"
    assert row["model"]["proportional_odds"] is None
    # Nothing but chance varies, so log odds are those of the shares.
    shares = trial_frame(kept, "agree").groupby("explanation", observed=True)["value"].mean()
    odds = np.log(shares / (1 - shares))
    assert row["estimate"]["value"] == pytest.approx(odds["shap"] - odds["mismatched"], abs=0.02)


def test_numbers_are_answered_by_a_linear_model(build):
    study = bundles.design(bundles.Study())
    study["items"]["trust"] |= {"kind": "slider", "min": 0, "max": 100}
    study["hypotheses"] = [bundles.H1 | {"formula": "x ~ explanation + (1 | participant)"}]
    kept, (row,) = answered(build, design=study)
    fit = lmm(trial_frame(kept, "trust"), "value ~ explanation", ["1 | participant"])
    effects = fit.coefficients["estimate"]
    wanted = effects["explanation[T.shap]"] - effects["explanation[T.mismatched]"]
    assert row["estimate"]["value"] == row["points"]["value"] == pytest.approx(wanted)
    assert row["scale"] == "points"
    assert "Satterthwaite" in row["estimate"]["test"]


def test_a_score_asked_once_is_answered_without_a_model(build):
    hypothesis = bundles.H1 | {"outcome": "satisfaction"}
    kept, (row,) = answered(build, people=30, vary="between", hypotheses=[hypothesis])
    scores = kept.responses[kept.responses["scale_id"].notna()]
    means = scores.groupby("participant_id")["value_number"].mean()
    level = kept.steps.dropna(subset=["factor_explanation"]).drop_duplicates("participant_id")
    level = level.set_index("participant_id")["factor_explanation"]
    groups = [means[level[level == name].index].to_numpy() for name in ("shap", "mismatched")]
    assert row["model"] is None
    assert row["p"] == pytest.approx(welch_difference(*groups).p)


def test_what_the_model_says_stands_beside_tests_of_means(build):
    kept, (row,) = answered(build)
    frame = trial_frame(kept, "trust")
    means = frame.groupby(["participant", "explanation"], observed=True)["value"].mean().unstack()
    wanted = paired_difference(means["shap"].to_numpy(), means["mismatched"].to_numpy())
    first = row["sensitivity"][0]
    assert (first["test"], first["p"]) == ("paired t test", pytest.approx(wanted.p))
    assert [each["test"] for each in row["sensitivity"]][2:] == [
        "Wilcoxon signed-rank test",
        "permutation test",
    ]


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        ("rating ~ __import__('os') + (1 | participant)", "is not allowed"),
        ("rating ~ nothing + (1 | participant)", "no column nothing"),
        ("rating ~ model_correct + (1 | participant)", "no factor explanation in the model"),
        ("rating ~ explanation", "does not tell participants apart"),
        ("explanation", "expected a model like"),
    ],
)
def test_a_model_that_cannot_be_fitted_is_named_with_the_reason(build, formula, reason):
    _, (row,) = answered(build, hypotheses=[bundles.H1 | {"formula": formula}])
    assert reason in row["reasons"][0]
    assert not row["model"]["declared"]
    assert row["model"]["label"].startswith("value ~ explanation")
    assert "participant)" in row["model"]["label"]
    assert 0 < row["p"] < 1


def test_a_question_of_all_levels_is_a_likelihood_ratio(build):
    hypothesis = bundles.H1 | {"contrast": None, "formula": "r ~ explanation + (1 | participant)"}
    kept, (row,) = answered(build, hypotheses=[hypothesis])
    alone = clmm(trial_frame(kept, "trust"), "value ~ explanation", ["1 | participant"])
    wanted = term_tests(alone).loc["explanation"]
    assert row["model"]["label"] == alone.formula
    assert row["estimate"]["df"] == [2.0]
    assert row["estimate"]["statistic"] == pytest.approx(wanted["statistic"], abs=1e-6)
    assert row["p"] == pytest.approx(wanted["p"], rel=1e-5)
    assert row["points"] is None


def test_levels_of_one_person_each_are_not_compared(build):
    quiet = {"declined": 0, "withdrawn": 0, "active": 0, "simulated": 0, "fast": 0}
    _, (row,) = answered(build, people=3, vary="between", **quiet)
    assert row["p"] is None
    assert "at least two participants in each condition; shap has 1" in row["not_estimable"][0]


def test_p_values_of_confirmatory_hypotheses_are_adjusted_together(build):
    rows = [
        bundles.H1,
        bundles.H1 | {"id": "H2", "contrast": ["shap", "none"]},
        bundles.H1 | {"id": "H3", "contrast": ["none", "mismatched"], "confirmatory": False},
    ]
    _, (one, two, three) = answered(build, hypotheses=rows)
    small, large = sorted([one["p"], two["p"]])
    assert min(one["p_holm"], two["p_holm"]) == pytest.approx(min(1, 2 * small))
    assert max(one["p_holm"], two["p_holm"]) == pytest.approx(max(large, min(1, 2 * small)))
    assert three["p_holm"] is None


def test_a_strong_effect_is_found_and_its_odds_are_near_the_truth(build):
    """Logistic noise of scale 1/1.7 about a latent rating: one point is about 1.7 in log odds."""
    _, (row,) = answered(build, people=60, lift={"shap": 1.5, "mismatched": 0.0})
    assert row["p"] < 1e-6
    assert 1.0 < row["estimate"]["value"] < 4.5
    assert row["points"]["value"] == pytest.approx(1.4, abs=0.4)
    assert math.isfinite(row["estimate"]["high"])


def test_a_frame_has_one_row_an_answer(build):
    dataset = load(build(missing=0.2))
    frame = trial_frame(dataset, "trust")
    assert len(frame) == (dataset.responses["item_id"] == "trust").sum()
    assert frame["value"].isna().any()
    assert list(frame["explanation"].cat.categories) == list(bundles.LEVELS)
    assert set(frame["model_correct"].unique()) == {0.0, 1.0}
    assert isinstance(frame["explanation"].dtype, pd.CategoricalDtype)


def test_where_nothing_can_be_fitted_the_reason_is_told(build):
    """Answers that a condition decides have no finite effect, in a model or in means."""
    tables = bundles.tables(bundles.Study(people=8))
    for row in tables["responses"]:
        if row["item_id"] == "trust":
            row["value_number"] = {"none": 1, "shap": 7, "mismatched": 4}[row["factor_explanation"]]
    _, (row,) = answered(build, change={"responses": tables["responses"]}, people=8)
    assert row["p"] is None
    (reason,) = row["reasons"]
    assert reason.startswith("no mixed model could be fitted: perfect separation")
    assert "no spread to judge it against" in row["not_estimable"][0]
