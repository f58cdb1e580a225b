"""The random effects' precision matrix, kept in blocks so that no large matrix is factored.

With one grouping factor the matrix H = I + V'WV is block diagonal: one small block a level. With
several, the largest factor's part is block diagonal and the others are eliminated onto a dense Schur
complement of their own (small) size. Source: Bates et al. (2015), J. Stat. Software 67(1), sec. 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from analysis.estimate import NotEstimableError
from analysis.ordinal.links import Floats

Ints = NDArray[np.intp]

# Entries of the dense border (levels of the largest factor times effects of all others): 480 MB.
_LARGEST_BORDER = 60_000_000


@dataclass(frozen=True)
class RandomTerm:
    """One random term: z (n, r) columns named `names`, varying over the levels of a grouping factor.

    level: (n,), each answer's level as an index into labels.
    """

    grouping: str
    names: tuple[str, ...]
    z: Floats
    level: Ints
    labels: tuple[str, ...]

    @property
    def width(self) -> int:
        """Effects a level."""
        return len(self.names)


class Structure:
    """Which columns of V each answer touches: `inner` of the largest factor, `outer` of the others.

    Effects are laid out as inner (levels, width) and outer (n_outer,). V's columns of one answer are
    in the order of `order`, which indexes the terms as given: inner terms first.
    """

    def __init__(self, terms: Sequence[RandomTerm]) -> None:
        sizes: dict[str, int] = {}
        for term in terms:
            sizes[term.grouping] = sizes.get(term.grouping, 0) + term.width * len(term.labels)
        largest = max(sizes, key=lambda grouping: sizes[grouping])
        inner = [term for term in terms if term.grouping == largest]
        outer = [term for term in terms if term.grouping != largest]
        self.order = sorted(range(len(terms)), key=lambda i: terms[i].grouping != largest)
        self.level = inner[0].level
        self.levels = len(inner[0].labels)
        self.width = sum(term.width for term in inner)
        places, start = [], 0
        for term in outer:
            places.append(start + term.level[:, None] * term.width + np.arange(term.width))
            start += term.width * len(term.labels)
        self.n_outer = start
        empty: Ints = np.zeros((len(self.level), 0), dtype=np.intp)
        self.place: Ints = np.concatenate(places, axis=1) if places else empty
        if self.levels * self.width * self.n_outer > _LARGEST_BORDER:
            raise NotEstimableError(
                f"{self.levels} levels of {largest} crossed with {self.n_outer} other random "
                "effects is more than fits in memory"
            )

    def own(self, inner: Floats, outer: Floats) -> Floats:
        """Each answer's own effects, (n, columns), out of all effects."""
        return np.concatenate([inner[self.level], outer[self.place]], axis=1)

    def collect(self, values: Floats) -> tuple[Floats, Floats]:
        """Sum values (n, columns) over the answers that share an effect: V'x, as inner and outer."""
        inner = np.stack(
            [np.bincount(self.level, values[:, j], self.levels) for j in range(self.width)], axis=1
        )
        outer = np.zeros(self.n_outer)
        for j in range(self.place.shape[1]):
            outer += np.bincount(self.place[:, j], values[:, self.width + j], self.n_outer)
        return inner, outer

    def factor(self, v: Floats, weight: Floats) -> "Factor":
        """Factor H = I + V'WV. v: (n, columns); weight: (n,), not negative."""
        n_inner, n_all = self.width, v.shape[1]
        block = np.empty((self.levels, n_inner, n_inner))
        border = np.zeros((self.levels, n_inner, self.n_outer))
        corner = np.eye(self.n_outer)
        for a in range(n_all):
            weighted = weight * v[:, a]
            for b in range(a, n_all):
                product = weighted * v[:, b]
                if b < n_inner:
                    block[:, a, b] = np.bincount(self.level, product, self.levels)
                    block[:, b, a] = block[:, a, b]
                    continue
                second = self.place[:, b - n_inner]
                if a < n_inner:
                    cell = self.level * self.n_outer + second
                    total = np.bincount(cell, product, self.levels * self.n_outer)
                    border[:, a, :] += total.reshape(self.levels, self.n_outer)
                    continue
                cell = self.place[:, a - n_inner] * self.n_outer + second
                total = np.bincount(cell, product, self.n_outer**2).reshape(corner.shape)
                corner += total if a == b else total + total.T
        block += np.eye(n_inner)
        return Factor(self, block, border, corner)


class Factor:
    """H in factored form: its log determinant, solutions, and the parts of its inverse in use."""

    def __init__(self, structure: Structure, block: Floats, border: Floats, corner: Floats) -> None:
        self.structure = structure
        self.block_inverse = np.linalg.inv(block)
        self.border = self.block_inverse @ border
        flat = (structure.levels * structure.width, structure.n_outer)
        corner = corner - border.reshape(flat).T @ self.border.reshape(flat)
        self.root = np.linalg.cholesky(corner)
        self.log_determinant = float(
            np.linalg.slogdet(block)[1].sum() + 2 * np.log(np.diag(self.root)).sum()
        )

    def solve(self, inner: Floats, outer: Floats) -> tuple[Floats, Floats]:
        """H^-1 times (inner, outer)."""
        reduced = outer - np.einsum("mak,ma->k", self.border, inner)
        if len(outer):
            reduced = linalg.cho_solve((self.root, True), reduced)
        first = np.einsum("mab,mb->ma", self.block_inverse, inner) - self.border @ reduced
        return first, reduced

    def own_inverse(self) -> Floats:
        """The rows and columns of H^-1 that each answer touches, (n, columns, columns)."""
        structure = self.structure
        level, place, width = structure.level, structure.place, structure.width
        n_all = width + place.shape[1]
        result = np.empty((len(level), n_all, n_all))
        if not structure.n_outer:
            result[:] = self.block_inverse[level]
            return result
        corner = linalg.cho_solve((self.root, True), np.eye(structure.n_outer))
        across = self.border @ corner
        inner = self.block_inverse + across @ self.border.transpose(0, 2, 1)
        result[:, :width, :width] = inner[level]
        for a in range(width):
            result[:, a, width:] = -across[level[:, None], a, place]
            result[:, width:, a] = result[:, a, width:]
        result[:, width:, width:] = corner[place[:, :, None], place[:, None, :]]
        return result
