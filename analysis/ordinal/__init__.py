"""Cumulative link (mixed) models of ratings: proportional odds and what departs from it.

fit = clmm(data, "rating ~ condition", random=["1 + condition | participant", "1 | stimulus"])
fit.coefficients; fit.sd; compare(fit, smaller); contrasts(fit, "condition")
"""

from analysis.ordinal.compare import compare, nominal_test, term_tests
from analysis.ordinal.contrast import contrast_test
from analysis.ordinal.fit import clm, clmm
from analysis.ordinal.means import contrasts, marginal_means, predict
from analysis.ordinal.result import Fit
from analysis.ordinal.simulate import bootstrap_test, simulate

__all__ = [
    "Fit",
    "bootstrap_test",
    "clm",
    "clmm",
    "compare",
    "contrast_test",
    "contrasts",
    "marginal_means",
    "nominal_test",
    "predict",
    "simulate",
    "term_tests",
]
