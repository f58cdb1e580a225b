"""Fit cumulative link models: clm without random effects, clmm with them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.estimate import NotEstimableError
from analysis.ordinal import fixed
from analysis.ordinal.build import build
from analysis.ordinal.design import Design
from analysis.ordinal.laplace import Laplace, factors_of
from analysis.ordinal.links import Floats, Link, link_named
from analysis.ordinal.optimise import Objective, climb, polish
from analysis.ordinal.quadrature import Quadrature
from analysis.ordinal.result import Fit

# A standard deviation or conditional one below this on the latent scale counts as zero.
_ZERO = 1e-3
# Random effects this spread out mean that people hardly vary within themselves.
_DIVERGED = 50.0
_LARGEST_QUADRATURE = 50


def clm(
    data: pd.DataFrame | Mapping[str, Sequence[object]],
    formula: str,
    *,
    link: str = "logit",
    nominal: str | None = None,
    confidence: float = 0.95,
) -> Fit:
    """A cumulative link model of ratings, by maximum likelihood.

    data: one row an answer. formula: "rating ~ condition + model_correct"; text columns are
    factors, treatment-coded with the first level (given or sorted) as reference. link: logit
    (proportional odds), probit or cloglog. nominal: predictors whose effect differs between
    thresholds (partial proportional odds), as in "condition".
    Raises ValueError on a formula that cannot be read, NotEstimableError on data without estimates.
    Source: McCullagh (1980), J. Royal Statistical Society B 42(2), 109-142.
    """
    design = build(pd.DataFrame(data), formula, nominal=nominal)
    return fit_design(design, link_named(link), None, confidence, _label(formula, (), nominal))


def clmm(
    data: pd.DataFrame | Mapping[str, Sequence[object]],
    formula: str,
    random: Sequence[str],
    *,
    link: str = "logit",
    nominal: str | None = None,
    quadrature: int | None = None,
    confidence: float = 0.95,
) -> Fit:
    """A cumulative link mixed model of ratings, by maximum likelihood.

    random: grouping columns for intercepts ("participant") or lme4's terms ("1 + condition |
    participant"). quadrature: points of adaptive Gauss-Hermite quadrature, for one intercept only;
    else Laplace's method. The rest as for clm. Two categories give a logistic mixed model.
    Standard errors come from the curvature of the marginal likelihood.
    Raises ValueError on a formula that cannot be read, NotEstimableError on data without estimates.
    """
    design = build(pd.DataFrame(data), formula, random, nominal)
    label = _label(formula, random, nominal)
    return fit_design(design, link_named(link), quadrature, confidence, label)


def fit_design(
    design: Design, link: Link, quadrature: int | None, confidence: float, formula: str
) -> Fit:
    """Fit one design; clm and clmm after their formulas are read."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence lies between 0 and 1, as in 0.95, not {confidence}")
    x, value, information = fixed.maximise(design, link)
    if not design.random:
        return Fit(
            formula=formula,
            design=design,
            link=link,
            fixed=x,
            covariance=np.asarray(np.linalg.inv(information), dtype=float),
            spread=(),
            log_likelihood=value,
            method="cumulative link model",
            quadrature=None,
            singular=False,
            confidence=confidence,
            notes=design.notes,
        )
    objective, method = _objective(design, link, quadrature)
    spread, scale = _first_spread(design)
    guess = np.zeros((len(x) + len(spread),) * 2)
    guess[: len(x), : len(x)] = np.linalg.inv(information)
    guess[len(x) :, len(x) :] = np.diag(scale)
    found, inverse = climb(objective, np.concatenate([x, spread]), guess)
    found, value, information = polish(objective, found, inverse)
    return _mixed(
        Fit(
            formula=formula,
            design=design,
            link=link,
            fixed=found[: len(x)],
            covariance=information,
            spread=(),
            log_likelihood=value,
            method=method,
            quadrature=quadrature,
            singular=False,
            confidence=confidence,
            notes=design.notes,
        ),
        found[len(x) :],
    )


def _label(formula: str, random: Sequence[str], nominal: str | None) -> str:
    """The whole model in one line, for results."""
    terms = [f"({term.strip('()')})" if "|" in term else f"(1 | {term})" for term in random]
    free = f"; free at each threshold: {nominal.strip('~ ')}" if nominal is not None else ""
    return " + ".join([" ".join(formula.split()), *terms]) + free


def _objective(design: Design, link: Link, quadrature: int | None) -> tuple[Objective, str]:
    rows = design.rows()
    if quadrature is None:
        return Laplace(rows, design.random, link), "cumulative link mixed model, Laplace"
    if not 1 <= quadrature <= _LARGEST_QUADRATURE:
        raise ValueError(f"quadrature takes 1 to {_LARGEST_QUADRATURE} points, not {quadrature}")
    if len(design.random) > 1 or design.random[0].names != ("Intercept",):
        raise ValueError("quadrature is for a single random intercept; leave it out for Laplace")
    name = f"cumulative link mixed model, adaptive Gauss-Hermite quadrature ({quadrature} points)"
    return Quadrature(rows, design.random[0], link, quadrature), name


def _first_spread(design: Design) -> tuple[Floats, Floats]:
    """Entries of every L to start from, and how uncertain (variance) each is."""
    start, scale = [], []
    for term in design.random:
        size = 0.7 / np.sqrt((term.z**2).mean(axis=0))
        start.append(np.diag(size)[np.tril_indices(term.width)])
        scale.append(np.tile(size**2, (term.width, 1)).T[np.tril_indices(term.width)])
        scale[-1] = scale[-1] / len(term.labels)
    return np.concatenate(start), np.concatenate(scale)


def _mixed(fit: Fit, spread: Floats) -> Fit:
    """The fit with its random effects' covariance, and that of the fixed effects.

    fit: with minus the whole Hessian where the covariance will be. spread: entries of every L.
    """
    design, count = fit.design, len(fit.fixed)
    factors = factors_of(design.random, spread)
    zero = []
    for term, factor in zip(design.random, factors, strict=True):
        size = np.sqrt((term.z**2).mean(axis=0))
        if (np.linalg.norm(factor, axis=1) * size).max() > _DIVERGED:
            raise NotEstimableError(
                f"the spread between {term.grouping}s grows without limit: answers hardly vary "
                f"within a {term.grouping}, so a mixed model has no finite estimate"
            )
        if np.linalg.svd(factor * size[:, None], compute_uv=False).min() < _ZERO:
            zero.append(term.grouping)
    notes = list(design.notes)
    if zero:
        notes.append(
            f"singular fit: a variance over {', '.join(zero)} is at zero, or a correlation at one; "
            "the data do not carry that random effect"
        )
    # The Schur complement, with a pseudo-inverse: directions of L without information (those of a
    # variance at zero) say nothing about the fixed effects.
    information = fit.covariance
    corner, across = information[count:, count:], information[:count, count:]
    reduced = information[:count, :count] - across @ np.linalg.pinv(corner, rcond=1e-8) @ across.T
    if np.linalg.eigvalsh(reduced).min() <= 0:
        raise NotEstimableError(
            "the likelihood has no curvature in some direction, so there are no standard errors; "
            "try fewer random terms"
        )
    return replace(
        fit,
        covariance=np.asarray(np.linalg.inv(reduced), dtype=float),
        spread=tuple(factor @ factor.T for factor in factors),
        singular=bool(zero),
        notes=tuple(notes),
    )
