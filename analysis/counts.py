"""Tests of counted answers: yes or no, or one of a few categories."""

from math import exp, log

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from analysis.estimate import Estimate, NotEstimableError
from analysis.samples import binary, matrix, numbers

PEARSON = "Pearson (1900), Philosophical Magazine 50(302), 157-175"
CLOPPER = "interval: Clopper & Pearson (1934), Biometrika 26(4), 404-413"


def chi_square(table: ArrayLike) -> Estimate:
    """Whether rows and columns of counts go together; the estimate is Cramer's V.

    table: (rows, columns), people, each counted in one cell. No continuity correction. The note
    says where an expected count is under 5, for there the p value is rough.
    """
    counts = _counts(table)
    test = stats.chi2_contingency(counts, correction=False)
    expected = test.expected_freq
    n = int(counts.sum())
    small = int((expected < 5).sum())
    return Estimate(
        name="Cramer's V",
        value=float(np.sqrt(test.statistic / (n * (min(counts.shape) - 1)))),
        test="chi-square test",
        statistic=float(test.statistic),
        df=(float(test.dof),),
        p=float(test.pvalue),
        n=n,
        source=f"{PEARSON}; Cramer (1946), Mathematical Methods of Statistics, p. 282",
        notes=(f"{small} of {counts.size} expected counts under 5",) if small else (),
    )


def odds_ratio(table: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Odds of the first column in the first row over those in the second, with Woolf's interval.

    table: (2, 2), people, each counted in one cell. With an empty cell, 0.5 is added to every cell
    and the note says so. The p value is Fisher's exact one.
    """
    counts = _counts(table)
    if counts.shape != (2, 2):
        raise ValueError(f"an odds ratio needs a 2 x 2 table, got {counts.shape}")
    empty = bool((counts == 0).any())
    cells = counts + 0.5 if empty else counts
    log_odds = log(cells[0, 0] * cells[1, 1] / (cells[0, 1] * cells[1, 0]))
    reach = float(stats.norm.ppf((1 + confidence) / 2) * np.sqrt((1 / cells).sum()))
    return Estimate(
        name="odds ratio",
        value=exp(log_odds),
        low=exp(log_odds - reach),
        high=exp(log_odds + reach),
        confidence=confidence,
        test="Fisher's exact test",
        p=float(stats.fisher_exact(counts.astype(int)).pvalue),
        n=int(counts.sum()),
        source="Woolf (1955), Annals of Human Genetics 19(4), 251-253; p: Fisher (1934), "
        "Statistical Methods for Research Workers, section 21.02",
        notes=("0.5 added to each cell, for one is empty (Haldane 1956)",) if empty else (),
    )


def mcnemar(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Exact McNemar test of two yes/no answers of the same people.

    a, b: (n_participants,), 1 yes and 0 no. The estimate is, among those who answered differently,
    the share with yes in a: .5 without a difference.
    """
    pairs = _pairs(a, b)
    only_a = int((pairs[:, 0] > pairs[:, 1]).sum())
    only_b = int((pairs[:, 0] < pairs[:, 1]).sum())
    if not only_a + only_b:
        raise NotEstimableError("nobody answered the two differently")
    test = stats.binomtest(only_a, only_a + only_b)
    interval = test.proportion_ci(confidence)
    return Estimate(
        name="share of yes in the first among those who differ",
        value=only_a / (only_a + only_b),
        low=float(interval.low),
        high=float(interval.high),
        confidence=confidence,
        test="McNemar test, exact",
        statistic=float(only_a),
        p=float(test.pvalue),
        n=len(pairs),
        source=f"McNemar (1947), Psychometrika 12(2), 153-157; {CLOPPER}",
        notes=(f"{only_a} yes in the first alone, {only_b} in the second alone",),
    )


def cochran_q(answers: ArrayLike) -> Estimate:
    """Cochran's Q test of yes/no answers of the same people in several conditions.

    answers: (n_participants, n_levels), 1 yes and 0 no. The estimate is eta squared: Q over the
    largest it can be.
    """
    y = binary(matrix(answers))
    n, k = y.shape
    people, levels = y.sum(axis=1), y.sum(axis=0)
    spread = float((people * (k - people)).sum())
    if spread == 0:
        raise NotEstimableError("nobody differs between the conditions")
    q = float((k - 1) * k * ((levels - levels.mean()) ** 2).sum() / spread)
    return Estimate(
        name="eta squared of Q",
        value=q / (n * (k - 1)),
        test="Cochran's Q test",
        statistic=q,
        df=(float(k - 1),),
        p=float(stats.chi2.sf(q, k - 1)),
        n=n,
        source="Cochran (1950), Biometrika 37(3-4), 256-266; Serlin, Carr & Marascuilo (1982), "
        "Psychological Bulletin 92(3), 786-790",
    )


def _pairs(a: ArrayLike, b: ArrayLike) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    first, second = binary(a), binary(b)
    if first.shape != second.shape or first.ndim != 1:
        raise NotEstimableError(
            f"a has shape {first.shape} and b {second.shape}; they must be vectors of one length"
        )
    return matrix(np.column_stack([first, second]))


def _counts(table: ArrayLike) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    counts = numbers(table)
    if counts.ndim != 2 or min(counts.shape) < 2:
        raise ValueError(f"expected a table of at least 2 x 2 counts, got shape {counts.shape}")
    if (counts < 0).any() or (counts != np.round(counts)).any():
        raise NotEstimableError("a table of counts holds whole numbers, none below 0")
    if (counts.sum(axis=0) == 0).any() or (counts.sum(axis=1) == 0).any():
        raise NotEstimableError("a row or a column of the table is empty")
    return counts
