"""HiPPO matrices, and their split into a normal and a low-rank part, from which S4 starts.

x'(t) = A x(t) + B u(t) keeps what was read as coefficients in a basis: LegS (Legendre, the whole
past, stretched), LegT (Legendre, a sliding window), Fourier (a sliding window). N: size of the
state.
Sources: Gu et al. 2020, arXiv:2008.07669; Gu et al. 2022, arXiv:2206.12037, sections 3 and 4.
"""

import math
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
MEASURES = ("legs", "legt", "fourier")


class Split(NamedTuple):
    """A = V (diag(A_normal) - P P*) V*, half of it: of each conjugate pair the one with Im < 0.

    A_normal (N/2,), P (rank, N/2), B (N/2,), V (N, N/2): x = 2 Re(V z).
    """

    A_normal: Complex
    P: Complex
    B: Complex
    V: Complex


def transition(measure: str, N: int) -> tuple[Real, Real]:
    """Return A (N, N) and B (N,) of a HiPPO measure; N is even for fourier."""
    n = np.arange(N)
    if measure == "legs":
        root = np.sqrt(2 * n + 1)
        return -(np.tril(np.outer(root, root), -1) + np.diag(n + 1.0)), root
    if measure == "legt":
        root = np.sqrt(2 * n + 1)
        sign = np.where(n[:, None] < n[None, :], (-1.0) ** (n[:, None] - n[None, :]), 1.0)
        return -np.outer(root, root) * sign, root
    # Pairs (cos, sin) of frequencies 0, 1, ...; there is no sine of frequency 0: its place stays 0.
    turn = np.zeros((N, N))
    for k in range(N // 2):
        turn[2 * k, 2 * k + 1] = -2 * math.pi * k
        turn[2 * k + 1, 2 * k] = 2 * math.pi * k
    edge = np.where(n % 2 == 0, math.sqrt(2.0), 0.0)
    edge[0] = 1.0
    return turn - 2 * np.outer(edge, edge), 2 * edge


def low_rank(measure: str, N: int) -> Real:
    """Return P (rank, N), for which A + P^T P is normal."""
    n = np.arange(N)
    if measure == "legs":
        return np.asarray(np.sqrt(n + 0.5), dtype=np.float64)[None]
    if measure == "legt":
        root = np.sqrt(2 * n + 1)
        return np.stack([np.where(n % 2 == 0, root, 0), np.where(n % 2 == 1, root, 0)])
    edge = np.where(n % 2 == 0, math.sqrt(2.0), 0.0)
    edge[0] = 1.0
    return math.sqrt(2.0) * edge[None]


@cache
def split(measure: str, N: int) -> Split:
    """Split a measure's A; N is even."""
    A, B = transition(measure, N)
    P = low_rank(measure, N)
    normal = A + P.T @ P
    if measure == "fourier":
        # Known, and ambiguous to a solver: the constant and the unused sine both turn at 0.
        imaginary = -2 * math.pi * np.arange(N // 2)
        V = np.kron(np.eye(N // 2), np.array([[1], [1j]])) / math.sqrt(2)
    else:
        # The skew-symmetric part times -i is Hermitian: its eigenvectors are stable.
        imaginary, V = np.linalg.eigh(-0.5j * (normal - normal.T))
        imaginary, V = imaginary[: N // 2], V[:, : N // 2]
    real = float(np.mean(np.diag(normal)))
    parts = (real + 1j * imaginary, P @ V.conj(), V.conj().T @ B, V)
    return Split(*(np.asarray(each, dtype=np.complex128) for each in parts))


def diagonal(init: str, modes: int) -> Complex:
    """Return A (modes,) of S4D: "lin", "inv" or "legs", sorted as the papers count n.

    Source: Gu et al. 2022, arXiv:2206.11893, section 4.
    """
    n = np.arange(modes)
    if init == "legs":
        return split("legs", 2 * modes).A_normal
    N = 2 * modes
    turns = math.pi * n if init == "lin" else (N / math.pi) * (N / (2 * n + 1) - 1)
    return np.asarray(-0.5 - 1j * turns, dtype=np.complex128)
