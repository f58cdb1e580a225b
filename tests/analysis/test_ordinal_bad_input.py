"""What an ordinal model cannot be fitted to is refused in words, and what it leaves out is said."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.estimate import NotEstimableError
from analysis.ordinal import clm, clmm, contrasts, marginal_means, nominal_test, predict, term_tests


def data(people: int = 12, stimuli: int = 6) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    p, s = (part.ravel() for part in np.indices((people, stimuli)))
    latent = rng.normal(size=people)[p] + rng.logistic(size=p.size)
    return pd.DataFrame(
        {
            "participant": p,
            "stimulus": s,
            "condition": np.where((p + s) % 2, "heat", "none"),
            "group": np.where(p % 2, "lay", "expert"),
            "x": rng.normal(size=p.size),
            "rating": np.digitize(latent, [-1.0, 0.0, 1.2]) + 1,
        }
    )


DATA = data()
FORMULA = "rating ~ condition"


def test_a_nullable_yes_or_no_is_read_like_a_plain_one() -> None:
    plain = DATA.assign(right=DATA["x"] > 0)
    nullable = plain.assign(right=plain["right"].astype("boolean"))
    fits = [clm(each, "rating ~ condition + right").coefficients for each in (plain, nullable)]
    pd.testing.assert_frame_equal(*fits)


def refused(match: str, frame: pd.DataFrame, formula: str = FORMULA, **options: Any) -> None:
    with pytest.raises(NotEstimableError, match=match):
        clmm(frame, formula, ["participant"], **options)


def test_data_without_a_model_are_refused() -> None:
    refused("no rows", DATA.iloc[:0])
    refused("all 72 answers are 3", DATA.assign(rating=3))
    refused("one participant", DATA.assign(participant="only"))
    refused("as many as the 72 answers", DATA.assign(participant=range(72)))
    refused("x has an infinite value", DATA.assign(x=np.inf), "rating ~ x")
    refused("rating has an infinite value", DATA.assign(rating=np.inf))
    refused("every row has a missing value", DATA.assign(rating=np.nan))
    refused("cumulative model is for ratings", DATA.assign(rating=DATA["x"]))
    mixed = DATA.assign(condition=["heat", 1] * 36)
    refused("condition mixes kinds", mixed)


def test_aliased_and_constant_predictors_are_named() -> None:
    refused("y is constant or determined", DATA.assign(y=2 * DATA["x"] - 1), "rating ~ x + y")
    refused("y is constant or determined", DATA.assign(y=4.0), "rating ~ x + y")
    with pytest.raises(NotEstimableError, match="same throughout every participant"):
        clmm(DATA, "rating ~ group", ["1 + group | participant"])


@pytest.mark.parametrize("fit", [clm, lambda d, f: clmm(d, f, ["participant"])])
def test_perfect_separation_is_detected(fit: Any) -> None:
    """All who saw heat chose the highest category; so did some others."""
    rating = np.where(DATA["condition"] == "heat", 4, DATA["rating"])
    with pytest.raises(NotEstimableError, match=r"perfect separation: condition\[T.none\]"):
        fit(DATA.assign(rating=rating), FORMULA)
    by_x = np.digitize(DATA["x"], [-0.5, 0.5])
    with pytest.raises(NotEstimableError, match="perfect separation: x"):
        fit(DATA.assign(rating=by_x), "rating ~ x")


def test_a_strong_effect_is_not_separation() -> None:
    rating = np.digitize(DATA["x"], [-0.5, 0.5])
    rating[:3] = [2, 0, 1]
    found = clm(DATA.assign(rating=rating), "rating ~ x")
    assert found.coefficients.loc["x", "estimate"] > 3


def test_people_who_never_vary_are_refused() -> None:
    rating = DATA["participant"] % 3
    refused("grows without limit|did not converge", DATA.assign(rating=rating), "rating ~ x")


def test_missing_answers_are_left_out_and_counted() -> None:
    holes = DATA.assign(rating=DATA["rating"].where(DATA.index > 4))
    holes.loc[70, "condition"] = None
    fit = clmm(holes, FORMULA, ["participant"])
    assert fit.n == 66
    assert fit.notes[0] == ("6 of 72 rows left out for a missing value (rating 5, condition 1)")
    again = clmm(DATA.iloc[5:].drop(index=70), FORMULA, ["participant"])
    assert fit.log_likelihood == pytest.approx(again.log_likelihood, abs=1e-7)
    assert again.notes == ()


def test_levels_and_numbers_that_nobody_used_are_noted() -> None:
    levels = pd.Categorical(DATA["condition"], categories=["none", "text", "heat"])
    fit = clm(DATA.assign(condition=levels), FORMULA)
    assert fit.notes == ("condition: nobody has text; left out",)
    skipped = clm(DATA.assign(rating=DATA["rating"].replace(3, 5)), FORMULA)
    assert "nobody answered 3" in skipped.notes[0]
    words = pd.Categorical(["a", "c"] * 36, categories=["a", "b", "c"], ordered=True)
    assert clm(DATA.assign(rating=words), FORMULA).thresholds.index.tolist() == ["a|c"]


def test_a_variance_of_nothing_is_reported_as_singular() -> None:
    rng = np.random.default_rng(2)
    fit = clmm(DATA.assign(rating=rng.permuted(np.arange(72) % 4)), FORMULA, ["stimulus"])
    assert fit.singular
    assert "singular fit: a variance over stimulus" in fit.notes[-1]
    plain = clm(DATA.assign(rating=fit.design.codes), FORMULA)
    assert fit.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-5)
    np.testing.assert_allclose(fit.coefficients["se"], plain.coefficients["se"], rtol=1e-3)


@pytest.mark.parametrize(
    ("formula", "match"),
    [
        ("rating", "expected a formula"),
        ("rating ~ nothing", "no column nothing"),
        ("rating ~ condition + (1 | participant)", "random=\\["),
        ("rating ~ 0 + condition", "thresholds for an intercept"),
        ("rating ~ __import__('os').system('true')", "not allowed in a formula"),
        ("rating ~ I(x.values)", "not allowed in a formula"),
        ("condition ~ x", "no order"),
        ("rating ~ x +* x", "cannot read"),
    ],
)
def test_formulas_that_cannot_be_read_are_refused(formula: str, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        clm(DATA, formula)


@pytest.mark.parametrize(
    ("random", "match"),
    [
        ([], "at least one random term"),
        ("participant", "list of terms"),
        (["1 + x || participant"], "two terms"),
        (["1 | participant/stimulus"], "expected a random term"),
        (["participant", "1 | participant"], "given twice"),
        (["nobody"], "no column nobody"),
        (["0 | participant"], "has no effects"),
    ],
)
def test_random_terms_that_cannot_be_read_are_refused(random: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        clmm(DATA, FORMULA, random)


def test_options_are_checked() -> None:
    with pytest.raises(ValueError, match="no link 'cauchit'"):
        clm(DATA, FORMULA, link="cauchit")
    with pytest.raises(ValueError, match="1 to 50 points"):
        clmm(DATA, FORMULA, ["participant"], quadrature=0)
    with pytest.raises(ValueError, match="single random intercept"):
        clmm(DATA, FORMULA, ["participant", "stimulus"], quadrature=5)


def test_questions_that_a_fit_cannot_answer_are_refused() -> None:
    fit = clm(DATA, "rating ~ condition + x")
    with pytest.raises(ValueError, match="no factor x"):
        marginal_means(fit, "x")
    with pytest.raises(ValueError, match="no scale 'odds'"):
        contrasts(fit, "condition", "odds")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no column x"):
        predict(fit, DATA[["condition"]])
    with pytest.raises(ValueError, match="do not fit the model"):
        predict(fit, pd.DataFrame({"condition": ["unseen"], "x": [0.0]}))
    with pytest.raises(ValueError, match="do not fit the model"):
        predict(fit, pd.DataFrame({"condition": ["heat"], "x": [np.nan]}))
    with pytest.raises(NotEstimableError, match="one threshold"):
        nominal_test(clm(DATA.assign(high=DATA["rating"] > 2), "high ~ x"))


def test_a_term_whose_test_has_no_estimate_says_why() -> None:
    """Nobody who saw none chose the lowest category, so a free threshold has no finite effect."""
    rating = np.where((DATA["condition"] == "none") & (DATA["rating"] == 1), 2, DATA["rating"])
    found = nominal_test(clm(DATA.assign(rating=rating), "rating ~ condition + x"))
    assert np.isnan(found.loc["condition", "p"])
    assert "perfect separation" in found.loc["condition", "note"]
    assert 0 <= found.loc["x", "p"] <= 1
    assert term_tests(clm(DATA, "rating ~ 1")).empty


def test_thresholds_out_of_order_are_not_probabilities() -> None:
    fit = clm(DATA, "rating ~ 1", nominal="x")
    assert predict(fit, DATA).to_numpy().min() > 0
    with pytest.raises(NotEstimableError, match="out of order"):
        predict(fit, pd.DataFrame({"x": [-1000.0, 1000.0]}))
