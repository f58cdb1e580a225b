"""How many people would have been needed to see an effect of explanations on trust.

Ratings are drawn with the shares that the study's people gave to Trustworthiness, moved by a
proportional odds ratio; two groups of different people are compared by the Wilcoxon test, which is
that model's score test. Correlations are drawn from a normal distribution cut at observed shares.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from analysis.samples import Floats, Indices
from analysis.seed_data import TRUST

Json = dict[str, Any]
Power = Callable[[int], float]

ODDS_RATIOS = (1.5, 2.0, 3.0, 5.0)
CORRELATIONS = (0.3, 0.5)
TARGET, ALPHA, TESTS = 0.8, 0.05, 8
REPLICATES, SEED = 4_000, 13
LARGEST = 4_096

MCCULLAGH = "McCullagh (1980), J. Royal Statistical Society B 42(2), 109-142"


def needed(survey: pd.DataFrame) -> Json:
    """People for 80 % power, and the power of as many as took part.

    difference: by odds ratio, in two groups together. correlation: by its size, at the level of
    eight tests (Bonferroni).
    """
    _, counts = np.unique(survey[TRUST].to_numpy(), return_counts=True)
    shares = counts / counts.sum()
    people = len(survey)
    return {
        "target": TARGET,
        "replicates": REPLICATES,
        "seed": SEED,
        "shares": shares.tolist(),
        "took_part": people,
        "difference": [
            {"odds_ratio": ratio} | _found(partial(difference_power, shares, ratio), people)
            for ratio in ODDS_RATIOS
        ],
        "correlation": [
            {"correlation": size} | _found(partial(correlation_power, shares, size), people)
            for size in CORRELATIONS
        ],
        "source": MCCULLAGH,
    }


def _found(power: Power, people: int) -> Json:
    return {"people": smallest(power, TARGET), "power_of_study": power(people)}


def smallest(power: Power, target: float) -> int:
    """The fewest people with this power, by halving; every size is simulated anew, seeded."""
    low, high = 4, 8
    while power(high) < target:
        low, high = high, 2 * high
        if high > LARGEST:
            raise ValueError(f"more than {LARGEST} people would be needed")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= target else (middle, high)
    return high


def difference_power(shares: Floats, odds_ratio: float, people: int) -> float:
    """Share of simulated studies of two groups, people in all, with a Wilcoxon p below 5 %."""
    moved = shifted(shares, odds_ratio)
    generator = np.random.default_rng([SEED, people])
    one = generator.multinomial(people // 2, shares, REPLICATES)
    two = generator.multinomial(people - people // 2, moved, REPLICATES)
    return float((wilcoxon_p(one, two) < ALPHA).mean())


def shifted(shares: Floats, odds_ratio: float) -> Floats:
    """Shares whose odds of every 'this answer or more' are multiplied by the odds ratio."""
    above = np.append(np.cumsum(shares[::-1])[::-1], 0.0)
    with np.errstate(divide="ignore"):
        moved = 1 / (1 + (1 / above - 1) / odds_ratio)
    result: Floats = -np.diff(moved)
    return result


def wilcoxon_p(one: Indices, two: Indices) -> Floats:
    """Two-sided p of the rank sum test with ties, normal with continuity correction, (studies,).

    one, two: how many of each group gave each answer, (studies, answers).
    Source: Lehmann (1975), Nonparametrics, sec. 1.4.
    """
    both = one + two
    n_one, n_two, n = one.sum(axis=1), two.sum(axis=1), both.sum(axis=1)
    ranks = np.cumsum(both, axis=1) - (both - 1) / 2
    surplus = (one * ranks).sum(axis=1) - n_one * (n + 1) / 2
    ties = (both**3 - both).sum(axis=1) / (n * (n - 1))
    sd = np.sqrt(n_one * n_two / 12 * (n + 1 - ties))
    reach = np.maximum(np.abs(surplus) - 0.5, 0.0)
    z = np.divide(reach, sd, out=np.zeros_like(sd), where=sd > 0)
    result: Floats = 2 * stats.norm.sf(z)
    return result


def correlation_power(shares: Floats, correlation: float, people: int) -> float:
    """Share of simulated studies whose Spearman correlation has a p below 5 % / 8."""
    generator = np.random.default_rng([SEED, people])
    cuts = stats.norm.ppf(np.cumsum(shares)[:-1])
    x = generator.standard_normal((REPLICATES, people))
    y = correlation * x + np.sqrt(1 - correlation**2) * generator.standard_normal(x.shape)
    a, b = (_ranks(np.searchsorted(cuts, values), len(shares)) for values in (x, y))
    both = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    rho = np.divide((a * b).sum(axis=1), both, out=np.zeros(len(both)), where=both > 0)
    rho = np.clip(rho, -1 + 1e-12, 1 - 1e-12)
    t = np.abs(rho) * np.sqrt((people - 2) / (1 - rho**2))
    return float((2 * stats.t.sf(t, people - 2) < ALPHA / TESTS).mean())


def _ranks(codes: Indices, answers: int) -> Floats:
    """Centred midranks of codes (studies, people) that run from 0."""
    counts = (codes[:, :, None] == np.arange(answers)).sum(axis=1)
    middle = np.cumsum(counts, axis=1) - (counts - 1) / 2 - (codes.shape[1] + 1) / 2
    result: Floats = np.take_along_axis(middle, codes, axis=1)
    return result
