import numpy as np
import pandas as pd
import pytest

from analysis.estimate import NotEstimableError
from analysis.ordinal import clm, clmm, compare, contrast_test, contrasts


def answers(levels=("a", "b", "c"), people=25, seed=3):
    rng = np.random.default_rng(seed)
    p, s = (part.ravel() for part in np.indices((people, 6)))
    condition = np.array(levels)[(p + s) % len(levels)]
    latent = (
        rng.normal(size=people)[p] + 0.8 * (condition == levels[-1]) + rng.logistic(size=p.size)
    )
    return pd.DataFrame(
        {
            "participant": p,
            "condition": condition,
            "right": np.where(s % 2, "yes", "no"),
            "rating": np.digitize(latent, [-0.7, 0.8]) + 1,
        }
    )


def test_one_coefficient_is_tested_as_by_two_models():
    data = answers(("a", "b"))
    full = clmm(data, "rating ~ condition", ["participant"])
    found = contrast_test(full, "condition", "b", "a")
    wanted = compare(clmm(data, "rating ~ 1", ["participant"]), full)
    assert found.statistic == pytest.approx(wanted.statistic, abs=1e-6)
    assert found.p == pytest.approx(wanted.p, abs=1e-6)
    assert found.value == pytest.approx(full.coefficients["estimate"].iloc[0])


def test_a_contrast_with_interactions_is_that_of_marginal_means():
    fit = clm(answers(), "rating ~ condition * right")
    table = contrasts(fit, "condition")
    found = contrast_test(fit, "condition", "b", "c")
    for name, column in (("value", "estimate"), ("low", "low"), ("high", "high")):
        assert getattr(found, name) == pytest.approx(table.loc["b - c", column])
    turned = contrast_test(fit, "condition", "c", "b")
    assert turned.value == pytest.approx(-found.value)
    assert turned.p == pytest.approx(found.p)


def test_the_reference_level_does_not_matter():
    data = answers()
    swapped = data.assign(condition=pd.Categorical(data["condition"], categories=list("cab")))
    one, two = (clm(d, "rating ~ condition * right") for d in (data, swapped))
    first, second = (contrast_test(fit, "condition", "b", "c") for fit in (one, two))
    assert first.statistic == pytest.approx(second.statistic, abs=1e-6)


def test_merging_two_levels_is_the_smaller_model_without_interactions():
    data = answers()
    fit = clm(data, "rating ~ condition + right")
    merged = data.assign(condition=data["condition"].replace({"c": "b"}))
    wanted = compare(clm(merged, "rating ~ condition + right"), fit)
    found = contrast_test(fit, "condition", "b", "c")
    assert found.statistic == pytest.approx(wanted.statistic, abs=1e-6)


def test_what_cannot_be_tested_is_said():
    data = answers()
    with pytest.raises(NotEstimableError, match="nobody answered in the condition d"):
        contrast_test(clm(data, "rating ~ condition"), "condition", "b", "d")
    with pytest.raises(ValueError, match="thresholds' own effects"):
        contrast_test(clm(data, "rating ~ right", nominal="condition"), "condition", "b", "c")
