from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from analysis.power.curve import Point, point, reached
from analysis.power.run import Job, Outcome


def outcomes(*values, people=40):
    return [Outcome(Job(people, 1.0, i), p, 0.5) for i, p in enumerate(values)]


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"), [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)]
)
def test_intervals_agree_with_newcombe(hits, n, low, high):
    """Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3."""
    found = point(40, outcomes(*[(0.01,)] * hits, *[(0.2,)] * (n - hits)), [0.05], [1.0])
    assert (found.significant, found.replicates) == (hits, n)
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_a_replicate_without_an_estimate_counts_as_not_significant():
    found = point(40, outcomes((0.01,), (None,), (0.2,), (0.04,)), [0.05], [1.0])
    assert (found.power, found.without) == (0.5, 1)


def test_a_study_stops_at_its_first_significant_look():
    rows = outcomes((0.001, 0.5, 0.5), (0.02, 0.005, 0.5), (None, 0.9, 0.03), (0.9, 0.9, 0.9))
    found = point(40, rows, [0.002, 0.01, 0.045], [1 / 3, 2 / 3, 1.0])
    assert found.power == 0.75
    assert found.stops == (0.25, 0.25, 0.25)
    assert found.expected == (13 + 27 + 40 + 40) / 4


def line(sizes, a, b, replicates=1_000_000):
    """Points whose power follows a probit line in the root of the size."""
    powers = stats.norm.cdf(a + b * np.sqrt(sizes))
    hits = np.round(powers * replicates).astype(int)
    return [
        Point(n, replicates, int(k), 0, 1, 0, (), n, 0) for n, k in zip(sizes, hits, strict=True)
    ]


def test_the_size_on_a_known_line_is_found():
    points = line([20, 40, 60, 80], -1.96, 0.4)
    found = reached(points, 0.8, root=True)
    wanted = ((stats.norm.ppf(0.8) + 1.96) / 0.4) ** 2
    assert found.value == pytest.approx(wanted, rel=1e-3)
    assert found.low < wanted < found.high


def test_the_line_and_its_interval_agree_with_a_probit_regression():
    """statsmodels' binomial GLM with probit link; Fieller's interval holds the sizes not refused.

    A size is inside where a Wald test of the line's height there does not refuse the target.
    """
    points = line([20, 30, 45, 70], -1.5, 0.33, replicates=300)
    found = reached(points, 0.8, root=True)
    x = sm.add_constant(np.sqrt([p.x for p in points]))
    y = np.array([(p.significant, p.replicates - p.significant) for p in points])
    fit = sm.GLM(y, x, sm.families.Binomial(sm.families.links.Probit())).fit(tol=1e-12)
    a, b = fit.params
    assert found.value == pytest.approx(((stats.norm.ppf(0.8) - a) / b) ** 2, rel=1e-6)
    for end in (found.low, found.high):
        row = np.array([1.0, np.sqrt(end)])
        z = (row @ fit.params - stats.norm.ppf(0.8)) / np.sqrt(row @ fit.cov_params() @ row)
        assert abs(z) == pytest.approx(1.959964, rel=1e-4)


def test_no_size_is_given_beyond_those_simulated():
    points = line([20, 40], -1.96, 0.2)
    assert reached(points, 0.8, root=True).note == "power stays below 80% up to 40"
    assert reached(points, 0.01, root=True).note == "power is above 1% from 20 on"
    falling = [replace(p, x=-p.x + 60) for p in points]
    assert "does not rise" in reached(falling, 0.2, root=True).note
