import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.design import Scale, Score
from analysis.estimate import NotEstimableError
from analysis.scales import alpha_of_covariance, answers, cronbach_alpha, score_scale

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "analysis_alpha.json").read_text())
MEAN = Score("trust", ("q1", "q2", "q3"), frozenset({"q2"}), "mean", 2)
SUM = Score("trust", ("q1", "q2", "q3"), frozenset({"q2"}), "sum", 3)
SCALE = Scale("t", "T", "", ("q1", "q2", "q3"), 1, 5, (MEAN, SUM))
WIDE = pd.DataFrame([[5, 1, 3], [5, np.nan, 3], [np.nan, np.nan, 3]], columns=["q1", "q2", "q3"])


def test_alpha_and_its_interval_agree_with_psych_on_shrout_and_fleiss():
    """REFERENCES: ICC3 average .9093, which is Cronbach's alpha; Feldt's interval is ICC3k's."""
    golden = GOLDEN["shrout_fleiss"]
    estimate = cronbach_alpha(golden["ratings"])
    for name in ("value", "low", "high"):
        assert getattr(estimate, name) == pytest.approx(golden[name], abs=1e-10)
    assert round(estimate.value, 4) == 0.9093


def test_alpha_agrees_with_psych_on_bfi():
    """R: psych::alpha(bfi[16:20]) raw_alpha = 0.813963."""
    golden = GOLDEN["bfi_16_20"]
    alpha = alpha_of_covariance(np.array(golden["covariance"]))
    assert alpha == pytest.approx(golden["value"], abs=1e-12)
    assert round(alpha, 6) == 0.813963


def test_alpha_leaves_out_people_with_gaps_and_says_so():
    ratings = [*GOLDEN["shrout_fleiss"]["ratings"], [1, 2, np.nan, 4]]
    estimate = cronbach_alpha(ratings)
    assert estimate.value == pytest.approx(GOLDEN["shrout_fleiss"]["value"])
    assert estimate.n == 6
    assert estimate.notes == ("1 left out for an unanswered item",)


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([[1], [2], [3]], "at least two items"),
        ([[1, 2], [2, 3]], "at least three people"),
        ([[1, 2], [1, 3], [1, 4]], "everyone gave one item the same answer"),
        ([[1, 5], [5, 1], [3, 3]], "everyone has the same total"),
        (np.empty((0, 8)), "there are 0"),
    ],
)
def test_alpha_is_refused_where_it_means_nothing(items, said):
    with pytest.raises(NotEstimableError, match=said):
        cronbach_alpha(items)


def test_scores_turn_reversed_items_and_keep_the_rule_for_gaps():
    # q2 = 1 of 1 to 5 counts as 5; the second has the mean of two; the third too few answers.
    assert score_scale(WIDE, SCALE, MEAN).tolist()[:2] == [13 / 3, 4]
    assert np.isnan(score_scale(WIDE, SCALE, MEAN).iloc[2])
    assert score_scale(WIDE, SCALE, SUM).iloc[0] == 13
    assert score_scale(WIDE, SCALE, SUM).iloc[1:].isna().all()


def test_answers_are_one_row_for_each_time_the_scale_was_met():
    rows = pd.DataFrame(
        [("P1", 5, 1, "t", "q1", 4.0), ("P1", 9, 1, "t", "q1", 2.0), ("P1", 5, 1, "u", "x", 1.0)],
        columns=["participant_id", "step_position", "attempt", "scale_id", "item_id",
                 "value_number"],
    )  # fmt: skip
    wide = answers(rows, SCALE)
    assert wide["q1"].tolist() == [4, 2]
    assert list(wide.columns) == ["q1", "q2", "q3"]
