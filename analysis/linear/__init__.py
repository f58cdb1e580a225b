"""Linear mixed models with crossed random intercepts and slopes, by restricted likelihood.

fit = lmm(data, "score ~ condition", random=["1 + condition | participant", "1 | stimulus"])
fit.coefficients; fit.sd; contrasts(fit, "condition")
"""

from analysis.linear.fit import LinearFit, lmm
from analysis.linear.means import contrasts, marginal_means, omnibus

__all__ = ["LinearFit", "contrasts", "lmm", "marginal_means", "omnibus"]
