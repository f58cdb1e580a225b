import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import agree, oracle
from statsmodels.stats.inter_rater import cohens_kappa

from analysis.estimate import NotEstimableError
from analysis.reliability.alpha import alpha_of_covariance, cronbach_alpha, standardised_alpha
from analysis.reliability.factors import minres, oblimin
from analysis.reliability.icc import icc
from analysis.reliability.items import item_statistics
from analysis.reliability.kappa import kappa
from analysis.reliability.krippendorff import krippendorff_alpha
from analysis.reliability.omega import omega, omega_total
from analysis.reliability.split_half import split_half

GOLDEN, R = oracle("analysis_alpha"), oracle("stats_reliability")
ITEMS = np.array(R["items"])  # 60 people, 9 items from 1 to 7
few = settings(max_examples=15, deadline=None)
gap = np.nan

# Krippendorff (2011), Computing Krippendorff's alpha-reliability, example C: 4 judges, 12 units.
JUDGES = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, gap, gap, gap],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, gap, 3],
        [gap, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, gap],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, gap],
    ]
)


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


def test_standardised_alpha_agrees_with_psych():
    """REFERENCES: bfi items 16-20, standardised .814675, mean r .467854."""
    covariance = np.array(GOLDEN["bfi_16_20"]["covariance"])
    sd = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(sd, sd)
    assert round(alpha_of_covariance(correlation), 6) == 0.814675
    assert standardised_alpha(ITEMS).value == pytest.approx(R["alpha"]["standardised"])
    assert cronbach_alpha(ITEMS).value == pytest.approx(R["alpha"]["raw"])


def test_items_agree_with_psych():
    table = item_statistics(ITEMS)
    for column, name in (
        ("r_total", "r_total"),
        ("r_rest", "r_rest"),
        ("alpha_without", "dropped"),
    ):
        np.testing.assert_allclose(table[column], R["alpha"][name], rtol=1e-10)
    assert ((table["low"] < table["r_rest"]) & (table["r_rest"] < table["high"])).all()
    assert item_statistics(ITEMS[:, :2])["alpha_without"].isna().all()


def test_factors_agree_with_psych():
    """psych::fa stops its search earlier, at about four digits with three factors."""
    correlation = np.corrcoef(ITEMS, rowvar=False)
    one = 1 - (minres(correlation, 1) ** 2).sum(axis=1)
    np.testing.assert_allclose(one, R["fa"]["one"], atol=1e-6)
    loadings = minres(correlation, 3)
    np.testing.assert_allclose(1 - (loadings**2).sum(axis=1), R["fa"]["three"], atol=2e-4)
    pattern, between = oblimin(loadings)
    # A rotation moves no variance: the same correlations are reproduced.
    np.testing.assert_allclose(pattern @ between @ pattern.T, loadings @ loadings.T, atol=1e-10)


def test_omega_agrees_with_psych():
    wanted = R["omega"]
    found = omega(ITEMS, resamples=40)
    assert found.total.value == pytest.approx(wanted["total"], abs=1e-5)
    assert found.hierarchical.value == pytest.approx(wanted["hierarchical"], abs=5e-5)
    np.testing.assert_allclose(found.general, wanted["general"], atol=1e-4)
    one = omega_total(ITEMS, resamples=40)
    assert one.value == pytest.approx(wanted["one_total"], abs=1e-6)
    for estimate in (found.total, found.hierarchical, one):
        assert estimate.low < estimate.value < estimate.high
    assert one == omega_total(ITEMS, resamples=40)


def test_six_forms_of_icc_agree_with_psych():
    """REFERENCES: Shrout & Fleiss .1657, .2898, .7148; averages .4428, .6201, .9093."""
    wanted = R["icc"]
    found = icc(wanted["ratings"])
    assert [round(found[form].value, 4) for form in ("ICC1", "ICC2", "ICC3")] == [
        0.1657, 0.2898, 0.7148,
    ]  # fmt: skip
    for place, form in enumerate(wanted["type"]):
        agree(
            found[form],
            {name: wanted[name][place] for name in ("value", "statistic", "p", "low", "high")},
        )
        assert found[form].df == (wanted["df1"][place], wanted["df2"][place])


