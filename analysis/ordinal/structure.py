"""The random effects' precision matrix, kept in blocks so that no large matrix is factored.

With one grouping factor the matrix H = I + V'WV is block diagonal: one small block a level. With
several, the largest factor's part is block diagonal and is eliminated; what remains is a dense
Schur complement of the other factors' own (small) size.
Source: Bates et al. (2015), J. Stat. Software 67(1), sec. 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from analysis.estimate import NotEstimableError
from analysis.ordinal.links import Floats

Ints = NDArray[np.intp]
# A dense or a sparse (csr) matrix; the two share the operators used here.
Border = Any

# Entries of one dense matrix of levels by other effects, or of the complement: 480 MB.
_LARGEST = 60_000_000
# From this size on a border that is mostly zeros is kept sparse; below, dense is faster.
_SPARSE_FROM = 100_000


@dataclass(frozen=True)
class RandomTerm:
    """One random term: z (n, r), columns `names`, whose effects vary over a grouping factor.

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

    Effects are laid out as inner (levels, width) and outer (n_outer,). V's columns of one answer
    follow `order`, which indexes the terms as given: inner terms first.
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
        size = self.levels * self.n_outer
        self.sparse = size > max(_SPARSE_FROM, 5 * self.place.size)
        if max(size, self.n_outer**2) > _LARGEST:
            raise NotEstimableError(
                f"{self.levels} levels of {largest} crossed with {self.n_outer} other random "
                "effects is more than fits in memory"
            )

    def own(self, inner: Floats, outer: Floats) -> Floats:
        """Each answer's own effects, (n, columns), out of all effects."""
        return np.concatenate([inner[self.level], outer[self.place]], axis=1)

    def collect(self, values: Floats) -> tuple[Floats, Floats]:
        """Sums (inner, outer) of values (n, columns) over the answers that share an effect."""
        inner: Floats = np.stack(
            [np.bincount(self.level, values[:, j], self.levels) for j in range(self.width)],
            axis=1,
            dtype=float,
        )
        outer: Floats = np.zeros(self.n_outer)
        for j in range(self.place.shape[1]):
            outer += np.bincount(self.place[:, j], values[:, self.width + j], self.n_outer)
        return inner, outer

    def factor(self, v: Floats, weight: Floats) -> "Factor":
        """Factor H = I + V'WV. v: (n, columns); weight: (n,), not negative."""
        n_inner, n_all = self.width, v.shape[1]
        block = np.empty((self.levels, n_inner, n_inner))
        border: list[Border] = []
        corner = np.eye(self.n_outer)
        for a in range(n_all):
            products = (weight * v[:, a])[:, None] * v
            for b in range(a, n_inner):
                block[:, a, b] = np.bincount(self.level, products[:, b], self.levels)
                block[:, b, a] = block[:, a, b]
            if a < n_inner:
                border.append(self._border(products[:, n_inner:]))
                continue
            for b in range(a, n_all):
                cell = self.place[:, a - n_inner] * self.n_outer + self.place[:, b - n_inner]
                total = np.bincount(cell, products[:, b], self.n_outer**2).reshape(corner.shape)
                corner += total if a == b else total + total.T
        block += np.eye(n_inner)
        return Factor(self, block, border, corner)

    def _border(self, products: Floats) -> Border:
        """One inner effect's cross products with all outer effects, (levels, n_outer)."""
        shape = (self.levels, self.n_outer)
        row = np.repeat(self.level, self.place.shape[1])
        if self.sparse:
            return sparse.csr_array((products.ravel(), (row, self.place.ravel())), shape=shape)
        cell = row * self.n_outer + self.place.ravel()
        size = self.levels * self.n_outer
        return np.bincount(cell, products.ravel(), size).astype(float).reshape(shape)


class Factor:
    """H in factored form: its log determinant, solutions, and the parts of its inverse in use."""

    def __init__(
        self, structure: Structure, block: Floats, border: list[Border], corner: Floats
    ) -> None:
        self.structure = structure
        self.block_inverse = np.asarray(np.linalg.inv(block), dtype=float)
        every = range(structure.width)
        # The block's inverse times the border, one matrix for each inner effect.
        self.border: list[Border] = []
        for a in every:
            parts = [_scale(self.block_inverse[:, a, b], border[b]) for b in every]
            self.border.append(sum(parts[1:], start=parts[0]))
            corner = corner - _dense(border[a].T @ self.border[a])
        self.root = np.linalg.cholesky(corner)
        self.log_determinant = float(
            np.linalg.slogdet(block)[1].sum() + 2 * np.log(np.diag(self.root)).sum()
        )

    def solve(self, inner: Floats, outer: Floats) -> tuple[Floats, Floats]:
        """H^-1 times (inner, outer)."""
        first = np.einsum("mab,mb->ma", self.block_inverse, inner)
        if not len(outer):
            return first, outer
        reduced = outer - sum(
            part.T @ column for part, column in zip(self.border, inner.T, strict=True)
        )
        reduced = linalg.cho_solve((self.root, True), reduced)
        back = np.stack([part @ reduced for part in self.border], axis=1)
        return first - back, reduced

    def own_inverse(self) -> Floats:
        """The rows and columns of H^-1 that each answer touches, (n, columns, columns)."""
        structure = self.structure
        level, place, width = structure.level, structure.place, structure.width
        if not structure.n_outer:
            return self.block_inverse[level]
        n_all = width + place.shape[1]
        result = np.empty((len(level), n_all, n_all))
        corner = linalg.cho_solve((self.root, True), np.eye(structure.n_outer))
        for a in range(width):
            across = self.border[a] @ corner
            for b in range(width):
                inner = self.block_inverse[:, a, b] + (self.border[b] * across).sum(axis=1)
                result[:, a, b] = inner[level]
            result[:, a, width:] = -across[level[:, None], place]
            result[:, width:, a] = result[:, a, width:]
        result[:, width:, width:] = corner[place[:, :, None], place[:, None, :]]
        return result


def _scale(rows: Floats, matrix: Border) -> Border:
    scaled = matrix * rows[:, None]
    return scaled if isinstance(scaled, np.ndarray) else scaled.tocsr()


def _dense(matrix: Border) -> Floats:
    return matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
