"""Analysis of variance of means: the same people in all levels, different people, or both.

One engine does the factorial designs: each within effect is a set of orthonormal contrasts of a
participant's cells, regressed on the groups (type III sums of squares, as R's car and afex).
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg, stats

from analysis.assumptions import equal_spread, normality, sphericity
from analysis.bootstrap import with_interval
from analysis.estimate import Check, Estimate, NotEstimableError
from analysis.samples import Floats, Indices, constant, groups, matrix, numbers

GREENHOUSE = "Greenhouse & Geisser (1959), Psychometrika 24(2), 95-112"
GENERALISED = (
    "generalised eta squared: Olejnik & Algina (2003), Psychological Methods 8(4), 434-447"
)


@dataclass(frozen=True)
class Effect:
    """One line of an ANOVA table: the test with partial eta squared, and what else is said of it.

    epsilon: Greenhouse and Geisser's, 1 where nothing is corrected; sum_of_squares and error: of
    the effect and of what it is judged against.
    """

    term: str
    estimate: Estimate
    generalised_eta_squared: float
    epsilon: float
    sum_of_squares: float
    error: float


@dataclass(frozen=True)
class _Stratum:
    term: str
    within: str
    effect: float
    error: float
    df: tuple[int, int]
    epsilon: float
    residual: Floats


def repeated_measures_anova(means: ArrayLike) -> Estimate:
    """One-way repeated-measures ANOVA with Greenhouse and Geisser's correction.

    means: (n_participants, n_levels). The estimate is partial eta squared.
    """
    (effect,) = anova(matrix(means), within=("condition",))
    return effect.estimate


def anova(
    cells: ArrayLike,
    within: Sequence[str],
    between: tuple[str, Sequence[str]] | None = None,
    seed: int | None = None,
) -> tuple[Effect, ...]:
    """Every effect of a design with one or two within factors and at most one between.

    cells: (n_participants, levels of the first within factor[, of the second]), means.
    between: its name and each participant's level. seed: asks for BCa intervals of partial eta
    squared, drawing participants anew within their group.
    Raises NotEstimableError where an effect has no variance to be judged against.
    """
    y = _cells(cells, within)
    name, labels = between or ("", ["all"] * len(y))
    levels, group = np.unique(np.asarray(labels), return_inverse=True)
    if len(group) != len(y):
        raise ValueError(f"{len(y)} participants but {len(group)} levels of {name}")
    if between and len(levels) < 2:
        raise NotEstimableError(f"{name} has one level: there is nothing to compare")
    if np.bincount(group).min() < 2:
        raise NotEstimableError(
            f"a level of {name or 'the design'} has fewer than two participants"
        )
    strata = _strata(y, within, name, group)
    # Participants' own spread counts in generalised eta squared, tested or not.
    errors = {s.within: s.error for s in strata} | {
        "": _residual(y.mean(axis=(1, 2)), group) * y[0].size
    }
    everything = sum(errors.values())
    effects = tuple(_effect(s, everything, group) for s in strata)
    if seed is None:
        return effects
    members = [np.flatnonzero(group == level) for level in range(len(levels))]
    sizes = [len(m) for m in members]

    def partial(place: int, *drawn: Indices) -> float:
        people = np.concatenate([m[i] for m, i in zip(members, drawn, strict=True)])
        drawn_group = np.repeat(np.arange(len(drawn)), [len(i) for i in drawn])
        try:
            stratum = _strata(y[people], within, name, drawn_group)[place]
        except NotEstimableError:
            return float("nan")
        return stratum.effect / (stratum.effect + stratum.error)

    return tuple(
        replace(
            effect,
            estimate=with_interval(
                effect.estimate, functools.partial(partial, place), sizes, seed=seed
            ),
        )
        for place, effect in enumerate(effects)
    )


def welch_anova(values: Sequence[ArrayLike]) -> Estimate:
    """Welch's one-way ANOVA of different people; the estimate is eta squared."""
    samples = groups(values)
    if any(constant(x) for x in samples):
        raise NotEstimableError("nobody differs from anyone within one of the conditions")
    test = stats.f_oneway(*samples, equal_var=False)
    sizes = np.array([len(x) for x in samples])
    means = np.array([x.mean() for x in samples])
    weights = sizes / np.array([x.var(ddof=1) for x in samples])
    k = len(samples)
    spread = float(((1 - weights / weights.sum()) ** 2 / (sizes - 1)).sum())
    everyone = np.concatenate(samples)
    between = float((sizes * (means - everyone.mean()) ** 2).sum())
    return Estimate(
        name="eta squared",
        value=between / float(((everyone - everyone.mean()) ** 2).sum()),
        test="Welch's ANOVA",
        statistic=float(test.statistic),
        df=(float(k - 1), (k**2 - 1) / (3 * spread)),
        p=float(test.pvalue),
        n=len(everyone),
        source="Welch (1951), Biometrika 38(3-4), 330-336",
        checks=normality(np.concatenate([x - x.mean() for x in samples]), "residuals")
        + equal_spread(samples),
    )


