"""The three links of a cumulative model: distribution functions, their derivatives and quantiles.

P(Y <= j) = F(threshold_j - predictor), with F logistic, normal or Gumbel (minimum). All three have
log-concave densities, so every log-likelihood built on them is concave in thresholds and predictor.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
LinkName = Literal["logit", "probit", "cloglog"]


@dataclass(frozen=True)
class Link:
    """One distribution function F, elementwise; infinite arguments are fine.

    interval(a, c): F(a) - F(c) without cancellation. density: F', F'', F''' at x. quantile: F^-1.
    """

    name: LinkName
    interval: Callable[[Floats, Floats], Floats]
    density: Callable[[Floats], tuple[Floats, Floats, Floats]]
    quantile: Callable[[Floats], Floats]


def link_named(name: str) -> Link:
    """The link of that name. Raises ValueError for any other than logit, probit and cloglog."""
    if name not in _LINKS:
        raise ValueError(f"no link {name!r}; choose one of {', '.join(get_args(LinkName))}")
    return _LINKS[name]


def _logit_interval(a: Floats, c: Floats) -> Floats:
    a, c = np.clip(a, -700, 700), np.clip(c, -700, 700)
    result: Floats = special.expit(a) * special.expit(-c) * -np.expm1(c - a)
    return result


def _logit_density(x: Floats) -> tuple[Floats, Floats, Floats]:
    x = np.clip(x, -700, 700)
    below = special.expit(x)
    f = below * special.expit(-x)
    lean = 1 - 2 * below
    return f, f * lean, f * (lean**2 - 2 * f)


def _probit_interval(a: Floats, c: Floats) -> Floats:
    # The difference of the two small tails, never of two numbers near one.
    flip = c > 0
    high, low = np.where(flip, -c, a), np.where(flip, -a, c)
    result: Floats = special.ndtr(high) - special.ndtr(low)
    return result


def _probit_density(x: Floats) -> tuple[Floats, Floats, Floats]:
    x = np.clip(x, -38, 38)
    f = np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi)
    return f, -x * f, (x**2 - 1) * f


def _cloglog_interval(a: Floats, c: Floats) -> Floats:
    a, c = np.exp(np.clip(a, -700, 100)), np.exp(np.clip(c, -700, 100))
    result: Floats = np.exp(-c) * -np.expm1(c - a)
    return result


def _cloglog_density(x: Floats) -> tuple[Floats, Floats, Floats]:
    rate = np.exp(np.clip(x, -700, 100))
    f = rate * np.exp(-rate)
    return f, f * (1 - rate), f * ((1 - rate) ** 2 - rate)


def _cloglog_quantile(p: Floats) -> Floats:
    result: Floats = np.log(-np.log1p(-p))
    return result


def _logit_quantile(p: Floats) -> Floats:
    result: Floats = special.logit(p)
    return result


def _probit_quantile(p: Floats) -> Floats:
    result: Floats = special.ndtri(p)
    return result


_LINKS: dict[str, Link] = {
    "logit": Link("logit", _logit_interval, _logit_density, _logit_quantile),
    "probit": Link("probit", _probit_interval, _probit_density, _probit_quantile),
    "cloglog": Link("cloglog", _cloglog_interval, _cloglog_density, _cloglog_quantile),
}
