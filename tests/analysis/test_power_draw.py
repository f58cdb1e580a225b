import numpy as np
import pandas as pd
import pytest
from power_designs import DESIGN, design

from analysis.ordinal import clmm
from analysis.power.draw import draw, shares
from analysis.power.study import study_of
from analysis.power.truth import Spread, Truth, assumed


def drawn(data, people, *, effects=None, spread=None, scale=1.0, seed=1):
    study = study_of(data)
    truth = assumed(study, "trust", effects or {}, spread or Spread())
    generator = np.random.default_rng(seed)
    return draw(study, study.asking("trust"), truth, (people, scale), generator)


def test_everyone_meets_conditions_and_strata_as_the_design_says():
    found = drawn(DESIGN, 40)
    assert len(found) == 40 * 6
    per_person = found.groupby("participant")
    assert (per_person["stimulus"].nunique() == 6).all()
    assert (found[found["model_correct"] == "true"].groupby("participant").size() == 4).all()
    counts = found.groupby(["participant", "explanation", "model_correct"], observed=False).size()
    assert set(counts.xs("true", level="model_correct")) == {2}
    assert set(counts.xs("false", level="model_correct")) == {1}
    met = found.groupby("stimulus").size()
    assert met.max() - met.min() == 0


def test_factors_between_people_and_by_block_are_balanced():
    blocks = DESIGN["blocks"]
    data = design(
        factors={
            "explanation": {"levels": ["none", "shap"], "vary": "within"},
            "warned": {"levels": ["no", "yes"], "vary": "between"},
            "speed": {"levels": ["slow", "fast"], "vary": "block"},
        },
        blocks=[*blocks, blocks[0] | {"block": "second"}],
    )
    found = drawn(data, 8)
    assert (found.groupby("participant")["warned"].nunique() == 1).all()
    assert (found.groupby("participant")["speed"].nunique() == 2).all()
    sizes = found.groupby(["warned", "speed", "explanation"], observed=False).size()
    assert set(sizes) == {8 * 12 // 8}
    assert found.groupby("participant")["stimulus"].nunique().eq(12).all()


def test_the_model_finds_what_the_answers_were_drawn_from():
    """Within four standard errors; the slope's sd is that of two independent deviations."""
    spread = Spread(participant=1.2, stimulus=0.6, slope=0.5)
    found = drawn(DESIGN, 600, effects={("explanation", "shap"): 0.8}, spread=spread, scale=0.5)
    fit = clmm(found, "rating ~ explanation", ["0 + explanation | participant", "1 | stimulus"])
    row = fit.coefficients.loc["explanation[T.shap]"]
    assert abs(row["estimate"] - 0.4) < 4 * row["se"]
    cuts = fit.thresholds
    assert (abs(cuts["estimate"] - [-2, -2 / 3, 2 / 3, 2]) < 4 * cuts["se"]).all()
    sd, correlation = fit.sd["participant"], fit.correlations["correlation"].iloc[0]
    # 600 people: an sd near 1.3 is known to about 0.08 here, the correlation to 0.05.
    assert sd.to_numpy() == pytest.approx([1.3, 1.3], abs=0.3)
    assert correlation == pytest.approx(1.2**2 / 1.3**2, abs=0.2)


def test_without_people_or_stimuli_answers_follow_the_thresholds():
    none = Spread(0, 0, 0)
    found = drawn(DESIGN, 2000, effects={("explanation", "shap"): 1.0}, spread=none)
    cuts = np.linspace(-2, 2, 4)
    for level, shift in (("none", 0.0), ("shap", 1.0)):
        rows = found[found["explanation"] == level]["rating"]
        below = 1 / (1 + np.exp(-(cuts - shift)))
        wanted = np.diff([0, *below, 1])
        shares_found = rows.value_counts(normalize=True).reindex(range(1, 6)).to_numpy()
        assert np.abs(shares_found - wanted).max() < 4 * 0.5 / np.sqrt(len(rows))


def test_the_same_seed_draws_the_same_study_and_answers_move_with_the_effect():
    effect = {("explanation", "shap"): 1.0}
    first, again = drawn(DESIGN, 30, effects=effect), drawn(DESIGN, 30, effects=effect)
    pd.testing.assert_frame_equal(first, again)
    moved = drawn(DESIGN, 30, effects=effect, scale=5.0)
    shap = first["explanation"] == "shap"
    assert (moved.loc[~shap, "rating"] == first.loc[~shap, "rating"]).all()
    assert (moved.loc[shap, "rating"] >= first.loc[shap, "rating"]).all()


def test_shares_are_in_proportion_by_largest_remainders():
    assert shares([8, 4], 6) == [4, 2]
    assert shares([5, 3, 2], 4) == [2, 1, 1]
    assert shares([1, 0], 1) == [1, 0]


def test_a_truth_says_which_cells_it_has():
    truth: Truth = assumed(study_of(DESIGN), "agree", {}, Spread())
    assert truth.thresholds.tolist() == [0.0]
    assert len(truth.cells) == 4
