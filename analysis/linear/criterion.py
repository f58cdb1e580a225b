"""The restricted likelihood of a linear mixed model as a function of the random effects' spread.

Random effects are b = sigma L u with u standard normal; theta holds the entries of every term's
lower-triangular L, so the fixed effects and sigma have closed forms.
Source: Bates, Maechler, Bolker & Walker (2015), J. Statistical Software 67(1), sec. 3.4.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.ordinal.laplace import factors_of
from analysis.ordinal.links import Floats
from analysis.ordinal.structure import RandomTerm, Structure


@dataclass(frozen=True)
class Parts:
    """What the likelihood is made of at one theta.

    information: X'(Z L L'Z' + I)^-1 X, (p, p). fixed: (p,). residual: the penalised sum of squares.
    log_determinant: of Z L L'Z' + I, plus that of information.
    """

    information: Floats
    fixed: Floats
    residual: float
    log_determinant: float


class Criterion:
    """The REML criterion (minus twice the restricted log-likelihood) of y on x (n, p)."""

    def __init__(self, y: Floats, x: Floats, terms: Sequence[RandomTerm]) -> None:
        self.terms = terms
        self.structure = Structure(terms)
        self.both = np.column_stack([x, y])
        self.products = self.both.T @ self.both
        self.df = len(y) - x.shape[1]

    def parts(self, theta: Floats) -> Parts:
        """Solve for everything else at theta."""
        structure = self.structure
        factors = factors_of(self.terms, theta)
        v = np.concatenate([self.terms[i].z @ factors[i] for i in structure.order], axis=1)
        factor = structure.factor(v, np.ones(len(v)))
        collected = [structure.collect(v * column[:, None]) for column in self.both.T]
        flat = np.array([np.concatenate([inner.ravel(), outer]) for inner, outer in collected])
        solved = np.array(
            [
                np.concatenate([part.ravel() for part in factor.solve(inner, outer)])
                for inner, outer in collected
            ]
        )
        inside = self.products - flat @ solved.T
        information = inside[:-1, :-1]
        fixed = np.linalg.solve(information, inside[:-1, -1])
        return Parts(
            information=information,
            fixed=fixed,
            residual=float(inside[-1, -1] - fixed @ inside[:-1, -1]),
            log_determinant=factor.log_determinant + float(np.linalg.slogdet(information)[1]),
        )

    def at(self, theta: Floats, sigma: float) -> float:
        """The criterion at theta and a residual standard deviation."""
        parts = self.parts(theta)
        spread = self.df * np.log(2 * np.pi * sigma**2)
        return float(spread + parts.log_determinant + parts.residual / sigma**2)

    def profiled(self, theta: Floats) -> float:
        """The criterion at theta and the best residual standard deviation for it."""
        parts = self.parts(theta)
        variance = max(parts.residual / self.df, 1e-300)
        return float(parts.log_determinant + self.df * (1 + np.log(2 * np.pi * variance)))
