"""Cumulative link (mixed) models of ratings: proportional odds and what departs from it.

    fit = clmm(data, "rating ~ condition", random=["1 + condition | participant", "1 | stimulus"])
    fit.coefficients; fit.sd; compare(fit, smaller); marginal_means(fit, "condition")
"""

from analysis.ordinal.fit import clm, clmm
from analysis.ordinal.result import Fit

__all__ = ["Fit", "clm", "clmm"]