def test_limits_that_leave_the_estimate_out_are_withheld():
    judges = np.column_stack([np.arange(8), -np.arange(8), np.arange(8) % 3])
    found = icc(judges)["ICC2"]
    assert found.low is None
    assert found.confidence is None
    assert "leave the estimate out" in found.notes[1]


def test_kappa_agrees_with_psych():
    wanted = R["kappa"]
    a, b = wanted["a"], wanted["b"]
    none, quadratic = kappa(a, b, "none"), kappa(a, b)
    assert none.value == pytest.approx(wanted["none"])
    assert (none.low, none.high) == pytest.approx(wanted["interval"][0][::2])
    assert quadratic.value == pytest.approx(wanted["quadratic"])
    assert kappa(a, b, "linear").value == pytest.approx(wanted["linear"])


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
def test_the_interval_of_kappa_agrees_with_statsmodels(weights):
    """Fleiss, Cohen & Everitt's variance; psych's is a third larger where weighted."""
    a, b = np.array(R["kappa"]["a"]), np.array(R["kappa"]["b"])
    table = np.zeros((4, 4))
    np.add.at(table, (a - 1, b - 1), 1)
    wanted = cohens_kappa(table, wt=None if weights == "none" else weights)
    found = kappa(a, b, weights)
    assert (found.value, found.low, found.high) == pytest.approx(
        (wanted.kappa, wanted.kappa_low, wanted.kappa_upp)
    )


def test_unused_categories_widen_the_weights():
    a, b = [1, 2, 1, 2, 2], [1, 2, 2, 2, 1]
    assert kappa(a, b, "linear").value == kappa(a, b, "none").value
    assert kappa(a, b, "none", [1, 2, 3]).value == pytest.approx(kappa(a, b, "none").value)
    four = kappa([1, 4, 1, 2], [1, 2, 4, 2], categories=[1, 2, 3, 4])
    assert four.value != kappa([1, 4, 1, 2], [1, 2, 4, 2]).value


@pytest.mark.parametrize(
    ("level", "printed"),
    [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)],
)
def test_krippendorffs_alpha_is_as_he_printed_it(level, printed):
    found = krippendorff_alpha(JUDGES, level)
    assert round(found.value, 3) == printed
    assert found.n == 11
    assert "11 units with two or more answers, 1 left out" in found.notes
    assert found.low < found.value < found.high


def test_split_halves_agree_with_r():
    found = split_half(ITEMS)
    assert found.spearman_brown.value == pytest.approx(R["odd_even"]["spearman_brown"])
    assert found.guttman.value == pytest.approx(R["odd_even"]["guttman"])
    assert (found.lowest, found.mean, found.highest) == pytest.approx(
        (R["split"]["min"], R["split"]["mean"], R["split"]["max"])
    )
    assert found.guttman.low < found.guttman.value < found.guttman.high
    other = split_half(ITEMS, first=[1, 3, 5, 7])
    assert other.guttman.value == pytest.approx(found.guttman.value)


def test_the_mean_of_all_halves_of_an_even_scale_is_alpha():
    """Cronbach (1951): alpha is the mean of Guttman's value over every split."""
    for k in (2, 4, 8):
        items = ITEMS[:, :k]
        assert split_half(items).mean == pytest.approx(cronbach_alpha(items).value)


@few
@given(st.integers(0, 10**6), st.integers(-3, 3), st.sampled_from([0.5, 2]))
def test_shift_scale_and_order_leave_reliability(seed, shift, scale):
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(20, 1)) + draw.normal(size=(20, 4))
    moved = scale * (x[draw.permutation(20)][:, draw.permutation(4)] + shift)
    assert cronbach_alpha(moved).value == pytest.approx(cronbach_alpha(x).value)
    assert standardised_alpha(moved).value == pytest.approx(standardised_alpha(x).value)
    one, other = icc(x), icc(moved)
    assert all(one[form].value == pytest.approx(other[form].value) for form in one)
    assert one["ICC3k"].value == pytest.approx(cronbach_alpha(x).value)
    total = omega_total(x, resamples=1).value
    assert omega_total(moved, resamples=1).value == pytest.approx(total, abs=1e-6)


