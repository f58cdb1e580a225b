"""Power with its Monte Carlo interval, and where it reaches what is wanted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from analysis.power.run import Outcome
from analysis.samples import Floats

WILSON = "Wilson (1927), JASA 22(158), 209-212"


@dataclass(frozen=True)
class Point:
    """Power at one size: significant of replicates, with the Wilson interval, and what was lost.

    x: participants, or the multiple of the planned effect. without: replicates without an estimate
    at the last look; they count as not significant. stops: share that stops at each look. expected:
    participants on average when a significant look ends the study. estimate: mean contrast, logits.
    """

    x: float
    replicates: int
    significant: int
    low: float
    high: float
    without: int
    stops: tuple[float, ...]
    expected: float
    estimate: float | None

    @property
    def power(self) -> float:
        """Share of replicates that are significant."""
        return self.significant / self.replicates


@dataclass(frozen=True)
class Reached:
    """Where power reaches the target, with its interval; None where the curve does not say."""

    value: float | None
    low: float | None
    high: float | None
    note: str


def point(
    x: float,
    outcomes: Sequence[Outcome],
    limits: Sequence[float],
    looks: Sequence[float],
    confidence: float = 0.95,
) -> Point:
    """Power of replicates at one size. limits: the p value to stay below at each look."""
    first = np.array([_first(outcome.p, limits) for outcome in outcomes])
    crossed = first < len(looks)
    people = outcomes[0].job.people
    sizes = [round(share * people) for share in looks]
    used = np.array([*sizes, sizes[-1]])[first]
    test = stats.binomtest(int(crossed.sum()), len(outcomes))
    interval = test.proportion_ci(confidence, method="wilson")
    estimates = [outcome.estimate for outcome in outcomes if outcome.estimate is not None]
    return Point(
        x=x,
        replicates=len(outcomes),
        significant=int(crossed.sum()),
        low=float(interval.low),
        high=float(interval.high),
        without=sum(outcome.p[-1] is None for outcome in outcomes),
        stops=tuple(float((first == look).mean()) for look in range(len(looks))),
        expected=float(used.mean()),
        estimate=float(np.mean(estimates)) if estimates else None,
    )


def _first(values: Sequence[float | None], limits: Sequence[float]) -> int:
    """The first look below its limit; as many as there are looks where none is."""
    for look, (p, limit) in enumerate(zip(values, limits, strict=True)):
        if p is not None and p < limit:
            return look
    return len(limits)


def reached(
    points: Sequence[Point], target: float, root: bool, confidence: float = 0.95
) -> Reached:
    """Where a probit line through the points reaches the target, with Fieller's interval.

    The z value of power is a straight line in the square root of the participants (root) and in the
    effect. Only within the points simulated: no value outside of them is given.
    Source: Finney (1971), Probit Analysis, 3rd ed., ch. 4.
    """
    x = np.array([p.x for p in points], dtype=float)
    low_end, high_end = x.min(), x.max()
    shares = np.array([p.power for p in points])
    if len(points) < 2 or (shares < target).all():
        return Reached(None, None, None, f"power stays below {target:.0%} up to {high_end:g}")
    if (shares >= target).all():
        return Reached(None, None, None, f"power is above {target:.0%} from {low_end:g} on")
    line = _probit(np.sqrt(x) if root else x, points)
    if line is None:
        return Reached(None, None, None, "power does not rise steadily; take more replicates")
    (a, b), covariance = line
    z = float(stats.norm.ppf(target))
    value, ends = (z - a) / b, _fieller(a - z, b, covariance, confidence)
    back = np.square if root else float
    found = float(back(value))
    if not low_end <= found <= high_end:
        return Reached(None, None, None, f"{target:.0%} is not between the sizes simulated")
    if ends is None:
        return Reached(found, None, None, "too few replicates for an interval; take more")
    return Reached(found, float(back(max(ends[0], 0.0))), float(back(ends[1])), "")


def _probit(x: Floats, points: Sequence[Point]) -> tuple[Floats, Floats] | None:
    """Intercept and slope of the z value of power, (2,), with covariance (2, 2); None without."""
    rows = np.column_stack([np.ones(len(x)), x])
    hits = np.array([p.significant for p in points], dtype=float)
    trials = np.array([p.replicates for p in points], dtype=float)
    beta = np.linalg.lstsq(rows, stats.norm.ppf((hits + 0.5) / (trials + 1)), rcond=None)[0]
    for _ in range(100):
        eta = rows @ beta
        chance = np.clip(stats.norm.cdf(eta), 1e-12, 1 - 1e-12)
        density = stats.norm.pdf(eta)
        weight = trials * density**2 / (chance * (1 - chance))
        information = rows.T @ (weight[:, None] * rows)
        score = rows.T @ (density * (hits - trials * chance) / (chance * (1 - chance)))
        try:
            step = np.linalg.solve(information, score)
        except np.linalg.LinAlgError:
            return None
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            covariance: Floats = np.linalg.inv(information)
            return (beta, covariance) if beta[1] > 0 else None
    return None


def _fieller(
    a: float, b: float, covariance: Floats, confidence: float
) -> tuple[float, float] | None:
    """Interval of -a / b; None where the slope is not told from zero.

    Source: Fieller (1954), J. Royal Statistical Society B 16(2), 175-185.
    """
    q = float(stats.norm.ppf((1 + confidence) / 2)) ** 2
    square = b**2 - q * covariance[1, 1]
    middle = a * b - q * covariance[0, 1]
    constant = a**2 - q * covariance[0, 0]
    inside = middle**2 - square * constant
    if square <= 0 or inside < 0:
        return None
    reach = np.sqrt(inside)
    return float((-middle - reach) / square), float((-middle + reach) / square)
