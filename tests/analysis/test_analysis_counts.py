import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import agree, oracle
from statsmodels.stats.multitest import multipletests

from analysis.counts import chi_square, cochran_q, mcnemar, odds_ratio
from analysis.estimate import NotEstimableError
from analysis.multiplicity import benjamini_hochberg, bonferroni, holm

R = oracle("stats_tests")
few = settings(max_examples=40, deadline=None)
tables = st.lists(st.integers(1, 30), min_size=4, max_size=4)


def without(wanted, *names):
    return {name: value for name, value in wanted.items() if name not in names}


def test_chi_square_and_odds_ratio_agree_with_r():
    estimate = chi_square(R["chi_square"]["table"])
    agree(estimate, without(R["chi_square"], "table"))
    assert estimate.notes == ()
    assert chi_square([[1, 2], [3, 1]]).notes == ("4 of 4 expected counts under 5",)
    agree(odds_ratio(R["odds_ratio"]["table"]), without(R["odds_ratio"], "table"))


def test_an_empty_cell_gives_a_finite_odds_ratio_and_says_how():
    estimate = odds_ratio([[8, 0], [3, 5]])
    assert estimate.value == pytest.approx(8.5 * 5.5 / (0.5 * 3.5))
    assert "0.5 added" in estimate.notes[0]


def test_mcnemar_agrees_with_r():
    wanted = R["mcnemar"]
    a = [1] * 11 + [0] * 3 + [1] * 5 + [0] * 6
    b = [0] * 11 + [1] * 3 + [1] * 5 + [0] * 6
    agree(mcnemar(a, b), without(wanted, "only_a", "only_b", "both", "neither"))
    assert mcnemar(b, a).value == pytest.approx(1 - wanted["value"])


def test_cochran_q_agrees_with_r_and_of_two_is_mcnemars_chi_square():
    answers = np.array(R["cochran"]["answers"])
    agree(cochran_q(answers), without(R["cochran"], "answers"))
    a, b = answers[:, 0], answers[:, 3]
    only_a, only_b = ((a > b).sum(), (a < b).sum())
    wanted = (only_a - only_b) ** 2 / (only_a + only_b)
    assert cochran_q(np.column_stack([a, b])).statistic == pytest.approx(wanted)


@few
@given(tables)
def test_turning_a_table_leaves_v_and_turns_the_odds(cells):
    table = np.array(cells).reshape(2, 2)
    assert chi_square(table.T).value == pytest.approx(chi_square(table).value)
    assert chi_square(3 * table).value == pytest.approx(chi_square(table).value)
    one, other = odds_ratio(table), odds_ratio(table[::-1])
    assert one.value * other.value == pytest.approx(1)
    assert one.low * other.high == pytest.approx(1)


def test_p_values_are_adjusted_as_r_does():
    wanted = R["p_adjust"]
    for adjust in (holm, bonferroni, benjamini_hochberg):
        assert adjust(wanted["p"]) == pytest.approx(wanted[adjust.__name__])
        assert adjust([]) == []
    assert holm([0.01, 0.04, 0.03, 0.2]) == pytest.approx(oracle("analysis_compare")["holm"])


@pytest.mark.parametrize(
    ("adjust", "method"),
    [(holm, "holm"), (bonferroni, "bonferroni"), (benjamini_hochberg, "fdr_bh")],
)
def test_p_values_are_adjusted_as_statsmodels_does(adjust, method):
    draw = np.random.default_rng(3)
    for size in range(1, 12):
        p_values = draw.uniform(size=size).round(2).tolist()
        assert adjust(p_values) == pytest.approx(list(multipletests(p_values, method=method)[1]))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: chi_square([[1, 2], [0, 0]]), "row or a column of the table is empty"),
        (lambda: chi_square([[1, 2], [3, -1]]), "whole numbers"),
        (lambda: chi_square([[1.5, 2], [3, 1]]), "whole numbers"),
        (lambda: chi_square([[1, np.nan], [3, 1]]), "missing or not finite"),
        (lambda: mcnemar([1, 0], [1, 0]), "nobody answered the two differently"),
        (lambda: mcnemar([1, 0], [1, 0, 1]), "vectors of one length"),
        (lambda: mcnemar([1, 2], [1, 0]), "only 0 and 1"),
        (lambda: mcnemar([1], [0]), "there are 1"),
        (lambda: cochran_q([[1, 1], [0, 0]]), "nobody differs"),
        (lambda: holm([0.2, np.nan]), "nan is not a p value"),
        (lambda: bonferroni([0.2, 1.2]), "1.2 is not a p value"),
        (lambda: benjamini_hochberg([-0.1]), "-0.1 is not a p value"),
    ],
)
def test_counts_that_carry_no_statistic_are_refused_in_words(call, said):
    with pytest.raises(NotEstimableError, match=said):
        call()


def test_tables_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="at least 2 x 2"):
        chi_square([1, 2, 3])
    with pytest.raises(ValueError, match="2 x 2 table"):
        odds_ratio([[1, 2, 3], [3, 4, 5]])
