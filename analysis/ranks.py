"""Tests that use only the order of the values; all p values are two-sided.

Means that are equal but for their last digits count as tied.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from analysis.estimate import Estimate, NotEstimableError
from analysis.samples import TIES, differences, groups, matrix, sample


def wilcoxon(a: ArrayLike, b: ArrayLike) -> Estimate:
    """Wilcoxon signed-rank test of a - b; the estimate is the median difference.

    Differences of zero are left out of the ranks. The p value is exact up to 50 people without ties
    or zeros and 13 with, else from the normal distribution.
    """
    x = np.round(differences(a, b), TIES)
    if not x.any():
        raise NotEstimableError("nobody differs between the two conditions")
    test = stats.wilcoxon(x)
    return Estimate(
        name="median difference",
        value=float(np.median(x)),
        test="Wilcoxon signed-rank test",
        statistic=float(test.statistic),
        p=float(test.pvalue),
        n=len(x),
        source="Wilcoxon (1945), Biometrics Bulletin 1(6), 80-83",
    )


def sign_test(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Exact sign test of a - b; the estimate is the share of positive among nonzero differences."""
    x = np.round(differences(a, b), TIES)
    positive, changed = int((x > 0).sum()), int((x != 0).sum())
    if not changed:
        raise NotEstimableError("nobody differs between the two conditions")
    test = stats.binomtest(positive, changed)
    interval = test.proportion_ci(confidence)
    ties = len(x) - changed
    return Estimate(
        name="share of positive differences",
        value=positive / changed,
        low=float(interval.low),
        high=float(interval.high),
        confidence=confidence,
        test="sign test, exact",
        statistic=float(positive),
        p=float(test.pvalue),
        n=len(x),
        source="Dixon & Mood (1946), JASA 41(236), 557-566; interval: Clopper & Pearson (1934), "
        "Biometrika 26(4), 404-413",
        notes=(f"{ties} without a difference left out",) if ties else (),
    )


def mann_whitney(a: ArrayLike, b: ArrayLike) -> Estimate:
    """Mann-Whitney test; the estimate is P(a > b) + P(a = b) / 2."""
    x, y = np.round(sample(a), TIES), np.round(sample(b), TIES)
    if np.unique(np.concatenate([x, y])).size == 1:
        raise NotEstimableError("everyone has the same value")
    test = stats.mannwhitneyu(x, y)
    return Estimate(
        name="probability of superiority",
        value=float(test.statistic) / (len(x) * len(y)),
        test="Mann-Whitney test",
        statistic=float(test.statistic),
        p=float(test.pvalue),
        n=len(x) + len(y),
        source="Mann & Whitney (1947), Annals of Mathematical Statistics 18(1), 50-60",
    )


def friedman(means: ArrayLike) -> Estimate:
    """Friedman's rank test over (n_participants, n_levels); the estimate is Kendall's W."""
    y = np.round(matrix(means), TIES)
    n, k = y.shape
    if k < 3:
        raise NotEstimableError("Friedman's test compares at least three levels; for two use signs")
    if (y == y[:, :1]).all():
        raise NotEstimableError("nobody differs between the conditions")
    test = stats.friedmanchisquare(*y.T)
    return Estimate(
        name="Kendall's W",
        value=float(test.statistic) / (n * (k - 1)),
        test="Friedman test",
        statistic=float(test.statistic),
        df=(float(k - 1),),
        p=float(test.pvalue),
        n=n,
        source="Friedman (1937), JASA 32(200), 675-701",
    )


def kruskal(values: Sequence[ArrayLike]) -> Estimate:
    """Kruskal-Wallis test of different people; the estimate is epsilon squared."""
    samples = [np.round(group, TIES) for group in groups(values)]
    everyone = np.concatenate(samples)
    if np.unique(everyone).size == 1:
        raise NotEstimableError("everyone has the same value")
    test = stats.kruskal(*samples)
    return Estimate(
        name="epsilon squared",
        value=float(test.statistic) / (len(everyone) - 1),
        test="Kruskal-Wallis test",
        statistic=float(test.statistic),
        df=(float(len(samples) - 1),),
        p=float(test.pvalue),
        n=len(everyone),
        source="Kruskal & Wallis (1952), JASA 47(260), 583-621",
    )
