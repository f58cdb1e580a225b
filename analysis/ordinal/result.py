"""A fitted cumulative model: estimates, intervals, spread of the random effects, limitations."""

from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd
from scipy import stats

from analysis.estimate import Estimate
from analysis.ordinal.design import Design
from analysis.ordinal.links import Floats, Link

MCCULLAGH = "McCullagh (1980), J. Royal Statistical Society B 42(2), 109-142"
MIXED = "Hedeker & Gibbons (1994), Biometrics 50(4), 933-944; Christensen (2019), R package ordinal"


@dataclass(frozen=True)
class Fit:
    """A cumulative link model, with or without random effects.

    P(rating <= j) = F(threshold_j - predictor): a positive effect means higher ratings. For two
    categories that is logistic (probit, ...) regression, with minus the intercept as threshold.
    fixed: (n_fixed,), in the order of design.fixed_names. covariance: (n_fixed, n_fixed).
    spread: covariance (r, r) of each random term. n: answers. df: parameters estimated.
    quadrature: points, or None for Laplace's method. singular: a variance is at zero or a
    correlation at one.
    """

    formula: str
    design: Design
    link: Link
    fixed: Floats
    covariance: Floats
    spread: tuple[Floats, ...]
    log_likelihood: float
    method: str
    quadrature: int | None
    singular: bool
    confidence: float
    notes: tuple[str, ...]

    @property
    def n(self) -> int:
        """Answers."""
        return len(self.design.codes)

    @property
    def df(self) -> int:
        """Parameters estimated."""
        return len(self.fixed) + sum(len(m) * (len(m) + 1) // 2 for m in self.spread)

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return 2 * self.df - 2 * self.log_likelihood

    @property
    def coefficients(self) -> pd.DataFrame:
        """Effects on the latent scale: estimate, se, z, p (Wald, two-sided), low, high."""
        return self._table().iloc[self._cuts :]

    @property
    def thresholds(self) -> pd.DataFrame:
        """Cut points between neighbouring categories: estimate, se, z, p, low, high."""
        return self._table().iloc[: self._cuts]

    @property
    def sd(self) -> pd.Series:
        """Standard deviations of the random effects, by (grouping, effect)."""
        keys, values = [], []
        for term, matrix in zip(self.design.random, self.spread, strict=True):
            keys += [(term.grouping, name) for name in term.names]
            values += list(np.sqrt(np.diag(matrix)))
        index = pd.MultiIndex.from_tuples(keys, names=["grouping", "effect"]) if keys else None
        return pd.Series(values, index=index, name="sd", dtype=float)

    @property
    def correlations(self) -> pd.DataFrame:
        """Correlations of random effects within a term: grouping, effect, other, correlation."""
        rows = []
        for term, matrix in zip(self.design.random, self.spread, strict=True):
            sd = np.sqrt(np.diag(matrix))
            for i in range(len(sd)):
                for j in range(i):
                    both = sd[i] * sd[j]
                    value = matrix[i, j] / both if both > 0 else np.nan
                    rows.append((term.grouping, term.names[i], term.names[j], value))
        return pd.DataFrame(rows, columns=["grouping", "effect", "other", "correlation"])

    def estimate(self, name: str) -> Estimate:
        """One coefficient or threshold as an Estimate. Raises ValueError on an unknown name."""
        table = self._table()
        if name not in table.index:
            raise ValueError(f"no coefficient {name!r}; there are {', '.join(table.index)}")
        row = cast("dict[str, float]", table.loc[name].to_dict())
        return Estimate(
            name=name,
            value=row["estimate"],
            low=row["low"],
            high=row["high"],
            confidence=self.confidence,
            test=f"{self.method}, {self.link.name} link, Wald z",
            statistic=row["z"],
            p=row["p"],
            n=self.n,
            source=MIXED if self.design.random else MCCULLAGH,
            notes=self.notes,
        )

    @property
    def _cuts(self) -> int:
        return len(self.design.levels) - 1

    def _table(self) -> pd.DataFrame:
        return wald_table(
            self.fixed, np.sqrt(np.diag(self.covariance)), self.design.fixed_names, self.confidence
        )


def wald_table(
    estimate: Floats, se: Floats, names: tuple[str, ...], confidence: float
) -> pd.DataFrame:
    """Estimates with Wald z, two-sided p and interval. estimate, se: (k,)."""
    z = np.divide(estimate, se, out=np.full(len(se), np.nan), where=se > 0)
    reach = float(stats.norm.ppf((1 + confidence) / 2)) * se
    return pd.DataFrame(
        {
            "estimate": estimate,
            "se": se,
            "z": z,
            "p": 2 * stats.norm.sf(np.abs(z)),
            "low": estimate - reach,
            "high": estimate + reach,
        },
        index=pd.Index(names, name="term"),
    )
