"""Answers drawn from a fitted model, and tests against them."""

import numpy as np
import pandas as pd
import pytest

from analysis.estimate import NotEstimableError
from analysis.ordinal import bootstrap_test, clm, clmm, compare, nominal_test, predict, simulate


def answers(people: int, effect: float, seed: int = 5, spread: float = 1.0) -> pd.DataFrame:
    """Everyone rates eight stimuli from 1 to 3, half of them under heat."""
    rng = np.random.default_rng(seed)
    p, s = (part.ravel() for part in np.indices((people, 8)))
    heat = (p + s) % 2
    latent = spread * rng.normal(size=people)[p] + effect * heat + rng.logistic(size=p.size)
    return pd.DataFrame(
        {
            "participant": p,
            "condition": np.where(heat, "heat", "none"),
            "x": rng.normal(size=p.size),
            "rating": np.digitize(latent, [-0.7, 0.8]) + 1,
        }
    )


def test_simulated_answers_have_the_predicted_distribution() -> None:
    data = answers(500, 1.0)
    fit = clm(data, "rating ~ condition")
    codes = simulate(fit, np.random.default_rng(1))
    for condition in ("heat", "none"):
        own = codes[(data["condition"] == condition).to_numpy()]
        expected = predict(fit, pd.DataFrame({"condition": [condition]})).iloc[0].to_numpy()
        shares = np.bincount(own, minlength=3) / len(own)
        assert np.abs(shares - expected).max() < 4 * 0.5 / np.sqrt(len(own))


def test_simulated_people_differ_as_the_model_says() -> None:
    """A model fitted to answers simulated from a fit finds that fit's spread again."""
    fit = clmm(answers(400, 1.0), "rating ~ condition", ["1 + condition | participant"])
    codes = simulate(fit, np.random.default_rng(2))
    data = fit.design.data.assign(rating=codes)
    again = clmm(data, "rating ~ condition", ["1 + condition | participant"])
    sd, found = fit.sd["participant", "Intercept"], again.sd["participant", "Intercept"]
    # Four standard errors: over twelve seeds the found sd scattered by 0.056 around 0.81.
    assert found == pytest.approx(sd, abs=0.22)
    gap = again.coefficients["estimate"] - fit.coefficients["estimate"]
    assert (np.abs(gap) < 4 * fit.coefficients["se"]).all()


def test_the_bootstrap_agrees_with_chi_square_where_that_holds() -> None:
    """A plain model of 320 answers: the two p values within four Monte Carlo errors."""
    data = answers(40, 0.3)
    smaller, larger = clm(data, "rating ~ 1"), clm(data, "rating ~ condition")
    found = bootstrap_test(smaller, larger, replicates=400, seed=1)
    p = compare(smaller, larger).p
    assert p is not None
    assert found.p == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / 400) + 1 / 401)
    assert found == bootstrap_test(larger, smaller, replicates=400, seed=1)
    assert found.value == compare(smaller, larger).value
    assert "400 simulated studies, seed 1" in found.notes


def test_the_bootstrap_allows_for_the_edge_of_a_variance() -> None:
    """One variance more: half of chi-square's p of 0.16, within two Monte Carlo errors."""
    data = answers(12, 0.5, seed=2, spread=0.4)
    smaller = clm(data, "rating ~ condition")
    larger = clmm(data, "rating ~ condition", ["participant"])
    halved = (compare(smaller, larger).p or 0) / 2
    found = bootstrap_test(smaller, larger, replicates=200, seed=3)
    assert 0.05 < halved < 0.1
    assert found.p == pytest.approx(halved, abs=2 * np.sqrt(halved * (1 - halved) / 200))
    assert not any("edge" in note for note in found.notes)


def test_a_bootstrap_that_loses_its_studies_is_refused() -> None:
    """One answer in the lowest category: a third of simulated studies have none."""
    data = answers(12, 0.0)
    data = data.assign(rating=data["rating"].clip(lower=2))
    data.loc[0, "rating"] = 1
    with pytest.raises(NotEstimableError, match="simulated studies have no estimate"):
        bootstrap_test(clm(data, "rating ~ 1"), clm(data, "rating ~ x"), replicates=40, seed=1)


def test_proportional_odds_is_checked_in_a_mixed_model() -> None:
    """The same as fitting the freer model by its own formula."""
    fit = clmm(answers(30, 0.6), "rating ~ condition + x", ["participant"])
    free = clmm(answers(30, 0.6), "rating ~ x", ["participant"], nominal="condition")
    found = nominal_test(fit)
    expected = compare(fit, free)
    assert found.loc["condition", "statistic"] == pytest.approx(expected.value, abs=1e-6)
    assert found.loc["condition", "df"] == 1
    assert expected.test.endswith("(1 | participant); free at each threshold: condition")
