"""Marginal means, contrasts and the F test of a factor of a linear mixed model."""

from itertools import combinations

import numpy as np
import pandas as pd
import patsy
from scipy import stats

from analysis.estimate import Estimate, NotEstimableError
from analysis.linear.fit import LAIRD, SATTERTHWAITE, LinearFit
from analysis.ordinal.links import Floats
from analysis.ordinal.means import grid_of


def marginal_means(fit: LinearFit, factor: str) -> pd.DataFrame:
    """One row a level: the factor, estimate, se, df, low, high; averaged over other factors.

    Source: Searle, Speed & Milliken (1980), The American Statistician 34(4), 216-221.
    """
    levels, weights = _weights(fit, factor)
    table = fit.table(weights, levels)[["estimate", "se", "df", "low", "high"]]
    return table.rename_axis(factor).reset_index()


def contrasts(fit: LinearFit, factor: str) -> pd.DataFrame:
    """All pairwise differences of marginal means: estimate, se, df, t, p, low, high."""
    levels, weights = _weights(fit, factor)
    pairs = list(combinations(range(len(levels)), 2))
    if not pairs:
        raise NotEstimableError("there is one condition, so there is nothing to compare")
    first, second = np.array(pairs).T
    names = [f"{levels[a]} - {levels[b]}" for a, b in pairs]
    return fit.table(weights[first] - weights[second], names).rename_axis("contrast")


def omnibus(fit: LinearFit, factor: str) -> Estimate:
    """F test of whether a factor's marginal means differ; the estimate is F.

    Degrees of freedom of the error: Fai & Cornelius (1996), J. Statistical Computation and
    Simulation 54(4), 363-378.
    """
    _, weights = _weights(fit, factor)
    differences = weights[1:] - weights[0]
    values, vectors = np.linalg.eigh(differences @ fit.covariance @ differences.T)
    rows = vectors.T @ differences
    t = rows @ fit.fixed / np.sqrt(values)
    dfs = np.array([fit.df(row) for row in rows])
    q, f = len(t), float((t**2).mean())
    if np.ptp(dfs) < 1e-6:
        df = float(dfs.mean())
    elif (dfs <= 2).any():
        df = 2.0
    else:
        expected = float((dfs / (dfs - 2)).sum())
        df = 2 * expected / (expected - q)
    return Estimate(
        name="F",
        value=f,
        test="linear mixed model, Satterthwaite's F test",
        statistic=f,
        df=(float(q), df),
        p=float(stats.f.sf(f, q, df)),
        n=len(fit.data),
        source=f"{LAIRD}; {SATTERTHWAITE}",
        notes=fit.notes,
    )


def _weights(fit: LinearFit, factor: str) -> tuple[list[str], Floats]:
    """The factor's levels, and the combinations (levels, p) of fixed effects that are its means."""
    grid = grid_of(fit.data, fit.info, [factor])
    (matrix,) = patsy.build_design_matrices([fit.info], grid)
    rows: Floats = np.broadcast_to(np.asarray(matrix, dtype=float), (len(grid), len(fit.fixed)))
    levels = list(dict.fromkeys(map(str, grid[factor])))
    return levels, rows.reshape(len(levels), -1, rows.shape[1]).mean(axis=1)
