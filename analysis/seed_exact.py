"""Exact test of a rank correlation with ties: every arrangement of one side against the other.

With n! arrangements of 13 answers that would be too many, but equal answers make most of them the
same: answers 3, 4, 5 given by 4, 6, 3 people can be arranged in 13! / (4! 6! 3!) = 60,060 ways.
"""

from functools import lru_cache
from itertools import combinations
from math import factorial, prod

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from analysis.estimate import Estimate, NotEstimableError
from analysis.samples import Floats, constant, sample

MOST_EXACT = 500_000
DRAWS = 9_999

PITMAN = "Pitman (1937), J. Royal Statistical Society Supplement 4(2), 225-232"


def rank_correlation(x: ArrayLike, y: ArrayLike, seed: int = 0) -> Estimate:
    """Spearman's rho with its exact two-sided permutation p; x, y: (n,), of the same people.

    Beyond MOST_EXACT arrangements it draws DRAWS of them, and the note says so.
    Raises NotEstimableError where one side does not vary.
    """
    a, b = (stats.rankdata(sample(values)) for values in (x, y))
    if len(a) != len(b):
        raise ValueError(f"x has {len(a)} values and y {len(b)}")
    if constant(a) or constant(b):
        raise NotEstimableError("everyone gave the same answer, so there is no correlation")
    centred = a - a.mean()
    size = float(np.sqrt((centred**2).sum() * ((b - b.mean()) ** 2).sum()))
    rho = float(centred @ b) / size
    values, counts = np.unique(b, return_counts=True)
    ways = factorial(len(b)) // prod(factorial(int(count)) for count in counts)
    exact = ways <= MOST_EXACT
    if exact:
        arranged = _arrangements(tuple(map(int, counts)))
        others = values[arranged] @ centred / size
    else:
        generator = np.random.default_rng(seed)
        others = np.array([generator.permutation(b) @ centred for _ in range(DRAWS)]) / size
    extreme = int((np.abs(others) >= abs(rho) - 1e-12).sum())
    return Estimate(
        name="Spearman's rho",
        value=rho,
        test="permutation test, exact" if exact else "permutation test",
        p=extreme / len(others) if exact else (extreme + 1) / (DRAWS + 1),
        n=len(a),
        source=PITMAN,
        notes=(f"all {ways} arrangements" if exact else f"{DRAWS} arrangements, seed {seed}",),
    )


@lru_cache(maxsize=4)
def _arrangements(counts: tuple[int, ...]) -> Floats:
    """Every arrangement of 0, 1, ... given so many times each, as indices (ways, n)."""
    n = sum(counts)
    rows: Floats = np.zeros((1, n), dtype=np.intp)
    free = np.ones((1, n), dtype=bool)
    for value, count in enumerate(counts):
        left = int(free[0].sum())
        chosen = np.array(list(combinations(range(left), count)), dtype=np.intp)
        places = np.nonzero(free)[1].reshape(-1, left)[:, chosen].reshape(-1, count)
        rows = np.repeat(rows, len(chosen), axis=0)
        free = np.repeat(free, len(chosen), axis=0)
        every = np.arange(len(rows))[:, None]
        rows[every, places] = value
        free[every, places] = False
    return rows
