"""Factors of a correlation matrix: least squares off the diagonal, and the rotation by oblimin."""

import numpy as np
from scipy import optimize

from analysis.estimate import NotEstimableError
from analysis.samples import Floats

# The gradient below which a rotation counts as found, and after how many steps it is given up.
_FLAT = 1e-5
_MOST_STEPS = 1000


def minres(correlation: Floats, factors: int) -> Floats:
    """Unrotated loadings (k, factors) that leave the least squares off the diagonal.

    Source: Harman & Jones (1966), Psychometrika 31(3), 351-368.
    """
    diagonal = np.arange(len(correlation))

    def loadings(unique: Floats) -> Floats:
        values, vectors = np.linalg.eigh(correlation - np.diag(unique))
        return np.asarray(vectors[:, -factors:] * np.sqrt(values[-factors:].clip(min=0)))

    def misfit(unique: Floats) -> tuple[float, Floats]:
        """Squares left when uniqueness is given; the best loadings do not move its gradient."""
        found = loadings(unique)
        rest = correlation - np.diag(unique) - found @ found.T
        return float((rest**2).sum()) / 2, -rest[diagonal, diagonal]

    start = 1 / np.linalg.inv(correlation)[diagonal, diagonal]  # 1 - squared multiple correlation
    bounds = [(0.005, 1.0)] * len(correlation)
    unique, _, _ = optimize.fmin_l_bfgs_b(misfit, start, bounds=bounds, factr=1e5, pgtol=1e-6)
    return loadings(unique)


def oblimin(loadings: Floats) -> tuple[Floats, Floats]:
    """Rotate loadings (k, m) to few large ones an item, and the correlations (m, m) of the factors.

    Raises NotEstimableError where the rotation does not settle.
    Source: Jennrich (2002), Psychometrika 67(1), 7-19, gradient projection; quartimin.
    """
    m = loadings.shape[1]
    others = 1 - np.eye(m)
    transform = np.eye(m)
    step = 1.0

    def rotated(t: Floats) -> tuple[Floats, float]:
        found = loadings @ np.linalg.inv(t).T
        return found, float((found**2 * (found**2 @ others)).sum()) / 4

    pattern, value = rotated(transform)
    for _ in range(_MOST_STEPS):
        slope = pattern * (pattern**2 @ others)
        gradient = -(pattern.T @ slope @ np.linalg.inv(transform)).T
        projected = gradient - transform * (transform * gradient).sum(axis=0)
        length = float(np.sqrt((projected**2).sum()))
        if length < _FLAT:
            return pattern, transform.T @ transform
        step *= 2
        for _ in range(20):
            tried = transform - step * projected
            tried /= np.sqrt((tried**2).sum(axis=0))
            new_pattern, new_value = rotated(tried)
            if new_value < value - step * length**2 / 2:
                break
            step /= 2
        transform, pattern, value = tried, new_pattern, new_value
    raise NotEstimableError("the rotation of the factors does not settle")
