"""Intraclass correlations: how far judges agree on targets, in Shrout and Fleiss's six forms."""

from dataclasses import dataclass

from numpy.typing import ArrayLike
from scipy import stats

from analysis.bootstrap import around
from analysis.estimate import Estimate, NotEstimableError
from analysis.samples import matrix

SHROUT = "Shrout & Fleiss (1979), Psychological Bulletin 86(2), 420-428"


@dataclass(frozen=True)
class _Squares:
    """Mean squares of n targets by k judges: between and within targets, judges, the rest."""

    n: int
    k: int
    between: float
    within: float
    judges: float
    rest: float


def icc(ratings: ArrayLike, confidence: float = 0.95) -> dict[str, Estimate]:
    """All six intraclass correlations of (n_targets, n_judges) without gaps.

    ICC1: every target has judges of its own; ICC2: the judges stand for others; ICC3: these judges
    alone. With k behind: of the mean of all judges. Raises NotEstimableError without variance.
    """
    squares = _mean_squares(ratings)
    if squares.rest <= 1e-12 * max(squares.between, squares.within, 1e-300):
        raise NotEstimableError("the judges agree but for a shift: there is no error to judge by")
    kinds = (
        _one_way(squares, confidence),
        _random(squares, confidence),
        _fixed(squares, confidence),
    )
    return {form.name: form for kind in kinds for form in (kind, _averaged(kind, squares.k))}


def _mean_squares(ratings: ArrayLike) -> _Squares:
    x = matrix(ratings)
    n, k = x.shape
    targets, judges = x.mean(axis=1, keepdims=True), x.mean(axis=0, keepdims=True)
    return _Squares(
        n=n,
        k=k,
        between=k * float(((targets - x.mean()) ** 2).sum()) / (n - 1),
        within=float(((x - targets) ** 2).sum()) / (n * (k - 1)),
        judges=n * float(((judges - x.mean()) ** 2).sum()) / (k - 1),
        rest=float(((x - targets - judges + x.mean()) ** 2).sum()) / ((n - 1) * (k - 1)),
    )


def _one_way(s: _Squares, confidence: float) -> Estimate:
    return _from_f("ICC1", s, s.between / s.within, (s.n - 1, s.n * (s.k - 1)), confidence)


def _fixed(s: _Squares, confidence: float) -> Estimate:
    df = (s.n - 1, (s.n - 1) * (s.k - 1))
    return _from_f("ICC3", s, s.between / s.rest, df, confidence)


def _from_f(name: str, s: _Squares, f: float, df: tuple[int, int], confidence: float) -> Estimate:
    upper = (1 + confidence) / 2
    low, value, high = (
        (ratio - 1) / (ratio + s.k - 1)
        for ratio in (
            f / float(stats.f.ppf(upper, *df)),
            f,
            f * float(stats.f.ppf(upper, *reversed(df))),
        )
    )
    return _result(name, (low, value, high), s, f, df, confidence=confidence)


def _random(s: _Squares, confidence: float) -> Estimate:
    n, k = s.n, s.k
    value = (s.between - s.rest) / (s.between + (k - 1) * s.rest + k * (s.judges - s.rest) / n)
    # Satterthwaite's degrees of freedom of the judges' and the rest's mean squares.
    by_judges = k * value * s.judges / s.rest
    by_rest = n * (1 + (k - 1) * value) - k * value
    weight = (n - 1) * by_judges**2 + by_rest**2
    dfs = (n - 1, (n - 1) * (k - 1))
    df = (n - 1) * (k - 1) * (by_judges + by_rest) ** 2 / weight if weight > 0 else 0.0
    low, high = _random_limits(s, df, (1 + confidence) / 2)
    return _result("ICC2", (low, value, high), s, s.between / s.rest, dfs, confidence=confidence)


def _random_limits(s: _Squares, df: float, upper: float) -> tuple[float, float]:
    """NaN where nothing is left to estimate the spread of judges from."""
    n, k = s.n, s.k
    if df <= 0:
        return float("nan"), float("nan")
    smaller, larger = (float(stats.f.ppf(upper, *dfs)) for dfs in ((n - 1, df), (df, n - 1)))
    spread = k * s.judges + (k * n - k - n) * s.rest
    low = n * (s.between - smaller * s.rest) / (smaller * spread + n * s.between)
    high = n * (larger * s.between - s.rest) / (spread + n * larger * s.between)
    return low, high


def _averaged(one: Estimate, k: int) -> Estimate:
    """The same of the mean of k judges, by Spearman and Brown."""

    def stepped(r: float | None) -> float | None:
        # At -1 / (k - 1) and below, the mean of the judges has no reliability to speak of.
        return None if r is None or 1 + (k - 1) * r <= 0 else k * r / (1 + (k - 1) * r)

    value = stepped(one.value)
    if value is None:
        raise NotEstimableError("the judges disagree more than by chance: their mean says nothing")
    fields = {**one.__dict__, "name": f"{one.name}k", "value": value}
    return Estimate(**{**fields, "low": stepped(one.low), "high": stepped(one.high)})


def _result(
    name: str,
    low_value_high: tuple[float, float, float],
    s: _Squares,
    f: float,
    df: tuple[int, int],
    *,
    confidence: float,
) -> Estimate:
    low, value, high = low_value_high
    outside = around(value, low, high)
    about = f"{s.n} targets, {s.k} judges"
    return Estimate(
        name=name,
        value=value,
        low=None if outside else low,
        high=None if outside else high,
        confidence=None if outside else confidence,
        test="F test of no agreement",
        statistic=f,
        df=(float(df[0]), float(df[1])),
        p=float(stats.f.sf(f, *df)),
        n=s.n,
        source=SHROUT,
        notes=(about, outside) if outside else (about,),
    )