def test_krippendorffs_alpha_knows_no_order_of_judges_and_units_and_moves_as_its_level_says():
    draw = np.random.default_rng(2)
    order = JUDGES[draw.permutation(4)][:, draw.permutation(12)]
    for level, moved in (
        ("nominal", -(order**3)),
        ("ordinal", order**3),
        ("interval", 2 * order - 9),
        ("ratio", 3 * order),
    ):
        wanted = krippendorff_alpha(JUDGES, level).value
        assert krippendorff_alpha(moved, level).value == pytest.approx(wanted)


@few
@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=4, max_size=20))
def test_judges_may_change_places_and_answers_may_be_said_twice(pairs):
    a, b = np.array(pairs).T
    try:
        once = kappa(a, b)
    except NotEstimableError:
        return
    assert kappa(b, a).value == pytest.approx(once.value)
    assert kappa(np.tile(a, 2), np.tile(b, 2)).value == pytest.approx(once.value)
    assert kappa(3 * a + 1, 3 * b + 1).value == pytest.approx(once.value)


ONE = np.ones((5, 3))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: cronbach_alpha([[1, np.inf], [2, 1], [3, 2]]), "missing or not finite"),
        (lambda: standardised_alpha(ONE), "everyone gave one item the same answer"),
        (lambda: item_statistics(ONE), "everyone gave one item the same answer"),
        (lambda: omega_total(ONE), "everyone gave one item the same answer"),
        (lambda: omega_total(ITEMS[:, :2]), "at least three items"),
        (lambda: omega_total(ITEMS[:5, :6]), "more people than items"),
        (lambda: omega_total(ITEMS[:, [0, 0, 1]]), "follows from the others"),
        (lambda: omega(ITEMS[:, :5]), "5 items are too few to tell 3 factors apart"),
        (lambda: icc([[1, 2, 3]]), "there are 1"),
        (lambda: icc([[1, 2], [2, 3]]), "agree but for a shift"),
        (lambda: icc(ONE), "agree but for a shift"),
        (lambda: icc([[1, np.nan], [2, 3]]), "missing or not finite"),
        (lambda: kappa([1, 1], [1, 1]), "the same answer"),
        (lambda: kappa([1, 3], [1, 1], categories=[1, 2]), "none of the categories"),
        (lambda: kappa([1], [1]), "there are 1"),
        (lambda: krippendorff_alpha([[1, gap], [gap, 2]], "nominal"), "there are 0"),
        (lambda: krippendorff_alpha([[1, 1], [1, 1]], "nominal"), "all answers are the same"),
        (lambda: krippendorff_alpha([[1, np.inf], [1, 1]], "interval"), "not finite"),
        (lambda: krippendorff_alpha([[-1, 1], [1, 1]], "ratio"), "below 0"),
        (lambda: split_half(ONE), "everyone gave one item the same answer"),
        (lambda: split_half([[1, 2], [2, 1], [3, 0]]), "same total"),
        (lambda: split_half(np.empty((0, 4))), "there are 0"),
    ],
)
def test_numbers_that_carry_no_reliability_are_refused_in_words(call, said):
    with pytest.raises(NotEstimableError, match=said):
        call()


def test_what_was_asked_wrongly_is_refused():
    with pytest.raises(ValueError, match="one length"):
        kappa([1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match="judges x units"):
        krippendorff_alpha([1, 2, 3], "nominal")
    with pytest.raises(ValueError, match="some, not all"):
        split_half(ITEMS, first=range(9))
    with pytest.raises(ValueError, match="three or more group factors"):
        omega(ITEMS, factors=2)
