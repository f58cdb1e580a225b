"""Likelihood-ratio tests: between two fits, of each term, and of proportional odds."""

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from analysis.estimate import Estimate, NotEstimableError
from analysis.ordinal.design import Design
from analysis.ordinal.fit import fit_design
from analysis.ordinal.result import Fit

EDGE = "a variance is tested at the edge of its range"
WILKS = "Wilks (1938), Annals of Mathematical Statistics 9(1), 60-62"

# A larger model this much less likely than the smaller one does not contain it.
_SLACK = 1e-3


def compare(smaller: Fit, larger: Fit) -> Estimate:
    """Likelihood-ratio test of a model against one that contains it; the estimate is the statistic.

    The order of the two does not matter. When the models differ in a variance, zero lies at the
    edge of what is possible and p is too large (Self & Liang 1987); the notes say so.
    Raises ValueError on models of different answers or links, or where neither contains the other.
    """
    if smaller.df > larger.df:
        smaller, larger = larger, smaller
    one, two = smaller.design, larger.design
    if one.levels != two.levels or not np.array_equal(one.codes, two.codes):
        raise ValueError(
            f"the two models are of different answers ({smaller.n} and {larger.n}); rows with a "
            "missing value may have been left out of one"
        )
    if smaller.link.name != larger.link.name:
        raise ValueError("the two models have different links, so neither contains the other")
    if one.random and two.random and smaller.quadrature != larger.quadrature:
        raise ValueError("fit both models by the same method: Laplace, or as many points")
    df = larger.df - smaller.df
    statistic = 2 * (larger.log_likelihood - smaller.log_likelihood)
    if df == 0 or statistic < -_SLACK:
        raise ValueError("neither model contains the other")
    statistic = max(statistic, 0.0)
    p = float(stats.chi2.sf(statistic, df))
    notes = list(dict.fromkeys([*smaller.notes, *larger.notes]))
    variances = sum(m.size for m in larger.spread) - sum(m.size for m in smaller.spread)
    if variances:
        allowed = f"; allowing for it, p is {p / 2:.4g}" if df == 1 else ""
        notes.append(f"{EDGE} (Self & Liang 1987): p is too large{allowed}")
    return Estimate(
        name="likelihood ratio",
        value=statistic,
        test=f"likelihood-ratio test, {smaller.formula} against {larger.formula}",
        statistic=statistic,
        df=(float(df),),
        p=p,
        n=larger.n,
        source=WILKS,
        notes=tuple(notes),
    )


def term_tests(fit: Fit) -> pd.DataFrame:
    """Likelihood-ratio test of each term that no other term contains: statistic, df, p, note."""
    terms = fit.design.terms
    outermost = [
        term.name for term in terms if not any(term.factors < other.factors for other in terms)
    ]
    return _tests(fit, {name: fit.design.without(name) for name in outermost})


def nominal_test(fit: Fit) -> pd.DataFrame:
    """Does a term's effect differ between thresholds? statistic, df, p, note, for each term.

    Each test compares the model with one in which that term's effect is free at every threshold; a
    small p speaks against proportional odds (for the logit) and for nominal=term.
    Raises NotEstimableError with two categories, which have one threshold.
    Source: Christensen (2019), R package ordinal, nominal_test; Peterson & Harrell (1990), Applied
    Statistics 39(2), 205-217.
    """
    design = fit.design
    if len(design.levels) < 3:
        raise NotEstimableError(
            "with two categories there is one threshold, so odds are proportional"
        )
    names = [term.name for term in design.terms if term.name not in design.nominal]
    return _tests(fit, {name: replace(design, nominal=design.nominal | {name}) for name in names})


def _tests(fit: Fit, others: dict[str, Design]) -> pd.DataFrame:
    rows = []
    for design in others.values():
        try:
            other = fit_design(design, fit.link, fit.quadrature, fit.confidence, fit.formula)
            test = compare(fit, other)
        except NotEstimableError as error:
            rows.append((np.nan, np.nan, np.nan, str(error)))
        else:
            rows.append(
                (
                    test.value,
                    test.df[0],
                    stats.chi2.sf(test.value, test.df[0]),
                    "; ".join(other.notes),
                )
            )
    return pd.DataFrame(
        rows, columns=["statistic", "df", "p", "note"], index=pd.Index(others, name="term")
    )
