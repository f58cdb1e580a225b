"""Log-probability of each observed category and its derivatives in the two cut points around it.

An answer y lies between two cut points, upper a and lower c, each linear in the fixed parameters
and shifted by the random effects: P(y) = F(a) - F(c). Everything that fits a model is a sum over
answers of log P(y) and its derivatives in a and c; nothing here knows conditions or participants.
"""

from dataclasses import dataclass

import numpy as np

from analysis.ordinal.links import Floats, Link

# Below this a probability has lost its digits; such a point is refused, and the search steps back.
_SMALLEST = 1e-290


@dataclass(frozen=True)
class Rows:
    """Each answer's cut points are a = upper @ fixed + shift and c = lower @ fixed + shift.

    upper, lower: (n, n_fixed). top, bottom: (n,), true for the highest and the lowest category,
    whose upper and lower cut point is infinite.
    """

    upper: Floats
    lower: Floats
    top: np.ndarray
    bottom: np.ndarray

    def cuts(self, fixed: Floats, shift: Floats | float = 0.0) -> tuple[Floats, Floats]:
        """The cut points (n,), (n,) at these fixed parameters and this shift of both."""
        a = np.where(self.top, np.inf, self.upper @ fixed + shift)
        c = np.where(self.bottom, -np.inf, self.lower @ fixed + shift)
        return a, c


@dataclass(frozen=True)
class Cells:
    """Log-probabilities (n,) with first, second and (on request) third derivatives in a and c.

    slope and weight are the first and minus the second derivative in a shift of both cut points;
    weight_a, weight_c are the derivatives of the weight.
    """

    log_p: Floats
    a: Floats
    c: Floats
    aa: Floats
    ac: Floats
    cc: Floats
    weight_a: Floats | None = None
    weight_c: Floats | None = None

    @property
    def slope(self) -> Floats:
        """Derivative of log_p in a shift of both cut points, (n,)."""
        return self.a + self.c

    @property
    def weight(self) -> Floats:
        """Minus the second derivative of log_p in that shift, (n,); never negative."""
        return -(self.aa + 2 * self.ac + self.cc)

    @property
    def thirds(self) -> tuple[Floats, Floats]:
        """Derivatives of the weight in a and in c. Raises ValueError when not asked for."""
        if self.weight_a is None or self.weight_c is None:
            raise ValueError("third derivatives were not asked for")
        return self.weight_a, self.weight_c


def cells(link: Link, a: Floats, c: Floats, third: bool = False) -> Cells | None:
    """Derivatives of log(F(a) - F(c)), or None where an answer is impossible at these cuts."""
    p = link.interval(a, c)
    if not (p > _SMALLEST).all():
        return None
    fa, fa1, fa2 = (part / p for part in link.density(a))
    fc, fc1, fc2 = (part / p for part in link.density(c))
    aa, ac, cc = fa1 - fa**2, fa * fc, -fc1 - fc**2
    result = Cells(np.log(p), fa, -fc, aa, ac, cc)
    if not third:
        return result
    aaa = fa2 - 3 * fa1 * fa + 2 * fa**3
    aac = fa1 * fc - 2 * fa**2 * fc
    acc = fc1 * fa + 2 * fa * fc**2
    ccc = -fc2 - 3 * fc1 * fc - 2 * fc**3
    return Cells(result.log_p, fa, -fc, aa, ac, cc, -(aaa + 2 * aac + acc), -(aac + 2 * acc + ccc))
