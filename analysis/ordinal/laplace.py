"""The marginal log-likelihood of several or vector random terms by Laplace's method, with gradient.

Random effects are b = L u with u standard normal and L a lower-triangular factor for each term. The
integral over u is replaced by that of the normal density at its mode: the log-likelihood is
g(mode) - log det H / 2, with g the joint log density and H minus its curvature. The gradient is
exact: it follows the mode and the determinant.
Source: Tierney & Kadane (1986), JASA 81(393), 82-86; Christensen (2019), ordinal's
article, sec. 2.
"""

from collections.abc import Sequence

import numpy as np

from analysis.ordinal.likelihood import Cells, Rows, cells
from analysis.ordinal.links import Floats, Link
from analysis.ordinal.structure import Factor, RandomTerm, Structure

_NEWTON_STEPS = 60


class Laplace:
    """Log-likelihood as a function of (fixed parameters, entries of every term's L).

    Keeps the last mode as the next start, which changes where the search begins, not where it ends.
    """

    def __init__(self, rows: Rows, terms: Sequence[RandomTerm], link: Link) -> None:
        self.rows = rows
        self.link = link
        self.structure = Structure(terms)
        self.terms = terms
        self.n_fixed = rows.upper.shape[1]
        self.inner = np.zeros((self.structure.levels, self.structure.width))
        self.outer = np.zeros(self.structure.n_outer)

    def __call__(self, parameters: Floats) -> tuple[float, Floats] | None:
        """Log-likelihood and gradient, or None where the parameters make an answer impossible."""
        fixed, spread = parameters[: self.n_fixed], parameters[self.n_fixed :]
        factors = factors_of(self.terms, spread)
        v = np.concatenate([self.terms[i].z @ factors[i] for i in self.structure.order], axis=1)
        try:
            found = self._mode(fixed, v)
        except np.linalg.LinAlgError:
            # H is at least the identity; it fails to factor only where V is absurdly large.
            return None
        if found is None:
            return None
        own, at, factor = found
        size = (self.inner**2).sum() + self.outer @ self.outer
        value = float(at.log_p.sum() - size / 2 - factor.log_determinant / 2)
        return value, self._gradient(own, v, at, factor)

    def _mode(self, fixed: Floats, v: Floats) -> tuple[Floats, Cells, Factor] | None:
        """Newton's method for the mode of u: own effects, derivatives there, and H there."""
        structure = self.structure
        inner, outer = self.inner, self.outer
        here = self._joint(fixed, v, inner, outer)
        if here is None:
            inner, outer = np.zeros_like(inner), np.zeros_like(outer)
            here = self._joint(fixed, v, inner, outer)
            if here is None:
                return None
        for _ in range(_NEWTON_STEPS):
            value, at = here
            pull_inner, pull_outer = structure.collect(-v * at.slope[:, None])
            factor = structure.factor(v, at.weight)
            step = factor.solve(pull_inner - inner, pull_outer - outer)
            largest = max(float(np.abs(part).max(initial=0)) for part in step)
            for halving in range(30):
                size = 0.5**halving
                trial = inner + size * step[0], outer + size * step[1]
                there = self._joint(fixed, v, *trial)
                if there is not None and there[0] >= value - 1e-9 * abs(value):
                    break
            else:
                return None
            inner, outer = trial
            here = there
            # Newton's error is squared at each step: the next would be below 1e-12.
            if largest < 1e-6:
                break
        else:
            return None
        self.inner, self.outer = inner, outer
        own = structure.own(inner, outer)
        a, c = self.rows.cuts(fixed, -(v * own).sum(axis=1))
        full = cells(self.link, a, c, third=True)
        if full is None:
            return None
        return own, full, structure.factor(v, full.weight)

    def _joint(
        self, fixed: Floats, v: Floats, inner: Floats, outer: Floats
    ) -> tuple[float, Cells] | None:
        own = self.structure.own(inner, outer)
        at = cells(self.link, *self.rows.cuts(fixed, -(v * own).sum(axis=1)))
        if at is None:
            return None
        return float(at.log_p.sum() - ((inner**2).sum() + outer @ outer) / 2), at

    def _gradient(self, own: Floats, v: Floats, at: Cells, factor: Factor) -> Floats:
        """Gradient: through the cut points, through V, through det H, and through the mode of u."""
        structure = self.structure
        weight_a, weight_c = at.thirds
        slope, weight = at.slope, at.weight
        bent = np.einsum("nab,nb->na", factor.own_inverse(), v)  # own rows of H^-1 v
        half = (bent * v).sum(axis=1) / 2
        tilt = half * (weight_a + weight_c)
        through = structure.own(*factor.solve(*structure.collect(v * tilt[:, None])))
        moved = (v * through).sum(axis=1)
        upper = at.a - half * weight_a - moved * (at.aa + at.ac)
        lower = at.c - half * weight_c - moved * (at.ac + at.cc)
        fixed = self.rows.upper.T @ upper + self.rows.lower.T @ lower
        by_column = (
            own * (tilt - slope - weight * moved)[:, None]
            - through * slope[:, None]
            - bent * weight[:, None]
        )
        spread: dict[int, Floats] = {}
        start = 0
        for index in structure.order:
            term = self.terms[index]
            full = term.z.T @ by_column[:, start : start + term.width]
            spread[index] = full[np.tril_indices(term.width)]
            start += term.width
        return np.concatenate([fixed, *(spread[i] for i in range(len(self.terms)))])


def factors_of(terms: Sequence[RandomTerm], spread: Floats) -> list[Floats]:
    """Each term's lower-triangular L (r, r), from the entries of all of them in a row."""
    result, start = [], 0
    for term in terms:
        count = term.width * (term.width + 1) // 2
        factor = np.zeros((term.width, term.width))
        factor[np.tril_indices(term.width)] = spread[start : start + count]
        result.append(factor)
        start += count
    return result
