"""What the tests take for granted, tested; None where the numbers are too few to tell."""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from analysis.estimate import Check
from analysis.samples import Floats, constant

# Royston's approximation of the p value is made for 3 to 5000 values.
_SHAPIRO_RANGE = range(3, 5001)


def normality(values: Floats, of: str) -> tuple[Check, ...]:
    """Shapiro-Wilk's test that values, shape (n,), come from a normal distribution."""
    if len(values) not in _SHAPIRO_RANGE or constant(values):
        return ()
    test = stats.shapiro(values)
    return (
        Check(
            f"normal distribution of the {of} (Shapiro-Wilk W)",
            float(test.statistic),
            float(test.pvalue),
            "Shapiro & Wilk (1965), Biometrika 52(3-4), 591-611",
        ),
    )


def equal_spread(samples: Sequence[Floats]) -> tuple[Check, ...]:
    """Brown and Forsythe's test that groups spread equally: an ANOVA of distances to medians."""
    distances = [np.abs(x - np.median(x)) for x in samples]
    if all(constant(d) for d in distances):
        return ()
    test = stats.f_oneway(*distances)
    return (
        Check(
            "equal spread (Brown-Forsythe F)",
            float(test.statistic),
            float(test.pvalue),
            "Brown & Forsythe (1974), JASA 69(346), 364-367",
        ),
    )


def sphericity(scatter: Floats, df: int) -> tuple[Check, ...]:
    """Mauchly's test on a within effect.

    scatter: (q, q), cross products of its orthonormal contrasts; df: their error's.
    """
    q = len(scatter)
    if q < 2 or df < q:
        return ()
    sign, log_det = np.linalg.slogdet(scatter)
    if sign <= 0:
        return ()
    log_w = float(log_det - q * np.log(np.trace(scatter) / q))
    rho = 1 - (2 * q**2 + q + 2) / (6 * q * df)
    statistic = -df * rho * log_w
    degrees = q * (q + 1) / 2 - 1
    # Box's second term, as in R's mauchly.test and car.
    second = (
        (q + 2)
        * (q - 1)
        * (q - 2)
        * (2 * q**3 + 6 * q**2 + 3 * q + 2)
        / (288 * (df * q * rho) ** 2)
    )
    first = float(stats.chi2.sf(statistic, degrees))
    p = first + second * (float(stats.chi2.sf(statistic, degrees + 4)) - first)
    return (
        Check(
            "sphericity (Mauchly W)",
            float(np.exp(log_w)),
            min(1.0, max(0.0, p)),
            "Mauchly (1940), Annals of Mathematical Statistics 11(2), 204-209",
        ),
    )
