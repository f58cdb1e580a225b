"""Linear mixed models against R's lme4, lmerTest and emmeans (tests/golden/mixed_oracles.json)."""

import numpy as np
import pandas as pd
import pytest
from oracles import oracle

from analysis.linear import contrasts, lmm, marginal_means, omnibus

GOLDEN = oracle("mixed_oracles")
STUDY = {
    "intercepts": ("score ~ condition * right", ["participant", "stimulus"]),
    "slopes": ("score ~ condition + right", ["1 + condition | participant", "1 | stimulus"]),
    "singular": ("flat ~ condition", ["participant", "stimulus"]),
}


@pytest.fixture(scope="module")
def sleep():
    data = pd.DataFrame(GOLDEN["sleepstudy"]["data"])
    return lmm(data, "Reaction ~ Days", ["1 + Days | Subject"])


@pytest.fixture(scope="module")
def fits():
    study = GOLDEN["study"]
    data = pd.DataFrame(study["data"]).assign(flat=study["flat"])
    return {name: lmm(data, formula, random) for name, (formula, random) in STUDY.items()}


def test_sleepstudy_as_printed(sleep):
    """Bates et al. (2015), J. Statistical Software 67(1), sec. 5.1."""
    assert sleep.criterion == pytest.approx(1743.6, abs=0.05)
    table = sleep.coefficients
    assert table["estimate"].to_numpy() == pytest.approx([251.405, 10.467], abs=5e-4)
    assert table["se"].to_numpy() == pytest.approx([6.825, 1.546], abs=5e-4)
    assert sleep.sd.to_numpy() == pytest.approx([24.741, 5.922], abs=1.1e-3)
    correlation = sleep.spread[0][0, 1] / np.prod(sleep.sd.to_numpy())
    assert correlation == pytest.approx(0.07, abs=5e-3)
    assert sleep.sigma == pytest.approx(25.592, abs=5e-4)


def check(fit, wanted):
    """Estimates to 1e-5 of a standard error, df to a thousandth."""
    table = wanted["coefficients"]
    se = np.array(table["Std. Error"])
    found = fit.coefficients
    assert np.abs((found["estimate"] - table["Estimate"]) / se).max() < 1e-5
    assert found["se"].to_numpy() == pytest.approx(se, rel=1e-4)
    assert found["df"].to_numpy() == pytest.approx(table["df"], rel=2e-3)
    assert found["t"].to_numpy() == pytest.approx(table["t value"], rel=1e-4, abs=1e-5)
    assert found["p"].to_numpy() == pytest.approx(table["Pr(>|t|)"], rel=2e-3)
    assert fit.criterion == pytest.approx(wanted["criterion"], abs=1e-5)
    assert fit.sigma == pytest.approx(wanted["sigma"], rel=1e-4)
    assert fit.singular == wanted["singular"]


def test_sleepstudy_with_its_degrees_of_freedom(sleep):
    check(sleep, GOLDEN["sleepstudy"]["found"])


@pytest.mark.parametrize("name", STUDY)
def test_crossed_models(fits, name):
    check(fits[name], GOLDEN["study"]["found"][name])


def variances(wanted, grouping):
    """R's covariance of one grouping's effects, in the order in which it names them."""
    rows = list(zip(*wanted["variances"].values(), strict=True))
    own = [(a, b, value) for group, a, b, value in rows if group == grouping]
    names = [a for a, b, _ in own if b is None]
    matrix = np.zeros((len(names), len(names)))
    for a, b, value in own:
        i, j = names.index(a), names.index(b if b is not None else a)
        matrix[i, j] = matrix[j, i] = value
    return matrix


@pytest.mark.parametrize("name", STUDY)
@pytest.mark.parametrize("grouping", ["participant", "stimulus"])
def test_spread_of_people_and_stimuli(fits, name, grouping):
    wanted = variances(GOLDEN["study"]["found"][name], grouping)
    term = [each.grouping for each in fits[name].random].index(grouping)
    found = fits[name].spread[term]
    # The flattest numbers of the model: to a thousandth of the residual variance.
    assert found == pytest.approx(wanted, abs=1e-3 * fits[name].sigma ** 2)


@pytest.mark.parametrize("name", STUDY)
def test_contrasts_means_and_f_tests(fits, name):
    wanted, fit = GOLDEN["study"]["found"][name], fits[name]
    pairs, rows = contrasts(fit, "condition"), wanted["contrasts"]
    assert list(pairs.index) == rows["contrast"]
    se = np.array(rows["SE"])
    assert np.abs((pairs["estimate"] - rows["estimate"]) / se).max() < 1e-5
    assert pairs["df"].to_numpy() == pytest.approx(rows["df"], rel=2e-3)
    assert pairs["p"].to_numpy() == pytest.approx(rows["p.value"], rel=2e-3)
    means, rows = marginal_means(fit, "condition"), wanted["means"]
    for ours, theirs in (("estimate", "emmean"), ("low", "lower.CL"), ("high", "upper.CL")):
        assert means[ours].to_numpy() == pytest.approx(rows[theirs], abs=2e-3)
    if name == "intercepts":
        # With an interaction R's table tests other averages than marginal means.
        return
    test, row = omnibus(fit, "condition"), wanted["anova"]
    assert test.value == pytest.approx(row["F value"][0], rel=1e-4)
    assert test.df == pytest.approx((row["NumDF"][0], row["DenDF"][0]), rel=2e-3)
    assert test.p == pytest.approx(row["Pr(>F)"][0], rel=2e-3)


def test_a_model_of_one_mean_per_person_is_the_paired_t_test():
    """Two answers a person: t and df of the paired test, where people vary."""
    rng = np.random.default_rng(5)
    first = rng.normal(0, 2, 15)
    second = first + 0.8 + rng.normal(0, 1, 15)
    data = pd.DataFrame(
        {
            "person": [*range(15)] * 2,
            "condition": ["a"] * 15 + ["b"] * 15,
            "score": [*first, *second],
        }
    )
    row = lmm(data, "score ~ condition", ["person"]).coefficients.iloc[1]
    difference = second - first
    t = difference.mean() / (difference.std(ddof=1) / np.sqrt(15))
    assert row["t"] == pytest.approx(t, rel=1e-6)
    assert row["df"] == pytest.approx(14, rel=1e-4)


def test_shifts_and_scales_of_answers_pass_through(fits):
    study = GOLDEN["study"]
    data = pd.DataFrame(study["data"])
    moved = lmm(data.assign(score=1000 + 0.01 * data["score"]), *STUDY["intercepts"])
    one, two = fits["intercepts"].coefficients, moved.coefficients
    assert two["estimate"].iloc[1:].to_numpy() == pytest.approx(
        0.01 * one["estimate"].iloc[1:].to_numpy(), rel=1e-5, abs=1e-9
    )
    assert two["df"].to_numpy() == pytest.approx(one["df"].to_numpy(), rel=1e-3)
    assert two["t"].iloc[1:].to_numpy() == pytest.approx(one["t"].iloc[1:].to_numpy(), rel=1e-5)
