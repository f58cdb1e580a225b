"""Climb a smooth log-likelihood: quasi-Newton, then Newton steps with a differenced Hessian."""

from collections.abc import Callable

import numpy as np

from analysis.estimate import NotEstimableError
from analysis.ordinal.links import Floats

# Value and gradient at a point, or None where the log-likelihood does not exist.
Objective = Callable[[Floats], tuple[float, Floats] | None]

_STEPS = 500
_HALVINGS = 40


def climb(objective: Objective, start: Floats, inverse: Floats) -> tuple[Floats, Floats]:
    """A maximum by BFGS from start, with the final inverse of minus the Hessian as estimated.

    inverse: (k, k), positive definite, a guess of that matrix that gives the search its scale.
    Raises NotEstimableError when it does not converge.
    Source: Nocedal & Wright (2006), Numerical Optimization, ch. 6.
    """
    here = objective(start)
    if here is None:
        raise NotEstimableError("the log-likelihood does not exist at the starting values")
    x, (value, slope) = start, here
    for _ in range(_STEPS):
        step = inverse @ slope
        gain = float(slope @ step)
        if gain < 1e-10 * max(1.0, abs(value) * 1e-3):
            return x, inverse
        moved = _backtrack(objective, x, value, step, gain)
        if moved is None:
            # No step up is left in floating point, which near the top is convergence.
            if gain < 1e-5:
                return x, inverse
            raise NotEstimableError(_STUCK)
        x_new, value, slope_new = moved
        s, y = x_new - x, slope - slope_new
        curvature = float(s @ y)
        if curvature > 1e-12 * float(np.linalg.norm(s) * np.linalg.norm(y)):
            rho = 1 / curvature
            left = np.eye(len(x)) - rho * np.outer(s, y)
            inverse = left @ inverse @ left.T + rho * np.outer(s, s)
        x, slope = x_new, slope_new
    raise NotEstimableError(_STUCK)


def polish(objective: Objective, x: Floats, inverse: Floats) -> tuple[Floats, float, Floats]:
    """Newton steps from a point near the maximum: the point, its value and minus the Hessian there.

    Raises NotEstimableError when the steps do not settle.
    """
    steps = 1e-3 * np.sqrt(np.diag(inverse))
    for _ in range(6):
        here = objective(x)
        if here is None:
            break
        value, slope = here
        information = -hessian(objective, x, steps)
        values, vectors = np.linalg.eigh(_scaled(information, steps))
        # Directions without information (a variance at zero) are left where they are.
        safe = values > 1e-7 * values.max()
        along = vectors[:, safe] * steps[:, None]
        step = along @ ((along.T @ slope) / values[safe])
        gain = float(step @ slope)
        if gain < 1e-9:
            return x, value, information
        moved = _backtrack(objective, x, value, step, gain)
        if moved is None:
            if gain < 1e-5:
                return x, value, information
            break
        x = moved[0]
    raise NotEstimableError(_STUCK)


def hessian(objective: Objective, x: Floats, steps: Floats) -> Floats:
    """Second derivatives (k, k) by central differences of the gradient."""
    columns = []
    for index, step in enumerate(steps):
        ends = []
        for sign in (1, -1):
            point = x.copy()
            point[index] += sign * step
            there = objective(point)
            if there is None:
                raise NotEstimableError(
                    "the log-likelihood has no curvature at the estimates, so there are no "
                    "standard errors"
                )
            ends.append(there[1])
        columns.append((ends[0] - ends[1]) / (2 * step))
    matrix = np.array(columns)
    result: Floats = (matrix + matrix.T) / 2
    return result


def _scaled(matrix: Floats, steps: Floats) -> Floats:
    result: Floats = matrix * steps[:, None] * steps
    return result


def _backtrack(
    objective: Objective, x: Floats, value: float, step: Floats, gain: float
) -> tuple[Floats, float, Floats] | None:
    """The first of step, step / 2, step / 4 ... that goes up enough, or None."""
    for halving in range(_HALVINGS):
        size = 0.5**halving
        there = objective(x + size * step)
        if there is not None and there[0] >= value + 1e-4 * size * gain - 1e-12 * abs(value):
            if there[0] <= value and halving:
                return None
            return x + size * step, *there
    return None


_STUCK = (
    "the fit did not converge; the model may have more parameters than these data carry. Try "
    "fewer random terms or fewer predictors"
)
