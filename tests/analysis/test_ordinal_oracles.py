"""Cumulative models against R's ordinal, lme4 and emmeans; the R code is in the golden file."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.ordinal import (
    Fit,
    clm,
    clmm,
    compare,
    contrasts,
    marginal_means,
    nominal_test,
    predict,
    term_tests,
)

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "golden" / "ordinal_oracles.json").read_text(encoding="utf-8")
)
R: dict[str, Any] = GOLDEN["results"]
WINE = pd.DataFrame(GOLDEN["wine"])
STUDY = pd.DataFrame(GOLDEN["study"])
CROSSED = ["participant", "stimulus"]
SLOPE = ["1 + right | participant", "1 | stimulus"]
MAIN = "rating ~ condition + right"

FITS: dict[str, Any] = {
    "wine_clm": lambda: clm(WINE, "rating ~ temp + contact"),
    "wine_laplace": lambda: clmm(WINE, "rating ~ temp + contact", ["judge"]),
    "wine_quadrature": lambda: clmm(WINE, "rating ~ temp + contact", ["judge"], quadrature=10),
    "wine_nominal": lambda: clm(WINE, "rating ~ temp", nominal="contact"),
    "clm_logit": lambda: clm(STUDY, "rating ~ condition * right + age"),
    "clm_probit": lambda: clm(STUDY, MAIN, link="probit"),
    "clm_cloglog": lambda: clm(STUDY, MAIN, link="cloglog"),
    "clm_nominal": lambda: clm(STUDY, "rating ~ right", nominal="~ condition"),
    "crossed": lambda: clmm(STUDY, MAIN, CROSSED),
    "crossed_null": lambda: clmm(STUDY, "rating ~ right", CROSSED),
    "slope": lambda: clmm(STUDY, MAIN, SLOPE),
    "probit": lambda: clmm(STUDY, MAIN, CROSSED, link="probit"),
    "cloglog": lambda: clmm(STUDY, MAIN, CROSSED, link="cloglog"),
    "quadrature_probit": lambda: clmm(STUDY, MAIN, ["participant"], link="probit", quadrature=9),
    "glmer_crossed": lambda: clmm(STUDY, "agree ~ condition + right", CROSSED),
    "glmer_slope": lambda: clmm(STUDY, "agree ~ condition + right", SLOPE),
    "glmer_quadrature": lambda: clmm(
        STUDY, "agree ~ condition + right", ["participant"], quadrature=9
    ),
}


def r_name(name: str) -> str:
    """Our name of a parameter as R writes it."""
    return name.replace("[T.", "").replace("]", "")


@pytest.mark.parametrize("name", FITS)
def test_fits_agree_with_r(name: str) -> None:
    """Estimates to 1e-3 of a standard error, standard errors to 1e-4 of themselves."""
    fit, r = FITS[name](), R[name]
    # The criterion R maximises for the wine data is only found to 4e-6.
    assert fit.log_likelihood == pytest.approx(r["log_likelihood"], abs=1e-5)
    table = pd.concat([fit.thresholds, fit.coefficients]).rename(index=r_name)
    if name.startswith("glmer"):
        # glmer has an intercept, which is minus the only threshold.
        table = table.rename(index={"0|1": "(Intercept)"})
        table.loc["(Intercept)", "estimate"] *= -1
    if "nominal" in name:
        table = table.rename(index=lambda n: n + ".(Intercept)" if n[-2] == "|" else n)
    table = table.loc[r["names"]]
    distance = np.abs(table["estimate"] - r["estimate"]) / r["se"]
    assert distance.max() < 1e-3
    np.testing.assert_allclose(table["se"], r["se"], rtol=1e-4)
    for term, matrix in zip(fit.design.random, fit.spread, strict=True):
        np.testing.assert_allclose(matrix, r["covariance"][term.grouping], atol=2e-4)


def test_wine_agrees_with_the_printed_values() -> None:
    """Christensen's vignette: clm, then with judges by Laplace."""
    fit = clm(WINE, "rating ~ temp + contact")
    assert fit.coefficients["estimate"].round(4).tolist() == [2.5031, 1.5278]
    assert fit.coefficients.loc["temp[T.warm]", "se"] == pytest.approx(0.5287, abs=5e-5)
    mixed = clmm(WINE, "rating ~ temp + contact", ["judge"])
    assert mixed.coefficients.loc["temp[T.warm]", "estimate"] == pytest.approx(3.0629, abs=2e-4)
    assert mixed.sd["judge", "Intercept"] ** 2 == pytest.approx(1.2793, abs=3e-4)
    assert mixed.aic == pytest.approx(2 * 7 + 2 * 81.5654, abs=2e-4)


