"""Cronbach's alpha: how far the items of a scale move together."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from analysis.estimate import Estimate, NotEstimableError
from analysis.reliability.complete import complete, varying
from analysis.samples import Floats

CRONBACH = "Cronbach (1951), Psychometrika 16(3), 297-334"
FELDT = "interval: Feldt, Woodruff & Salih (1987), Applied Psychological Measurement 11(1), 93-103"


def cronbach_alpha(items: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Cronbach's alpha over people who answered every item, with Feldt's interval.

    items: shape (n_people, n_items), reversed ones turned round; a gap is NaN and drops the person.
    Raises NotEstimableError for one item, fewer than three complete people, or no variance.
    """
    x, notes = complete(items)
    n, k = x.shape
    alpha = alpha_of_covariance(np.cov(x, rowvar=False))
    df = (float(n - 1), float((n - 1) * (k - 1)))
    tail = (1 - confidence) / 2
    return Estimate(
        name="Cronbach's alpha",
        value=alpha,
        low=1 - (1 - alpha) * float(stats.f.ppf(1 - tail, *df)),
        high=1 - (1 - alpha) * float(stats.f.ppf(tail, *df)),
        confidence=confidence,
        test="Feldt's F interval",
        df=df,
        n=n,
        source=f"{CRONBACH}; {FELDT}",
        notes=notes,
    )


def standardised_alpha(items: ArrayLike) -> Estimate:
    """Alpha of the items' correlations: as if each item had the same variance."""
    x, notes = complete(items)
    varying(x, "alpha")
    return Estimate(
        name="standardised alpha",
        value=alpha_of_covariance(np.asarray(np.corrcoef(x, rowvar=False), dtype=float)),
        test="from the mean correlation of items",
        n=len(x),
        source=CRONBACH,
        notes=notes,
    )


def alpha_of_covariance(covariance: Floats) -> float:
    """Alpha from the items' covariance matrix, shape (k, k). Raises NotEstimableError."""
    k = len(covariance)
    if (np.diag(covariance) == 0).any():
        raise NotEstimableError("alpha means nothing here: everyone gave one item the same answer")
    total = float(covariance.sum())
    if total <= 1e-12 * float(np.trace(covariance)):
        raise NotEstimableError("alpha means nothing here: everyone has the same total")
    return k / (k - 1) * (1 - float(np.trace(covariance)) / total)
