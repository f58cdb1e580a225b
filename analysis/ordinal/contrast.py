"""Likelihood-ratio test of one contrast of marginal means.

With few participants Wald's z of a mixed model finds too much; the likelihood ratio keeps closer to
its level (benchmarks/analysis_errors.py measures both).
"""

from dataclasses import replace

import numpy as np
from scipy import linalg, stats

from analysis.estimate import Estimate, NotEstimableError
from analysis.ordinal.compare import WILKS
from analysis.ordinal.design import Term
from analysis.ordinal.fit import fit_design
from analysis.ordinal.links import Floats
from analysis.ordinal.means import grid_of
from analysis.ordinal.result import Fit


def contrast_test(fit: Fit, factor: str, a: str, b: str) -> Estimate:
    """Marginal mean of a minus that of b, in the link's units, and the test of no difference.

    The model is fitted again with its coefficients held to a difference of zero. The interval is
    Wald's, by the delta method, so at the edge it may disagree with p.
    Raises NotEstimableError where a level was not met or the smaller model has no estimate,
    ValueError on effects that differ by threshold.
    Source: Wilks (1938), Annals of Mathematical Statistics 9(1), 60-62.
    """
    design = fit.design
    if design.nominal:
        raise ValueError("a contrast of thresholds' own effects has no one value")
    weights = _weights(fit, factor, a, b)
    gradient = np.concatenate([np.zeros(len(design.thresholds)), weights])
    value = float(gradient @ fit.fixed)
    se = float(np.sqrt(gradient @ fit.covariance @ gradient))
    free = linalg.null_space(weights[None, :])
    columns = tuple(range(free.shape[1]))
    smaller = fit_design(
        replace(
            design,
            matrix=design.matrix @ free,
            names=tuple(f"free {i}" for i in columns),
            terms=(Term("free", columns, frozenset()),),
        ),
        fit.link,
        fit.quadrature,
        fit.confidence,
        fit.formula,
    )
    statistic = max(0.0, 2 * (fit.log_likelihood - smaller.log_likelihood))
    reach = float(stats.norm.ppf((1 + fit.confidence) / 2)) * se
    return Estimate(
        name=f"{a} - {b}",
        value=value,
        low=value - reach,
        high=value + reach,
        confidence=fit.confidence,
        test="likelihood-ratio test of a contrast",
        statistic=statistic,
        df=(1.0,),
        p=float(stats.chi2.sf(statistic, 1)),
        n=fit.n,
        source=WILKS,
        notes=tuple(dict.fromkeys([*fit.notes, *smaller.notes])),
    )


def _weights(fit: Fit, factor: str, a: str, b: str) -> Floats:
    """The contrast's weight on each column of the design, (columns,)."""
    grid = grid_of(fit.design.data, fit.design.info, [factor])
    names = grid[factor].astype(str)
    for level in (a, b):
        if level not in set(names):
            raise NotEstimableError(f"nobody answered in the condition {level}")
    matrix = fit.design.matrix_of(grid)
    result: Floats = matrix[names == a].mean(axis=0) - matrix[names == b].mean(axis=0)
    return result
