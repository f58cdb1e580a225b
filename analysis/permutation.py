"""Permutation tests of a difference of means: every arrangement, or a seeded draw of them.

An exact test counts every arrangement as extreme as the one seen. A drawn one counts the one seen
among them, so that p is never 0.
"""

from collections.abc import Iterator
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import ArrayLike

from analysis.estimate import Estimate, NotEstimableError
from analysis.samples import Floats, constant, differences, sample

# As many arrangements as take well under a second.
MOST_EXACT = 2**17
DRAWS = 9999

FISHER = "Fisher (1935), The Design of Experiments, section 21"
PHIPSON = "p: Phipson & Smyth (2010), Statistical Applications in Genetics 9(1), 39"


def paired_permutation(a: ArrayLike, b: ArrayLike, seed: int = 0) -> Estimate:
    """Mean of a - b, tested by turning round the signs of the differences."""
    x = differences(a, b)
    if not x.any():
        raise NotEstimableError("nobody differs between the two conditions")
    exact = 2 ** len(x) <= MOST_EXACT
    if exact:
        bits = np.arange(2 ** len(x))[:, np.newaxis] >> np.arange(len(x)) & 1
        means = (1 - 2 * bits) @ x / len(x)
    else:
        draws = np.random.default_rng(seed)
        means = np.array([draws.choice((-1.0, 1.0), len(x)) @ x for _ in range(DRAWS)]) / len(x)
    return _result("mean difference", float(x.mean()), means, exact, seed=seed, n=len(x))


def unpaired_permutation(a: ArrayLike, b: ArrayLike, seed: int = 0) -> Estimate:
    """Mean of a minus mean of b, tested by dealing the people to the two groups anew."""
    x, y = sample(a), sample(b)
    everyone = np.concatenate([x, y])
    if constant(everyone):
        raise NotEstimableError("everyone has the same value")
    exact = comb(len(everyone), len(x)) <= MOST_EXACT
    deals = _all(everyone, len(x)) if exact else _drawn(everyone, len(x), seed)
    first = np.fromiter(deals, dtype=float)
    means = first / len(x) - (everyone.sum() - first) / len(y)
    value = float(x.mean() - y.mean())
    return _result("difference of means", value, means, exact, seed=seed, n=len(everyone))


def _all(everyone: Floats, size: int) -> Iterator[float]:
    return map(sum, combinations(everyone.tolist(), size))


def _drawn(everyone: Floats, size: int, seed: int) -> Iterator[float]:
    draws = np.random.default_rng(seed)
    return (float(draws.permutation(everyone)[:size].sum()) for _ in range(DRAWS))


def _result(name: str, value: float, means: Floats, exact: bool, *, seed: int, n: int) -> Estimate:
    # Sums of the same numbers in another order differ in the last digits.
    slack = 1e-10 * max(1.0, abs(value))
    extreme = int((np.abs(means) >= abs(value) - slack).sum())
    drawn = f"{DRAWS} drawn arrangements, seed {seed}"
    return Estimate(
        name=name,
        value=value,
        test="permutation test, exact" if exact else "permutation test",
        p=extreme / len(means) if exact else (extreme + 1) / (len(means) + 1),
        n=n,
        source=FISHER if exact else f"{FISHER}; {PHIPSON}",
        notes=(f"all {len(means)} arrangements" if exact else drawn,),
    )
