"""What cumulative models must not depend on, and what they recover from simulated studies."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.ordinal import Fit, clm, clmm, compare, contrasts, marginal_means, predict

CROSSED = ["participant", "stimulus"]


def simulated(people: int = 30, stimuli: int = 12, effect: float = 0.8, seed: int = 1) -> Any:
    """Everyone rates every stimulus from 1 to 5 under one of three conditions."""
    rng = np.random.default_rng(seed)
    p, s = (part.ravel() for part in np.indices((people, stimuli)))
    condition = (p + s) % 3
    latent = 1.1 * rng.normal(size=people)[p] + 0.6 * rng.normal(size=stimuli)[s]
    latent = latent + effect * (condition == 1) + rng.logistic(size=p.size)
    return pd.DataFrame(
        {
            "participant": [f"p{i}" for i in p],
            "stimulus": [f"s{i}" for i in s],
            "condition": np.array(["bars", "heat", "none"])[condition],
            "age": 20.0 + p,
            "rating": np.digitize(latent, [-1.5, -0.3, 0.9, 2.2]) + 1,
        }
    )


DATA = simulated()


@pytest.fixture(scope="module")
def fit() -> Fit:
    return clmm(DATA, "rating ~ condition", CROSSED)


def same(one: Fit, two: Fit, tolerance: float = 2e-5) -> None:
    assert one.log_likelihood == pytest.approx(two.log_likelihood, abs=1e-6)
    for table in ("coefficients", "thresholds"):
        a, b = getattr(one, table), getattr(two, table)
        np.testing.assert_allclose(a[["estimate", "se"]], b[["estimate", "se"]], atol=tolerance)
    np.testing.assert_allclose(one.sd, two.sd, atol=tolerance)


def test_the_order_of_rows_is_nothing(fit: Fit) -> None:
    shuffled = DATA.sample(frac=1, random_state=4)
    same(fit, clmm(shuffled, "rating ~ condition", CROSSED))


def test_the_names_of_people_and_of_the_terms_order_are_nothing(fit: Fit) -> None:
    renamed = DATA.assign(participant=DATA["participant"].str[::-1] + "x")
    found = clmm(renamed, "rating ~ condition", ["1 | stimulus", "(1 | participant)"])
    assert found.sd["stimulus", "Intercept"] == pytest.approx(
        fit.sd["stimulus", "Intercept"], abs=1e-5
    )
    assert found.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-6)


@pytest.mark.parametrize("change", [lambda r: r + 10, lambda r: r * 2, lambda r: r**2.0])
def test_only_the_order_of_ratings_counts(fit: Fit, change: Any) -> None:
    same(fit, clmm(DATA.assign(rating=change(DATA["rating"])), "rating ~ condition", CROSSED))


def test_ordered_categories_are_their_ranks(fit: Fit) -> None:
    words = pd.Categorical.from_codes(DATA["rating"] - 1, list("zyxwv"), ordered=True)
    found = clmm(DATA.assign(rating=words), "rating ~ condition", CROSSED)
    same(fit, found)
    assert found.thresholds.index.tolist() == ["z|y", "y|x", "x|w", "w|v"]


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_reversing_the_scale_flips_every_sign(link: str) -> None:
    one = clmm(DATA, "rating ~ condition + age", CROSSED, link=link)
    back = clmm(
        DATA.assign(rating=6 - DATA["rating"]), "rating ~ condition + age", CROSSED, link=link
    )
    np.testing.assert_allclose(
        back.coefficients["estimate"], -one.coefficients["estimate"], atol=2e-5
    )
    np.testing.assert_allclose(
        back.thresholds["estimate"], -one.thresholds["estimate"][::-1], atol=2e-4
    )
    np.testing.assert_allclose(back.sd, one.sd, atol=2e-5)


def test_shift_and_scale_of_a_predictor_move_its_effect_alone() -> None:
    one = clmm(DATA, "rating ~ condition + age", CROSSED)
    two = clmm(DATA.assign(age=DATA["age"] * 100 - 7), "rating ~ condition + age", CROSSED)
    assert two.log_likelihood == pytest.approx(one.log_likelihood, abs=1e-6)
    a, b = one.coefficients, two.coefficients
    assert b.loc["age", "estimate"] * 100 == pytest.approx(a.loc["age", "estimate"], abs=1e-5)
    assert b.loc["age", "z"] == pytest.approx(a.loc["age", "z"], abs=1e-3)
    np.testing.assert_allclose(b["estimate"].iloc[:2], a["estimate"].iloc[:2], atol=2e-5)


def test_twice_the_answers_shrink_standard_errors_by_the_root_of_two() -> None:
    one = clm(DATA, "rating ~ condition")
    two = clm(pd.concat([DATA, DATA]), "rating ~ condition")
    assert two.log_likelihood == pytest.approx(2 * one.log_likelihood, rel=1e-9)
    np.testing.assert_allclose(two.fixed, one.fixed, atol=1e-6)
    ratio = one.coefficients["se"] / two.coefficients["se"]
    np.testing.assert_allclose(ratio, np.sqrt(2), rtol=1e-6)


def test_another_reference_level_is_the_same_model(fit: Fit) -> None:
    given = pd.Categorical(DATA["condition"], categories=["none", "heat", "bars"])
    other = clmm(DATA.assign(condition=given), "rating ~ condition", CROSSED)
    assert other.coefficients.index.tolist() == ["condition[T.heat]", "condition[T.bars]"]
    assert other.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-6)
    ours = contrasts(fit, "condition").loc["bars - none"]
    assert ours["estimate"] == pytest.approx(
        other.coefficients.loc["condition[T.bars]", "estimate"], abs=2e-5
    )
    assert ours["se"] == pytest.approx(other.coefficients.loc["condition[T.bars]", "se"], abs=2e-5)
    means = marginal_means(fit, "condition", "mean").set_index("condition")
    again = marginal_means(other, "condition", "mean").set_index("condition").loc[means.index]
    np.testing.assert_allclose(again, means, atol=5e-5)


def test_without_predictors_a_model_predicts_the_shares() -> None:
    fit = clm(DATA, "rating ~ 1")
    shares = DATA["rating"].value_counts(normalize=True).sort_index()
    np.testing.assert_allclose(predict(fit, DATA.head(2)).iloc[1], shares, atol=1e-9)
    assert fit.coefficients.empty


def test_nominal_effects_of_everything_fit_each_condition_by_itself() -> None:
    """Partial proportional odds with one factor free at every threshold is saturated."""
    fit = clm(DATA, "rating ~ 1", nominal="condition")
    for condition, own in DATA.groupby("condition"):
        shares = own["rating"].value_counts(normalize=True).sort_index()
        new = pd.DataFrame({"condition": [condition]})
        np.testing.assert_allclose(predict(fit, new).iloc[0], shares, atol=1e-8)


def test_two_categories_are_logistic_regression() -> None:
    """statsmodels' Logit on the same columns."""
    import statsmodels.api as sm

    data = DATA.assign(high=DATA["rating"] > 3)
    fit = clm(data, "high ~ condition + age")
    columns = np.column_stack([np.ones(len(data)), fit.design.matrix])
    logit = sm.Logit(data["high"].astype(float).to_numpy(), columns).fit(disp=0)
    np.testing.assert_allclose(np.append(-fit.fixed[0], fit.fixed[1:]), logit.params, atol=1e-6)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance)), logit.bse, rtol=1e-6)


