"""Perfect separation: a direction in which the likelihood of a cumulative model rises for ever."""

import numpy as np
from scipy import optimize

from analysis.ordinal.likelihood import Rows
from analysis.ordinal.links import Floats


def separating(rows: Rows) -> Floats | None:
    """A direction (n_fixed,) that moves no cut point the wrong way and some the right way, or None.

    Such a direction exists exactly when the maximum likelihood estimates do not. Found by linear
    programming. Source: Albert & Anderson (1984), Biometrika 71(1), 1-10, whose argument this
    carries over to two cut points an answer.
    """
    up = np.unique(np.concatenate([rows.upper[~rows.top], -rows.lower[~rows.bottom]]), axis=0)
    scale = np.maximum(np.abs(up).max(axis=0), 1e-300)
    up = up / scale
    found = optimize.linprog(
        -up.sum(axis=0),
        A_ub=np.concatenate([-up, up]),
        b_ub=np.concatenate([np.zeros(len(up)), np.ones(len(up))]),
        bounds=(None, None),
        method="highs",
    )
    if found.x is None or found.fun is None or found.fun > -1e-6:
        return None
    direction: Floats = found.x / scale
    return direction
