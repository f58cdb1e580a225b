"""Compare conditions on one number per participant and condition.

Every function takes arrays of finite rating points and gives an Estimate. NotEstimableError says in
a reader's words why the numbers do not carry a statistic. All p values are two-sided.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

from analysis.estimate import Estimate, NotEstimableError

Floats = NDArray[np.float64]

# Decimals at which two means count as tied: 4 1/3 - 4 and 3 1/3 - 3 differ in the sixteenth.
_TIES = 10

STUDENT = "Student (1908), Biometrika 6(1), 1-25"
WELCH = "Welch (1947), Biometrika 34(1-2), 28-35"
NONCENTRAL = "interval: Steiger & Fouladi (1997), from the noncentral t distribution"


def mean_interval(values: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Mean over participants with a t interval. values: (n,), in the unit of the values."""
    estimate = _t_estimate("mean", _sample(values), confidence, "t interval")
    return replace(estimate, statistic=None, p=None)


def paired_difference(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Mean of a - b over participants, with a t interval.

    a, b: shape (n_participants,), rating points, the same person at the same index.
    Raises ValueError on unequal lengths, fewer than two people, or a missing value.
    Source: Student (1908), Biometrika 6(1), 1-25.
    """
    return _t_estimate("mean difference", _differences(a, b), confidence, "paired t test")


def d_z(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Mean of a - b in standard deviations of that difference, interval from noncentral t."""
    t = paired_difference(a, b, confidence)
    root = float(np.sqrt(t.n))
    low, high = _noncentrality(_known(t.statistic), t.df[0], confidence)
    return Estimate(
        name="d_z",
        value=_known(t.statistic) / root,
        low=low / root,
        high=high / root,
        confidence=confidence,
        test="standardised paired difference",
        n=t.n,
        source=f"Cohen (1988), Statistical Power Analysis, p. 48; {NONCENTRAL}",
    )


def wilcoxon(a: ArrayLike, b: ArrayLike) -> Estimate:
    """Wilcoxon signed-rank test of a - b; the estimate is the median difference.

    Differences of zero are left out of the ranks. The p value is exact up to 50 people without ties
    or zeros and 13 with, else from the normal distribution.
    """
    x = np.round(_differences(a, b), _TIES)
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


def welch_difference(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Mean of a minus mean of b, different people, with Welch's t interval."""
    x, y = _sample(a), _sample(b)
    if _constant(x) and _constant(y):
        raise NotEstimableError("nobody differs from anyone in their own condition")
    parts = np.array([x.var(ddof=1) / len(x), y.var(ddof=1) / len(y)])
    error = float(np.sqrt(parts.sum()))
    df = float(parts.sum() ** 2 / (parts**2 / (len(x) - 1, len(y) - 1)).sum())
    value = float(x.mean() - y.mean())
    reach = float(stats.t.ppf((1 + confidence) / 2, df)) * error
    return Estimate(
        name="difference of means",
        value=value,
        low=value - reach,
        high=value + reach,
        confidence=confidence,
        test="Welch's t test",
        statistic=value / error,
        df=(df,),
        p=float(2 * stats.t.sf(abs(value / error), df)),
        n=len(x) + len(y),
        source=WELCH,
    )


def hedges_g(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Difference of means in pooled standard deviations, corrected for small samples."""
    x, y = _sample(a), _sample(b)
    df = len(x) + len(y) - 2
    pooled = np.sqrt(((len(x) - 1) * x.var(ddof=1) + (len(y) - 1) * y.var(ddof=1)) / df)
    if _constant(x) and _constant(y):
        raise NotEstimableError("nobody differs from anyone in their own condition")
    root = float(np.sqrt(1 / len(x) + 1 / len(y)))
    d = float((x.mean() - y.mean()) / pooled)
    low, high = _noncentrality(d / root, df, confidence)
    # Hedges' approximate correction; exact to 0.001 from 10 degrees of freedom.
    correction = 1 - 3 / (4 * df - 1)
    return Estimate(
        name="Hedges' g",
        value=d * correction,
        low=low * root * correction,
        high=high * root * correction,
        confidence=confidence,
        test="standardised difference of means",
        n=len(x) + len(y),
        source=f"Hedges (1981), Journal of Educational Statistics 6(2), 107-128; {NONCENTRAL}",
    )


def mann_whitney(a: ArrayLike, b: ArrayLike) -> Estimate:
    """Mann-Whitney test; the estimate is P(a > b) + P(a = b) / 2."""
    x, y = np.round(_sample(a), _TIES), np.round(_sample(b), _TIES)
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


def repeated_measures_anova(means: ArrayLike) -> Estimate:
    """One-way repeated-measures ANOVA with Greenhouse and Geisser's correction.

    means: (n_participants, n_levels). The estimate is partial eta squared.
    """
    y = _matrix(means)
    n, k = y.shape
    effect = n * float(((y.mean(axis=0) - y.mean()) ** 2).sum())
    residual = y - y.mean(axis=0) - y.mean(axis=1, keepdims=True) + y.mean()
    error = float((residual**2).sum())
    if error <= 1e-12 * max(float(((y - y.mean()) ** 2).sum()), 1e-300):
        raise NotEstimableError("the conditions differ by the same amount for everyone")
    f = effect / (k - 1) * ((n - 1) * (k - 1)) / error
    scatter = residual.T @ residual
    epsilon = float(np.trace(scatter) ** 2 / ((k - 1) * (scatter**2).sum()))
    df = (epsilon * (k - 1), epsilon * (k - 1) * (n - 1))
    return Estimate(
        name="partial eta squared",
        value=effect / (effect + error),
        test="repeated-measures ANOVA, Greenhouse-Geisser",
        statistic=f,
        df=df,
        p=float(stats.f.sf(f, *df)),
        n=n,
        source="Greenhouse & Geisser (1959), Psychometrika 24(2), 95-112",
        notes=(f"epsilon {epsilon:.3f}",),
    )


def friedman(means: ArrayLike) -> Estimate:
    """Friedman's rank test over (n_participants, n_levels); the estimate is Kendall's W."""
    y = np.round(_matrix(means), _TIES)
    n, k = y.shape
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


def welch_anova(groups: Sequence[ArrayLike]) -> Estimate:
    """Welch's one-way ANOVA of different people; the estimate is eta squared."""
    samples = [_sample(group) for group in groups]
    if any(_constant(sample) for sample in samples):
        raise NotEstimableError("nobody differs from anyone within one of the conditions")
    test = stats.f_oneway(*samples, equal_var=False)
    sizes = np.array([len(sample) for sample in samples])
    means = np.array([sample.mean() for sample in samples])
    weights = sizes / np.array([sample.var(ddof=1) for sample in samples])
    k = len(samples)
    spread = float(((1 - weights / weights.sum()) ** 2 / (sizes - 1)).sum())
    everyone = np.concatenate(samples)
    between = float((sizes * (means - everyone.mean()) ** 2).sum())
    return Estimate(
        name="eta squared",
        value=between / float(((everyone - everyone.mean()) ** 2).sum()),
        test="Welch's ANOVA",
        statistic=float(test.statistic),
        df=(float(k - 1), (k**2 - 1) / (3 * spread)),
        p=float(test.pvalue),
        n=len(everyone),
        source="Welch (1951), Biometrika 38(3-4), 330-336",
    )


def kruskal(groups: Sequence[ArrayLike]) -> Estimate:
    """Kruskal-Wallis test of different people; the estimate is epsilon squared."""
    samples = [np.round(_sample(group), _TIES) for group in groups]
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


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p values. Source: Holm (1979), Scand. J. Statistics 6(2), 65-70."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = largest
    return adjusted


def _t_estimate(name: str, x: Floats, confidence: float, test: str) -> Estimate:
    df = len(x) - 1
    error = float(x.std(ddof=1) / np.sqrt(len(x)))
    if error <= 1e-12 * max(1.0, float(np.abs(x).max())):
        raise NotEstimableError(
            f"all {len(x)} participants have the same value ({x[0]:g}), so there is no spread to "
            "judge it against"
        )
    mean = float(x.mean())
    t = mean / error
    reach = float(stats.t.ppf((1 + confidence) / 2, df)) * error
    return Estimate(
        name=name,
        value=mean,
        low=mean - reach,
        high=mean + reach,
        confidence=confidence,
        test=test,
        statistic=t,
        df=(float(df),),
        p=float(2 * stats.t.sf(abs(t), df)),
        n=len(x),
        source=STUDENT,
    )


def _noncentrality(t: float, df: float, confidence: float) -> tuple[float, float]:
    """The noncentralities under which t is just not surprising."""
    if abs(t) > 1e4:
        # Beyond this scipy's noncentral t loses its digits.
        raise NotEstimableError(
            f"t is {t:.0f}: the participants hardly differ from one another, so a difference in "
            "standard deviations says nothing"
        )

    def solve(probability: float) -> float:
        def gap(ncp: float) -> float:
            below = float(stats.nct.cdf(t, df, ncp))
            if np.isnan(below):  # scipy's answer far out in either tail
                below = float(ncp < t)
            return below - probability

        reach = 5 + 3 * abs(t)
        return float(optimize.brentq(gap, t - reach, t + reach, xtol=1e-10))

    tail = (1 - confidence) / 2
    return solve(1 - tail), solve(tail)


def _known(value: float | None) -> float:
    if value is None:
        raise ValueError("the statistic is missing")
    return value


def _sample(values: ArrayLike) -> Floats:
    x = np.asarray(values, dtype=float)
    if x.ndim != 1:
        raise ValueError(f"expected one value per participant, got shape {x.shape}")
    if not np.isfinite(x).all():
        raise NotEstimableError("a value is missing or not finite")
    if len(x) < 2:
        raise NotEstimableError(f"this needs at least two participants; there are {len(x)}")
    return x


def _constant(x: Floats) -> bool:
    return bool(np.ptp(x) < 10.0**-_TIES)


def _differences(a: ArrayLike, b: ArrayLike) -> Floats:
    x, y = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if x.shape != y.shape:
        raise NotEstimableError(f"a has shape {x.shape} and b {y.shape}; they must be the same")
    return _sample(x - y)


def _matrix(values: ArrayLike) -> Floats:
    y = np.asarray(values, dtype=float)
    if y.ndim != 2 or y.shape[1] < 2:
        raise ValueError(f"expected participants x levels, got shape {y.shape}")
    if not np.isfinite(y).all():
        raise NotEstimableError("a value is missing or not finite")
    if len(y) < 2:
        raise NotEstimableError(f"this needs at least two participants; there are {len(y)}")
    return y