def test_an_estimate_says_how_it_was_got(fit: Fit) -> None:
    found = fit.estimate("condition[T.heat]")
    assert found.n == 360
    assert found.low is not None
    assert found.low < found.value < (found.high or 0)
    assert "Laplace" in found.test
    with pytest.raises(ValueError, match=r"condition\[T.none\]"):
        fit.estimate("condition[T.bars]")


def test_a_variance_at_its_edge_is_noted(fit: Fit) -> None:
    smaller = clmm(DATA, "rating ~ condition", ["participant"])
    test = compare(fit, smaller)
    assert test.df == (1.0,)
    assert test.p is not None
    assert test.p == pytest.approx(stats.chi2.sf(test.value, 1))
    assert any("edge" in note and note.endswith(f"p is {test.p / 2:.4g}") for note in test.notes)
    assert not any("edge" in n for n in compare(fit, clmm(DATA, "rating ~ 1", CROSSED)).notes)


def test_models_of_different_answers_are_not_compared(fit: Fit) -> None:
    fewer = clmm(DATA.iloc[5:], "rating ~ 1", CROSSED)
    with pytest.raises(ValueError, match="different answers"):
        compare(fit, fewer)
    with pytest.raises(ValueError, match="links"):
        compare(fit, clmm(DATA, "rating ~ 1", CROSSED, link="probit"))
    with pytest.raises(ValueError, match="neither"):
        compare(fit, fit)


def test_a_known_effect_is_found_and_intervals_cover_it() -> None:
    """30 studies: the mean estimate within four of its errors, at least 24 of 30 intervals cover.

    With 95 % coverage fewer would happen once in 1,500 runs; the seeds are fixed.
    """
    estimates, covered = [], 0
    for seed in range(30):
        fit = clmm(simulated(20, 9, seed=100 + seed), "rating ~ condition", CROSSED)
        row = fit.coefficients.loc["condition[T.heat]"]
        estimates.append(row["estimate"])
        covered += int(row["low"] <= 0.8 <= row["high"])
    error = np.std(estimates, ddof=1) / np.sqrt(len(estimates))
    assert abs(np.mean(estimates) - 0.8) < 4 * error
    assert covered >= 24
