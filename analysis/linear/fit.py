"""Fit linear mixed models; tests have Satterthwaite's degrees of freedom."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import patsy
from scipy import optimize, stats

from analysis.estimate import NotEstimableError
from analysis.linear.criterion import Criterion
from analysis.ordinal import formula as formulas
from analysis.ordinal.build import check_rank, complete_frame, matrix_of, random_term
from analysis.ordinal.laplace import factors_of
from analysis.ordinal.links import Floats
from analysis.ordinal.structure import RandomTerm

LAIRD = "Laird & Ware (1982), Biometrics 38(4), 963-974"
SATTERTHWAITE = (
    "degrees of freedom: Satterthwaite's, as Kuznetsova, Brockhoff & Christensen (2017), "
    "J. Statistical Software 82(13)"
)

# A standard deviation of random effects below this share of the residual's counts as zero.
_ZERO = 1e-4
_STEP = 1e-3


@dataclass(frozen=True)
class LinearFit:
    """A linear mixed model fitted by restricted maximum likelihood.

    fixed: (p,), the intercept first, in the order of names. covariance: (p, p). spread: covariance
    of each random term. sigma: residual standard deviation. gradients: derivatives of covariance in
    the k variance parameters, (k, p, p); certainty: those parameters' covariance, (k, k).
    """

    formula: str
    names: tuple[str, ...]
    fixed: Floats
    covariance: Floats
    spread: tuple[Floats, ...]
    sigma: float
    criterion: float
    random: tuple[RandomTerm, ...]
    gradients: Floats
    certainty: Floats
    singular: bool
    confidence: float
    notes: tuple[str, ...]
    data: pd.DataFrame
    info: patsy.DesignInfo

    @property
    def n(self) -> int:
        """Answers."""
        return len(self.data)

    @property
    def coefficients(self) -> pd.DataFrame:
        """Fixed effects: estimate, se, df, t, p, low, high."""
        return self.table(np.eye(len(self.fixed)), self.names)

    @property
    def sd(self) -> pd.Series:
        """Standard deviations of the random effects, by (grouping, effect)."""
        keys, values = [], []
        for term, matrix in zip(self.random, self.spread, strict=True):
            keys += [(term.grouping, name) for name in term.names]
            values += list(np.sqrt(np.diag(matrix)))
        index = pd.MultiIndex.from_tuples(keys, names=["grouping", "effect"])
        return pd.Series(values, index=index, name="sd", dtype=float)

    def df(self, weights: Floats) -> float:
        """Satterthwaite's degrees of freedom of one combination (p,) of the fixed effects."""
        variance = float(weights @ self.covariance @ weights)
        slope = np.einsum("a,kab,b->k", weights, self.gradients, weights)
        doubt = float(slope @ self.certainty @ slope)
        return float("inf") if doubt <= 0 else 2 * variance**2 / doubt

    def table(self, weights: Floats, names: Sequence[str]) -> pd.DataFrame:
        """Combinations (k, p) of the fixed effects, with t tests."""
        estimate = weights @ self.fixed
        se = np.sqrt(np.einsum("ka,ab,kb->k", weights, self.covariance, weights))
        df = np.array([self.df(row) for row in weights])
        t = np.divide(estimate, se, out=np.full(len(se), np.nan), where=se > 0)
        reach = stats.t.ppf((1 + self.confidence) / 2, df) * se
        columns = {
            "estimate": estimate,
            "se": se,
            "df": df,
            "t": t,
            "p": 2 * stats.t.sf(np.abs(t), df),
            "low": estimate - reach,
            "high": estimate + reach,
        }
        return pd.DataFrame(columns, index=pd.Index(names, name="term"))