def test_a_singular_fit_says_so() -> None:
    """glmer, too, finds no variance between stimuli in these yes/no answers."""
    fit = FITS["glmer_crossed"]()
    assert fit.singular
    assert any("stimulus" in note and "zero" in note for note in fit.notes)
    assert fit.sd["stimulus", "Intercept"] == pytest.approx(0, abs=1e-3)


def test_correlations_are_those_of_the_covariance() -> None:
    fit = FITS["slope"]()
    matrix = np.array(R["slope"]["covariance"]["participant"])
    expected = matrix[0, 1] / np.sqrt(matrix[0, 0] * matrix[1, 1])
    row = fit.correlations.iloc[0]
    assert row[["grouping", "effect", "other"]].tolist() == ["participant", "right", "Intercept"]
    assert row["correlation"] == pytest.approx(expected, abs=1e-3)
    # Two variances and a covariance of participants, one variance of stimuli.
    assert fit.df == len(R["slope"]["names"]) + 4


def test_comparison_agrees_with_anova() -> None:
    test = compare(FITS["crossed"](), FITS["crossed_null"]())
    assert test.value == pytest.approx(R["anova"]["statistic"], abs=1e-4)
    assert test.df == (R["anova"]["df"],)
    assert test.p == pytest.approx(R["anova"]["p"], abs=1e-5)


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("nominal_test", lambda: nominal_test(clm(STUDY, MAIN))),
        ("drop1", lambda: term_tests(FITS["clm_logit"]())),
    ],
)
def test_term_by_term_tests_agree_with_r(name: str, table: Any) -> None:
    found, r = table(), R[name]
    assert set(found.index) == set(r["terms"][1:])
    for term, df, statistic, p in zip(
        r["terms"][1:], r["df"][1:], r["statistic"][1:], r["p"][1:], strict=True
    ):
        assert found.loc[term, "df"] == df
        assert found.loc[term, "statistic"] == pytest.approx(statistic, abs=1e-5)
        assert found.loc[term, "p"] == pytest.approx(p, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "fit", "scale"),
    [
        ("latent_clm", "clm_logit", "latent"),
        ("mean_class_clm", "clm_logit", "mean"),
        ("mean_class_nominal", "clm_nominal", "mean"),
        ("latent_crossed", "crossed", "latent"),
        ("mean_class_crossed", "crossed", "mean"),
    ],
)
def test_marginal_means_agree_with_emmeans(name: str, fit: str, scale: Any) -> None:
    fitted: Fit = FITS[fit]()
    means, pairs = R[name]["means"], R[name]["pairs"]
    ours = marginal_means(fitted, "condition", scale)
    assert ours["condition"].tolist() == means["condition"]
    np.testing.assert_allclose(
        ours["estimate"], means.get("emmean", means.get("mean.class")), atol=2e-5
    )
    np.testing.assert_allclose(ours["se"], means["SE"], rtol=1e-4)
    np.testing.assert_allclose(ours["low"], means["asymp.LCL"], atol=1e-4)
    differences = contrasts(fitted, "condition", scale)
    assert differences.index.tolist() == pairs["contrast"]
    np.testing.assert_allclose(differences["estimate"], pairs["estimate"], atol=2e-5)
    np.testing.assert_allclose(differences["se"], pairs["SE"], rtol=1e-4)
    np.testing.assert_allclose(differences["p_holm"], pairs["p.value"], atol=1e-4)


def test_predicted_distributions_agree_with_r() -> None:
    found = predict(FITS["clm_logit"](), pd.DataFrame(R["predict"]["new"]))
    assert found.columns.tolist() == ["1", "2", "3", "4", "5"]
    np.testing.assert_allclose(found, R["predict"]["probabilities"], atol=1e-7)
