"""What a fitted model says of conditions: marginal means, contrasts, predicted distributions.

All are for a participant and stimulus whose random effects are zero, the typical ones; that is not
the average over people, who scatter around it.
"""

from collections.abc import Sequence
from itertools import combinations, product
from typing import Literal

import numpy as np
import pandas as pd
import patsy

from analysis.estimate import NotEstimableError
from analysis.multiplicity import holm
from analysis.ordinal import formula
from analysis.ordinal.links import Floats
from analysis.ordinal.result import Fit, wald_table

Scale = Literal["latent", "mean"]


def marginal_means(fit: Fit, by: str | Sequence[str], scale: Scale = "latent") -> pd.DataFrame:
    """Estimated marginal means: a row for each combination of the factors in `by`.

    The model is evaluated at every combination of its factors' levels, numeric predictors at their
    mean (those with two values at both, like factors, as R's emmeans does), and averaged with equal
    weight over the factors that `by` does not name. scale: latent
    (the predictor less the average threshold, in the link's units) or mean (the mean rating; the
    mean category, counted from 1, where categories are not numbers).
    Columns: the factors, estimate, se, low, high. Intervals are Wald's, by the delta method.
    Source: Searle, Speed & Milliken (1980), The American Statistician 34(4), 216-221.
    """
    names, values, slopes = _means(fit, by, scale)
    table = wald_table(
        values, _errors(fit, slopes), tuple(map(str, range(len(values)))), fit.confidence
    )
    table = table.reset_index(drop=True)[["estimate", "se", "low", "high"]]
    return pd.concat([names, table], axis=1)


def contrasts(fit: Fit, by: str | Sequence[str], scale: Scale = "latent") -> pd.DataFrame:
    """All pairwise differences of marginal means: estimate, se, z, p, low, high, p_holm.

    p and the interval are those of one difference; p_holm is adjusted for all of them together.
    Source: Holm (1979), Scand. J. Statistics 6(2), 65-70.
    """
    names, values, slopes = _means(fit, by, scale)
    labels = [" ".join(map(str, row)) for row in names.itertuples(index=False)]
    pairs = list(combinations(range(len(values)), 2))
    if not pairs:
        raise NotEstimableError("there is one condition, so there is nothing to compare")
    first, second = np.array(pairs).T
    table = wald_table(
        values[first] - values[second],
        _errors(fit, slopes[first] - slopes[second]),
        tuple(f"{labels[a]} - {labels[b]}" for a, b in pairs),
        fit.confidence,
    )
    table["p_holm"] = holm(table["p"].tolist())
    return table.rename_axis("contrast")


def predict(fit: Fit, data: pd.DataFrame) -> pd.DataFrame:
    """Probability of each category for rows of new data, (n, categories), the typical participant.

    Raises ValueError on a missing column, a missing value or an unknown level, NotEstimableError
    where effects that differ by threshold put the thresholds out of order.
    """
    below = _cumulative(fit, fit.design.matrix_of(data))[0]
    ends = np.zeros((len(below), 1)), np.ones((len(below), 1))
    chances = np.diff(np.concatenate([ends[0], below, ends[1]], axis=1), axis=1)
    return pd.DataFrame(chances, index=data.index, columns=list(fit.design.levels))


def _cumulative(fit: Fit, matrix: Floats) -> tuple[Floats, list[Floats]]:
    """P(rating <= j), (n, cuts), and for each cut its derivatives (n, n_fixed)."""
    below, slopes = [], []
    for cut in range(len(fit.design.levels) - 1):
        rows = fit.design.cut_rows(matrix, cut)
        at = rows @ fit.fixed
        below.append(fit.link.interval(at, np.full_like(at, -np.inf)))
        slopes.append(fit.link.density(at)[0][:, None] * rows)
    result = np.stack(below, axis=1)
    if (np.diff(result, axis=1) < 0).any():
        raise NotEstimableError(
            "effects that differ by threshold put the thresholds out of order here, so these "
            "probabilities do not exist"
        )
    return result, slopes


def _means(fit: Fit, by: str | Sequence[str], scale: Scale) -> tuple[pd.DataFrame, Floats, Floats]:
    """Factor levels, means (k,), and the means' derivatives in the fixed parameters."""
    wanted = [by] if isinstance(by, str) else list(by)
    grid = grid_of(fit.design.data, fit.design.info, wanted)
    matrix = fit.design.matrix_of(grid)
    cuts = len(fit.design.levels) - 1
    if scale == "latent":
        slopes = -np.mean([fit.design.cut_rows(matrix, cut) for cut in range(cuts)], axis=0)
        values = slopes @ fit.fixed
    elif scale == "mean":
        below, parts = _cumulative(fit, matrix)
        gaps = np.diff(fit.design.scores)
        values = fit.design.scores[-1] - below @ gaps
        slopes = -sum(gap * part for gap, part in zip(gaps, parts, strict=True))
    else:
        raise ValueError(f"no scale {scale!r}; choose latent or mean")
    names = grid[wanted].drop_duplicates().reset_index(drop=True)
    # The grid's rows of one combination follow one another, as many for each.
    slopes = slopes.reshape(len(names), -1, slopes.shape[1]).mean(axis=1)
    return names, values.reshape(len(names), -1).mean(axis=1), slopes


def grid_of(data: pd.DataFrame, info: patsy.DesignInfo, wanted: list[str]) -> pd.DataFrame:
    """Every combination of the factors' levels, factors in `wanted` varying slowest."""
    factors: dict[str, list[object]] = {}
    numbers: dict[str, float] = {}
    kinds = [(each.type, formula.names(f.code)) for f, each in info.factor_infos.items()]
    for kind, names in sorted(kinds):
        for name in names:
            column = data[name]
            if kind == "categorical" and isinstance(column.dtype, pd.CategoricalDtype):
                factors[name] = list(column.cat.categories)
            elif kind == "categorical" or column.nunique() <= 2:
                factors[name] = sorted(column.unique())
            elif name not in factors:
                numbers[name] = float(column.mean())
    unknown = [name for name in wanted if name not in factors]
    if unknown or not wanted:
        raise ValueError(
            f"no factor {', '.join(unknown)} in the model; there are {', '.join(factors) or 'none'}"
        )
    order = [*wanted, *(name for name in factors if name not in wanted)]
    rows = product(*(factors[name] for name in order))
    return pd.DataFrame(list(rows), columns=order).assign(**numbers)


def _errors(fit: Fit, slopes: Floats) -> Floats:
    variance = np.einsum("ka,ab,kb->k", slopes, fit.covariance, slopes)
    result: Floats = np.sqrt(np.maximum(variance, 0.0))
    return result