def lmm(
    data: pd.DataFrame | Mapping[str, Sequence[object]],
    formula: str,
    random: Sequence[str],
    confidence: float = 0.95,
) -> LinearFit:
    """A linear mixed model by restricted maximum likelihood.

    data: one row an answer. formula: "score ~ condition"; text columns are factors. random:
    grouping columns for intercepts or lme4's terms ("1 + condition | participant").
    Raises ValueError on a formula that cannot be read, NotEstimableError on data without estimates.
    Source: Laird & Ware (1982), Biometrics 38(4), 963-974.
    """
    response, right = formulas.split(formula)
    description = formulas.predictors(right)
    grouped = formulas.random_terms(random)
    within = [formulas.predictors(term.predictors) for term in grouped]
    used = [response, *formulas.columns(description.rhs_termlist)]
    for term, each in zip(grouped, within, strict=True):
        used += [*formulas.columns(each.rhs_termlist), *term.columns]
    frame, notes = complete_frame(pd.DataFrame(data), list(dict.fromkeys(used)))
    if not pd.api.types.is_numeric_dtype(frame[response]):
        raise ValueError(f"{response} is no number")
    y = frame[response].to_numpy(dtype=float)
    if np.ptp(y) == 0:
        raise NotEstimableError(f"all {len(y)} answers are {y[0]:g}; nothing varies")
    matrix = matrix_of(description, frame)
    x = np.asarray(matrix, dtype=float)
    if not any(term == patsy.INTERCEPT for term in description.rhs_termlist):
        raise ValueError("leave out '0 +': this model has an intercept")
    check_rank(x[:, 1:], matrix.design_info.column_names[1:])
    terms = tuple(
        random_term(term, each, frame) for term, each in zip(grouped, within, strict=True)
    )
    # In units of its spread, so that the search meets numbers of one size.
    scale = float(y.std())
    criterion = Criterion((y - y.mean()) / scale, x, terms)
    theta = _search(criterion)
    parts = criterion.parts(theta)
    if parts.residual <= 1e-10 * len(y):
        raise NotEstimableError("the model fits every answer exactly, so nothing is left to judge")
    sigma = float(np.sqrt(parts.residual / criterion.df))
    factors = factors_of(terms, theta)
    zero = [
        term.grouping
        for term, factor in zip(terms, factors, strict=True)
        if np.linalg.svd(factor * np.sqrt((term.z**2).mean(axis=0))[:, None], compute_uv=False)[-1]
        < _ZERO
    ]
    if zero:
        notes.append(
            f"singular fit: a variance over {', '.join(zero)} is at zero, or a correlation at one; "
            "the data do not carry that random effect"
        )
    gradients, certainty = _uncertainty(criterion, theta, sigma)
    fixed = parts.fixed * scale
    fixed[0] += y.mean()
    return LinearFit(
        formula=" + ".join([" ".join(formula.split()), *(f"({_whole(term)})" for term in random)]),
        names=tuple(matrix.design_info.column_names),
        fixed=fixed,
        covariance=np.asarray(np.linalg.inv(parts.information), dtype=float) * (sigma * scale) ** 2,
        spread=tuple(f @ f.T * (sigma * scale) ** 2 for f in factors),
        sigma=sigma * scale,
        criterion=criterion.profiled(theta) + criterion.df * 2 * np.log(scale),
        random=terms,
        gradients=gradients * scale**2,
        certainty=certainty,
        singular=bool(zero),
        confidence=confidence,
        notes=tuple(notes),
        data=frame,
        info=matrix.design_info,
    )


def _whole(term: str) -> str:
    return term.strip("()") if "|" in term else f"1 | {term}"


def _search(criterion: Criterion) -> Floats:
    """The theta of the smallest criterion."""
    start, bounds = [], []
    for term in criterion.terms:
        size = 0.5 / np.sqrt((term.z**2).mean(axis=0))
        start.append(np.diag(size)[np.tril_indices(term.width)])
        bounds += [
            (0.0, None) if a == b else (None, None)
            for a, b in zip(*np.tril_indices(term.width), strict=True)
        ]
    theta = np.concatenate(start)
    for _ in range(3):
        # A second start from the end: differences for gradients leave the first a little short.
        found = optimize.minimize(
            criterion.profiled,
            theta,
            method="L-BFGS-B",
            jac="3-point",
            bounds=bounds,
            options={"ftol": 1e-13, "gtol": 1e-7, "maxiter": 500},
        )
        if np.abs(found.x - theta).max() < 1e-5:
            return np.asarray(found.x, dtype=float)
        theta = np.asarray(found.x, dtype=float)
    return theta


def _uncertainty(criterion: Criterion, theta: Floats, sigma: float) -> tuple[Floats, Floats]:
    """Derivatives of the fixed effects' covariance, and the covariance of (theta, sigma)."""
    at = np.append(theta, sigma)
    steps = _STEP * np.maximum(1.0, np.abs(at))

    def covariance(x: Floats) -> Floats:
        inverse: Floats = np.asarray(np.linalg.inv(criterion.parts(x[:-1]).information), float)
        return inverse * float(x[-1]) ** 2

    gradients = []
    for place, step in enumerate(steps):
        move = np.zeros(len(at))
        move[place] = step
        gradients.append((covariance(at + move) - covariance(at - move)) / (2 * step))
    hessian = _hessian(lambda x: criterion.at(x[:-1], float(x[-1])), at, steps)
    values, vectors = np.linalg.eigh(hessian)
    # Directions without curvature are those of a variance at zero, which says nothing here.
    known = values > 1e-6 * values.max()
    certainty = 2 * (vectors[:, known] / values[known]) @ vectors[:, known].T
    return np.array(gradients), certainty


def _hessian(function: Callable[[Floats], float], at: Floats, steps: Floats) -> Floats:
    k = len(at)
    moves = np.diag(steps)
    middle = function(at)
    hessian = np.empty((k, k))
    for a in range(k):
        both = function(at + moves[a]) + function(at - moves[a])
        hessian[a, a] = (both - 2 * middle) / steps[a] ** 2
        for b in range(a):
            corners = [
                function(at + s * moves[a] + t * moves[b])
                for s, t in ((1, 1), (1, -1), (-1, 1), (-1, -1))
            ]
            mixed = corners[0] - corners[1] - corners[2] + corners[3]
            hessian[a, b] = hessian[b, a] = mixed / (4 * steps[a] * steps[b])
    return hessian
