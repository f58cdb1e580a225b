"""Draw new answers from a fitted model, and test a term by what such answers give.

With few participants the chi-square distribution of a likelihood ratio is too narrow; the
parametric bootstrap replaces it by the distribution that the smaller model itself produces.
"""

from dataclasses import replace

import numpy as np

from analysis.estimate import Estimate, NotEstimableError
from analysis.ordinal.compare import EDGE, compare
from analysis.ordinal.fit import fit_design
from analysis.ordinal.links import Floats
from analysis.ordinal.result import Fit
from analysis.ordinal.structure import Ints

BOOTSTRAP = "Davison & Hinkley (1997), Bootstrap Methods and their Application, sec. 4.2"

# A bootstrap that loses more than this share of its replicates says nothing.
_MOST_LOST = 0.1


def simulate(fit: Fit, generator: np.random.Generator) -> Ints:
    """New answers (n,), as indices into fit.design.levels, from new people and new stimuli.

    The design (who sees what) stays; every random effect is drawn afresh from its distribution.
    """
    design = fit.design
    shift = np.zeros(fit.n)
    for term, covariance in zip(design.random, fit.spread, strict=True):
        values, vectors = np.linalg.eigh(covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        effects = generator.standard_normal((len(term.labels), term.width)) @ root.T
        shift = shift + (term.z * effects[term.level]).sum(axis=1)
    chance: Floats = generator.random(fit.n)
    codes = np.zeros(fit.n, dtype=np.intp)
    for cut in range(len(design.levels) - 1):
        at = design.cut_rows(design.matrix, cut) @ fit.fixed - shift
        codes += chance > fit.link.interval(at, np.full_like(at, -np.inf))
    return codes


def bootstrap_test(smaller: Fit, larger: Fit, replicates: int, seed: int) -> Estimate:
    """Likelihood-ratio test with its p value from answers simulated under the smaller model.

    Fits both models to every replicate, so it takes 2 * replicates fits. p counts the observed
    statistic among the simulated ones, so it is at least 1 / (replicates + 1). Replicates without
    an estimate (such as a category that nobody chose) are left out, and the notes count them.
    Raises ValueError as compare does, NotEstimableError when one replicate in ten is lost.
    Source: Davison & Hinkley (1997), Bootstrap Methods and their Application, sec. 4.2.
    """
    observed = compare(smaller, larger)
    if smaller.df > larger.df:
        smaller, larger = larger, smaller
    generator = np.random.default_rng(seed)
    statistics = []
    for _ in range(replicates):
        codes = simulate(smaller, generator)
        if len(np.unique(codes)) < len(smaller.design.levels):
            continue
        try:
            pair = [
                fit_design(
                    replace(fit.design, codes=codes),
                    fit.link,
                    fit.quadrature,
                    fit.confidence,
                    fit.formula,
                )
                for fit in (smaller, larger)
            ]
        except NotEstimableError:
            continue
        statistics.append(max(0.0, 2 * (pair[1].log_likelihood - pair[0].log_likelihood)))
    lost = replicates - len(statistics)
    if lost > _MOST_LOST * replicates:
        raise NotEstimableError(
            f"{lost} of {replicates} simulated studies have no estimate, so the bootstrap says "
            "nothing; there may be too few answers in some category"
        )
    beyond = int(np.sum(np.array(statistics) >= observed.value))
    notes = [*observed.notes, f"{len(statistics)} simulated studies, seed {seed}"]
    if lost:
        notes.append(f"{lost} more had no estimate and are left out")
    return replace(
        observed,
        test=observed.test.replace("likelihood-ratio test", "parametric bootstrap"),
        df=(),
        p=(beyond + 1) / (len(statistics) + 1),
        source=BOOTSTRAP,
        notes=tuple(note for note in notes if not note.startswith(EDGE)),
    )
