"""Numbers as every statistic takes them: finite, of one shape, of at least two participants.

NotEstimableError says in a reader's words why numbers do not carry a statistic.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.estimate import NotEstimableError

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

# Decimals at which two means count as tied: 4 1/3 - 4 and 3 1/3 - 3 differ in the sixteenth.
TIES = 10

# The eighth power of a larger number, which squares of sums of squares reach, is not safely finite.
_LARGEST = 1e30


def numbers(values: ArrayLike) -> Floats:
    """Finite numbers of any shape."""
    x = np.asarray(values, dtype=float)
    if not np.isfinite(x).all():
        raise NotEstimableError("a value is missing or not finite")
    if x.size and np.abs(x).max() > _LARGEST:
        raise NotEstimableError(f"a value is beyond {_LARGEST:g}, too large to compute with")
    return x


def sample(values: ArrayLike) -> Floats:
    """One number for each of at least two participants, shape (n,)."""
    x = np.asarray(values, dtype=float)
    if x.ndim != 1:
        raise ValueError(f"expected one value per participant, got shape {x.shape}")
    return _enough(numbers(x))


def differences(a: ArrayLike, b: ArrayLike) -> Floats:
    """Differences a - b of the same participants, shape (n,)."""
    x, y = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if x.shape != y.shape:
        raise NotEstimableError(f"a has shape {x.shape} and b {y.shape}; they must be the same")
    return sample(numbers(x) - numbers(y))


def matrix(values: ArrayLike) -> Floats:
    """Participants x levels, with at least two of each."""
    y = np.asarray(values, dtype=float)
    if y.ndim != 2 or y.shape[1] < 2:
        raise ValueError(f"expected participants x levels, got shape {y.shape}")
    return _enough(numbers(y))


def groups(values: Sequence[ArrayLike]) -> list[Floats]:
    """At least two samples of different participants."""
    samples = [sample(group) for group in values]
    if len(samples) < 2:
        raise NotEstimableError(f"this compares at least two groups; there are {len(samples)}")
    return samples


def binary(values: ArrayLike) -> Floats:
    """Zeros and ones of any shape."""
    x = numbers(values)
    if not np.isin(x, (0, 1)).all():
        raise NotEstimableError("expected only 0 and 1")
    return x


def one_kind(*columns: NDArray[np.object_]) -> None:
    """Raise NotEstimableError where categories mix text and numbers, which are never the same."""
    if len({isinstance(value, str) for column in columns for value in column}) > 1:
        raise NotEstimableError("answers mix text and numbers, which are never the same")


def constant(x: Floats) -> bool:
    """Whether all numbers are the same, as far as floating point can tell."""
    return bool(np.ptp(x) <= 10.0**-TIES * max(1.0, float(np.abs(x).max())))


def same_length(**columns: ArrayLike) -> None:
    """Raise ValueError, naming the columns, unless all are vectors of one length."""
    shapes = {name: np.shape(column) for name, column in columns.items()}
    if len(set(shapes.values())) > 1 or any(len(shape) != 1 for shape in shapes.values()):
        told = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(f"these must be vectors of one length, one value for each answer: {told}")


def _enough(x: Floats) -> Floats:
    if len(x) < 2:
        raise NotEstimableError(f"this needs at least two participants; there are {len(x)}")
    return x