def _cells(values: ArrayLike, within: Sequence[str]) -> Floats:
    y = numbers(values)
    if len(within) not in (1, 2) or y.ndim != 1 + len(within) or min(y.shape[1:], default=0) < 2:
        raise ValueError(
            f"expected participants x two or more levels of each of {list(within)}, one or two "
            f"factors; got shape {y.shape}"
        )
    if len(y) < 2:
        raise NotEstimableError(f"this needs at least two participants; there are {len(y)}")
    return y.reshape(len(y), y.shape[1], -1)  # (n, levels, levels of the second or 1)


def _strata(y: Floats, within: Sequence[str], name: str, group: Indices) -> list[_Stratum]:
    """Every testable effect, in the order of R's tables: between, within, their interactions."""
    first, second = (_contrasts(levels) for levels in y.shape[1:])
    mean_1, mean_2 = (np.full((k, 1), k**-0.5) for k in y.shape[1:])
    sets = {"": np.kron(mean_1, mean_2), within[0]: np.kron(first, mean_2)}
    if len(within) == 2:
        sets[within[1]] = np.kron(mean_1, second)
        sets[":".join(within)] = np.kron(first, second)
    flat = y.reshape(len(y), -1)
    found = []
    for term, contrasts in sets.items():
        if name or term:
            found += _tests(flat @ contrasts, term, name, group)
    return found


def _tests(z: Floats, term: str, name: str, group: Indices) -> list[_Stratum]:
    """The contrasts z, (n, q), against zero over all groups and between them."""
    counts = np.bincount(group)
    means = np.array([z[group == level].mean(axis=0) for level in range(len(counts))])
    residual = z - means[group]
    df = len(z) - len(counts)
    scatter = residual.T @ residual
    error = float(np.trace(scatter))
    total = float(((z - z.mean(axis=0)) ** 2).sum()) + float((z.mean(axis=0) ** 2).sum())
    if error <= 1e-12 * max(total, 1e-300):
        raise NotEstimableError("the conditions differ by the same amount for everyone")
    q = z.shape[1]
    epsilon = error**2 / (q * float((scatter**2).sum()))
    found = []
    if name:
        weighted = counts @ means / len(z)
        between = float((counts @ (means - weighted) ** 2).sum())
        label = f"{name}:{term}" if term else name
        df_between = (q * (len(counts) - 1), q * df)
        found.append(_Stratum(label, term, between, error, df_between, epsilon, residual))
    if term:
        # Type III: each group's mean counts the same, however many people it has.
        average = means.mean(axis=0)
        overall = float((average**2).sum()) * len(counts) ** 2 / float((1 / counts).sum())
        found.insert(0, _Stratum(term, term, overall, error, (q, q * df), epsilon, residual))
    return found


def _effect(s: _Stratum, everything: float, group: Indices) -> Effect:
    f = s.effect / s.df[0] / (s.error / s.df[1])
    df = (s.epsilon * s.df[0], s.epsilon * s.df[1])
    corrected = s.within != "" and s.epsilon < 1 - 1e-12
    test = "repeated-measures ANOVA" if s.within else "ANOVA between participants"
    estimate = Estimate(
        name="partial eta squared",
        value=s.effect / (s.effect + s.error),
        test=f"{test}, Greenhouse-Geisser" if s.within else test,
        statistic=f,
        df=df,
        p=float(stats.f.sf(f, *df)),
        n=len(group),
        source=f"{GREENHOUSE}; {GENERALISED}" if s.within else GENERALISED,
        notes=(f"epsilon {s.epsilon:.3f}",) if corrected else (),
        checks=_checks(s, group),
    )
    generalised = s.effect / (s.effect + everything)
    return Effect(s.term, estimate, generalised, s.epsilon, s.effect, s.error)


def _checks(s: _Stratum, group: Indices) -> tuple[Check, ...]:
    n, q = s.residual.shape
    groups_of = range(int(group.max()) + 1)
    if q > 1:
        return sphericity(s.residual.T @ s.residual, n - len(groups_of))
    checks = normality(s.residual[:, 0], "residuals")
    if s.within:
        return checks
    return checks + equal_spread([s.residual[group == g, 0] for g in groups_of])


def _contrasts(levels: int) -> Floats:
    """Orthonormal contrasts of the levels, shape (levels, levels - 1)."""
    return np.asarray(linalg.helmert(levels).T, dtype=float)


def _residual(values: Floats, group: Indices) -> float:
    means = np.array([values[group == g].mean() for g in range(group.max() + 1)])
    return float(((values - means[group]) ** 2).sum())
