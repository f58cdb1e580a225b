from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from analysis.estimate import NotEstimableError
from analysis.permutation import unpaired_permutation
from analysis.seed import reproduce
from analysis.seed_data import DATA, ITEMS, TRUST, YES_NO, good, read
from analysis.seed_exact import rank_correlation
from analysis.seed_people import difference_power, shifted, smallest, wilcoxon_p


@pytest.fixture(scope="module")
def figures():
    return reproduce()


@pytest.fixture(scope="module")
def survey():
    return read(DATA)[0]


def test_an_exact_rank_test_counts_all_720_arrangements():
    x, y = [1, 2, 2, 3, 4, 6], [3, 3, 4, 5, 4, 5]
    found = rank_correlation(x, y)
    rho = [stats.spearmanr(x, arranged).statistic for arranged in permutations(y)]
    assert found.value == pytest.approx(stats.spearmanr(x, y).statistic)
    assert found.p == pytest.approx(np.mean(np.abs(rho) >= abs(found.value) - 1e-9))
    assert found.notes == ("all 90 arrangements",)


def test_with_yes_and_no_it_is_the_exact_rank_sum_test(survey):
    known = good(survey)[["Robustness 2", TRUST]]
    ranks = stats.rankdata(known[TRUST])
    groups = [ranks[known["Robustness 2"] == side] for side in (1, 0)]
    found = rank_correlation(known["Robustness 2"], known[TRUST])
    assert found.p == pytest.approx(unpaired_permutation(*groups).p)


def test_too_many_arrangements_are_drawn_and_a_constant_is_refused():
    rng = np.random.default_rng(0)
    x = rng.normal(size=30)
    y = 0.4 * x + rng.normal(size=30)
    found = rank_correlation(x, y)
    assert found.notes == ("9999 arrangements, seed 0",)
    # Four Monte Carlo errors, and as much again for the t distribution being an approximation.
    p = stats.spearmanr(x, y).pvalue
    assert found.p == pytest.approx(p, abs=8 * np.sqrt(p * (1 - p) / 9999))
    with pytest.raises(NotEstimableError, match="same answer"):
        rank_correlation([1, 1, 1], [1, 2, 3])


def test_items_that_ask_for_the_bad_thing_are_turned(figures, survey):
    turned = good(survey)
    for item in ITEMS:
        known = survey[[item, TRUST]].dropna()
        rho = stats.spearmanr(known[item], known[TRUST]).statistic
        sign = -1 if item in YES_NO else 1
        assert figures["supported"]["with_trust"][item]["value"] == pytest.approx(sign * rho)
    assert (turned["Fairness 1"] + survey["Fairness 1"] == 1).all()


def test_the_missing_answer_bounds_their_figures(figures, survey):
    bounds = figures["bounds"]
    assert bounds["missing"] == [{"person": 7, "item": "Safety 2"}]
    both = [survey.fillna(answer) for answer in (0, 1)]
    for name in ("F", "p"):
        ends = sorted(
            getattr(stats.f_oneway(whole["Safety 1"], whole["Safety 2"]), field)
            for whole in both
            for field in [{"F": "statistic", "p": "pvalue"}[name]]
        )
        assert bounds["figures"][f"ANOVA Safety {name}"] == pytest.approx(ends)
        low, high = bounds["figures"][f"OLS {name}"]
        assert low < figures["ols"][name] < high
    assert bounds["figures"]["Safety 2 yes"] == [1, 2]


def test_alpha_follows_the_coding_of_yes_and_no(figures, survey):
    """By the formula, with no coded 5 and yes 1."""
    pair = good(survey)[["Robustness 1", "Robustness 2"]]
    covariance = np.cov(pair["Robustness 1"], 1 + 4 * pair["Robustness 2"])
    wanted = 2 * (1 - np.trace(covariance) / covariance.sum())
    found = figures["supported"]["alpha"]["Robustness"]
    assert found["no_is_5"]["value"] == pytest.approx(wanted)
    assert found["no_is_1"]["value"] - found["no_is_5"]["value"] > 0.1
    assert not figures["supported"]["alpha"]["Interpretability"]["mixed"]


def test_positions_given_away_are_left_out(figures):
    published, found = figures["removal"], figures["supported"]["removal"]
    assert found["m1"]["prefix"] is None
    for name, n in (("m2", 1000), ("m3", 1333)):
        part = found[name]["prefix"]
        assert part["n"] == n
        assert part["share"] == pytest.approx(published["prefix_not_given"][name])
        assert part["block_interval"][0] < part["share"] < part["block_interval"][1]
    assert found["m3"]["all"]["right"] == 96
    # Clopper and Pearson's ends are quantiles of beta distributions.
    low, high = found["m3"]["after"]["interval"]
    assert low == pytest.approx(stats.beta.ppf(0.025, 10, 1991))
    assert high == pytest.approx(stats.beta.ppf(0.975, 11, 1990))


def test_people_needed_agree_with_whiteheads_formula(figures):
    """Whitehead (1993), Statistics in Medicine 12, 2257-2271, eq. 7: two equal groups.

    The formula is for large samples and small effects, without continuity correction.
    """
    people = figures["supported"]["people"]
    shares = np.array(people["shares"])
    for row in people["difference"][:2]:
        log_odds = np.log(row["odds_ratio"])
        mean = (shares + shifted(shares, row["odds_ratio"])) / 2
        z = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
        wanted = 12 * z**2 / (log_odds**2 * (1 - (mean**3).sum()))
        assert row["people"] == pytest.approx(wanted, rel=0.06)


def test_moved_shares_have_the_odds_ratio_at_every_cut():
    shares = np.array([0.2, 0.5, 0.3])
    moved = shifted(shares, 3.0)
    assert moved.sum() == pytest.approx(1)
    for cut in (1, 2):
        before, after = shares[cut:].sum(), moved[cut:].sum()
        assert after / (1 - after) == pytest.approx(3 * before / (1 - before))


def test_the_rank_sum_test_from_counts_agrees_with_scipy():
    rng = np.random.default_rng(2)
    one, two = rng.multinomial(14, [0.3, 0.5, 0.2], 5), rng.multinomial(11, [0.2, 0.3, 0.5], 5)
    for a, b, p in zip(one, two, wilcoxon_p(one, two), strict=True):
        values = (np.repeat(np.arange(3), counts) for counts in (a, b))
        wanted = stats.mannwhitneyu(*values, method="asymptotic").pvalue
        assert p == pytest.approx(wanted, rel=1e-9)


def test_nothing_is_found_too_often_where_nothing_is():
    rate = difference_power(np.array([0.3, 0.45, 0.25]), 1.0, 100)
    assert rate == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 4000))
    assert smallest(lambda n: n / 100, 0.8) == 80
