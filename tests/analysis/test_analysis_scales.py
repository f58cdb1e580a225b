import numpy as np
import pandas as pd

from analysis.design import Scale, Score
from analysis.scales import answers, score_scale

MEAN = Score("trust", ("q1", "q2", "q3"), frozenset({"q2"}), "mean", 2)
SUM = Score("trust", ("q1", "q2", "q3"), frozenset({"q2"}), "sum", 3)
ENDS = dict.fromkeys(("q1", "q2", "q3"), (1.0, 5.0))
SCALE = Scale("t", "T", "", ("q1", "q2", "q3"), ENDS, (MEAN, SUM))
WIDE = pd.DataFrame([[5, 1, 3], [5, np.nan, 3], [np.nan, np.nan, 3]], columns=["q1", "q2", "q3"])


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
