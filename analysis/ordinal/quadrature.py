"""The marginal log-likelihood with one random intercept by adaptive Gauss-Hermite quadrature.

Each level's integral over its effect u is a sum over nodes placed around the mode of u with the
curvature's scale. The gradient is that of the sum itself, nodes moving with the parameters.
Source: Pinheiro & Bates (1995), J. Comp. Graph. Statistics 4(1), 12-35.
"""

import numpy as np
from scipy import special

from analysis.ordinal.likelihood import Cells, Rows, cells
from analysis.ordinal.links import Floats, Link
from analysis.ordinal.structure import RandomTerm

_NEWTON_STEPS = 60


class Quadrature:
    """Log-likelihood as a function of (fixed parameters, standard deviation of the intercepts)."""

    def __init__(self, rows: Rows, term: RandomTerm, link: Link, points: int) -> None:
        self.rows = rows
        self.link = link
        self.level = term.level
        self.levels = len(term.labels)
        self.z = term.z[:, 0]
        nodes, weights = special.roots_hermite(points)
        self.nodes = np.sqrt(2) * nodes
        self.log_weights = np.log(weights) + nodes**2 - np.log(np.pi) / 2
        self.mode = np.zeros(self.levels)

    def __call__(self, parameters: Floats) -> tuple[float, Floats] | None:
        """Log-likelihood and gradient, or None where the parameters make an answer impossible."""
        fixed, v = parameters[:-1], self.z * parameters[-1]
        at = self._mode(fixed, v)
        if at is None:
            return None
        u, own = self.mode, self.mode[self.level]
        curvature = 1 + self._sum(v**2 * at.weight)
        spread = 1 / np.sqrt(curvature)
        points = u + spread * self.nodes[:, None]  # (points, levels)
        there = [cells(self.link, *self.rows.cuts(fixed, -v * p[self.level])) for p in points]
        nodes = [node for node in there if node is not None]
        if len(nodes) < len(points):
            return None
        joint = np.array([self._sum(node.log_p) for node in nodes]) - points**2 / 2
        logs = self.log_weights[:, None] + joint
        total = special.logsumexp(logs, axis=0)
        value = float((total + np.log(spread)).sum())

        share = np.exp(logs - total)
        pulls = np.array([-self._sum(v * node.slope) for node in nodes]) - points
        by_mode = (share * pulls).sum(axis=0)
        by_spread = (share * self.nodes[:, None] * pulls).sum(axis=0) + 1 / spread
        by_curvature = -(spread**3) / 2 * by_spread
        weight_a, weight_c = at.thirds
        bend = weight_a + weight_c
        curvature_slope = -self._sum(v**3 * bend)
        chase = ((by_mode + by_curvature * curvature_slope) / curvature)[self.level]
        shares = [part[self.level] for part in share]
        effects = by_curvature[self.level]

        upper = effects * v**2 * weight_a - chase * v * (at.aa + at.ac)
        lower = effects * v**2 * weight_c - chase * v * (at.ac + at.cc)
        scale = effects * (2 * at.weight * v - v**2 * bend * own)
        scale = scale - chase * (at.slope + v * at.weight * own)
        for node, part, point in zip(nodes, shares, points, strict=True):
            upper = upper + part * node.a
            lower = lower + part * node.c
            scale = scale - part * point[self.level] * node.slope
        slope = self.rows.upper.T @ upper + self.rows.lower.T @ lower
        return value, np.append(slope, self.z @ scale)

    def _mode(self, fixed: Floats, v: Floats) -> Cells | None:
        """Newton's method for every level's mode at once; derivatives there."""
        u = self.mode
        for _ in range(_NEWTON_STEPS):
            at = self._at(fixed, v, u)
            if at is None:
                if not u.any():
                    return None
                u = np.zeros_like(u)
                continue
            value = self._sum(at.log_p) - u**2 / 2
            pull = -self._sum(v * at.slope) - u
            step = pull / (1 + self._sum(v**2 * at.weight))
            for _ in range(30):
                there = self._at(fixed, v, u + step)
                if there is None:
                    step = step / 2
                    continue
                worse = self._sum(there.log_p) - (u + step) ** 2 / 2 < value - 1e-9 * np.abs(value)
                if not worse.any():
                    break
                step = np.where(worse, step / 2, step)
            else:
                return None
            u = u + step
            if np.abs(step).max() < 1e-6:
                break
        else:
            return None
        self.mode = u
        return cells(self.link, *self.rows.cuts(fixed, -v * u[self.level]), third=True)

    def _at(self, fixed: Floats, v: Floats, u: Floats) -> Cells | None:
        return cells(self.link, *self.rows.cuts(fixed, -v * u[self.level]))

    def _sum(self, values: Floats) -> Floats:
        """Sum over the answers of each level, (levels,)."""
        return np.bincount(self.level, values, self.levels).astype(float)
