"""The likelihoods against differences, against each other, and against brute-force integration."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from analysis.ordinal import clmm, structure
from analysis.ordinal.build import build
from analysis.ordinal.laplace import Laplace
from analysis.ordinal.likelihood import cells
from analysis.ordinal.links import link_named
from analysis.ordinal.quadrature import Quadrature

LINKS = ["logit", "probit", "cloglog"]


def study(people: int = 12, stimuli: int = 8, seed: int = 3) -> pd.DataFrame:
    """Everyone rates every stimulus from 1 to 4, with a slope of x for each person."""
    rng = np.random.default_rng(seed)
    p, s = (part.ravel() for part in np.indices((people, stimuli)))
    x = rng.normal(size=p.size)
    latent = rng.normal(size=people)[p] + 0.7 * rng.normal(size=stimuli)[s]
    latent = latent + (0.5 + 0.6 * rng.normal(size=people)[p]) * x + rng.logistic(size=p.size)
    rating = np.digitize(latent, [-1.2, 0.1, 1.4]) + 1
    return pd.DataFrame({"participant": p, "stimulus": s, "x": x, "rating": rating})


def differenced(function: Any, x: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Central differences of a function's value."""
    result = []
    for index in range(len(x)):
        shift = np.zeros_like(x)
        shift[index] = step
        result.append((function(x + shift)[0] - function(x - shift)[0]) / (2 * step))
    return np.array(result)


@pytest.mark.parametrize("name", LINKS)
def test_derivatives_of_a_cell_are_its_differences(name: str) -> None:
    link, step = link_named(name), 1e-5
    a = np.array([np.inf, 0.4, 1.3, -0.6, 2.5])
    c = np.array([0.2, -np.inf, -0.4, -2.0, 2.1])

    def at(da: float, dc: float) -> Any:
        return cells(link, a + da, c + dc, third=True)

    here = at(0, 0)
    up_a, down_a, up_c, down_c = at(step, 0), at(-step, 0), at(0, step), at(0, -step)
    for first, second, up, down in [
        ("log_p", "a", up_a, down_a),
        ("log_p", "c", up_c, down_c),
        ("a", "aa", up_a, down_a),
        ("a", "ac", up_c, down_c),
        ("c", "cc", up_c, down_c),
        ("weight", "weight_a", up_a, down_a),
        ("weight", "weight_c", up_c, down_c),
    ]:
        slope = (getattr(up, first) - getattr(down, first)) / (2 * step)
        np.testing.assert_allclose(getattr(here, second), slope, atol=1e-8, err_msg=second)


@pytest.mark.parametrize(
    ("name", "frozen"),
    [
        ("logit", stats.logistic()),
        ("probit", stats.norm()),
        ("cloglog", stats.gumbel_l()),
    ],
)
def test_links_are_scipys_distributions(name: str, frozen: Any) -> None:
    link, x = link_named(name), np.linspace(-6, 2, 17)
    np.testing.assert_allclose(link.density(x)[0], frozen.pdf(x), rtol=1e-12)
    np.testing.assert_allclose(link.quantile(frozen.cdf(x)), x, rtol=1e-9)
    np.testing.assert_allclose(
        link.interval(x + 1, x), frozen.cdf(x + 1) - frozen.cdf(x), rtol=1e-8
    )


@pytest.mark.parametrize("name", ["logit", "probit"])
def test_small_probabilities_keep_their_digits(name: str) -> None:
    """Both links are symmetric, so an interval far up is one far down."""
    link = link_named(name)
    high, low = np.array([21.0]), np.array([20.0])
    np.testing.assert_allclose(link.interval(high, low), link.interval(-low, -high), rtol=1e-12)
    assert link.interval(high, low) > 0


@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize(
    "random",
    [
        ["participant", "stimulus"],
        ["1 + x | participant", "1 | stimulus"],
        ["1 | participant", "0 + x | participant", "1 + x | stimulus"],
        ["1 + x | participant"],
    ],
)
def test_gradient_of_laplace_is_its_difference(name: str, random: list[str]) -> None:
    design = build(study(), "rating ~ x", random)
    laplace = Laplace(design.rows(), design.random, link_named(name))
    count = sum(term.width * (term.width + 1) // 2 for term in design.random)
    spread = np.linspace(0.4, 0.9, count)
    point = np.concatenate([[-1.1, 0.2, 1.5, 0.4], spread])
    found = laplace(point)
    assert found is not None
    np.testing.assert_allclose(found[1], differenced(laplace, point), atol=2e-6)


@pytest.mark.parametrize("points", [1, 2, 7])
@pytest.mark.parametrize("name", LINKS)
def test_gradient_of_quadrature_is_its_difference(name: str, points: int) -> None:
    design = build(study(), "rating ~ x", ["participant"], nominal="x")
    quadrature = Quadrature(design.rows(), design.random[0], link_named(name), points)
    point = np.array([-1.1, 0.2, 1.5, -0.4, -0.3, -0.5, 0.8])
    found = quadrature(point)
    assert found is not None
    np.testing.assert_allclose(found[1], differenced(quadrature, point), atol=2e-6)


def test_one_point_of_quadrature_is_laplace() -> None:
    design = build(study(), "rating ~ x", ["participant"])
    link, point = link_named("probit"), np.array([-1.0, 0.1, 1.2, 0.4, 0.9])
    laplace = Laplace(design.rows(), design.random, link)(point)
    quadrature = Quadrature(design.rows(), design.random[0], link, 1)(point)
    assert laplace is not None
    assert quadrature is not None
    assert quadrature[0] == pytest.approx(laplace[0], abs=1e-9)
    np.testing.assert_allclose(quadrature[1], laplace[1], atol=1e-8)


def test_quadrature_is_the_integral() -> None:
    """Each participant's likelihood integrated numerically over their effect."""
    data = study(people=4)
    design = build(data, "rating ~ x", ["participant"])
    cuts, slope, sd = np.array([-np.inf, -1.0, 0.1, 1.2, np.inf]), 0.4, 1.3
    total = 0.0
    for _, own in data.groupby("participant"):
        rating, x = own["rating"].to_numpy(), own["x"].to_numpy()

        def likelihood(u: float, rating: Any = rating, x: Any = x) -> float:
            shift = slope * x + sd * u
            inside = stats.logistic.cdf(cuts[rating] - shift)
            chance = inside - stats.logistic.cdf(cuts[rating - 1] - shift)
            return float(chance.prod() * stats.norm.pdf(u))

        total += np.log(integrate.quad(likelihood, -9, 9, epsabs=1e-14)[0])
    parameters = np.array([-1.0, 0.1, 1.2, slope, sd])
    found = Quadrature(design.rows(), design.random[0], link_named("logit"), 25)(parameters)
    assert found is not None
    assert found[0] == pytest.approx(total, abs=1e-7)


def test_the_blocks_are_the_whole_matrix() -> None:
    """Determinant, solution and own parts of the inverse against the dense matrix."""
    design = build(study(), "rating ~ x", ["1 + x | participant", "1 + x | stimulus"])
    blocks = structure.Structure(design.random)
    rng = np.random.default_rng(0)
    n = len(design.codes)
    v, weight = rng.normal(size=(n, 4)), rng.uniform(0.1, 1, n)
    inner = blocks.levels * blocks.width
    place = np.concatenate(
        [blocks.level[:, None] * blocks.width + np.arange(blocks.width), inner + blocks.place],
        axis=1,
    )
    wide = np.zeros((n, inner + blocks.n_outer))
    np.put_along_axis(wide, place, v, axis=1)
    dense = np.eye(wide.shape[1]) + wide.T @ (weight[:, None] * wide)
    factor = blocks.factor(v, weight)
    assert factor.log_determinant == pytest.approx(np.linalg.slogdet(dense)[1], abs=1e-9)
    right = rng.normal(size=wide.shape[1])
    first, second = factor.solve(right[:inner].reshape(blocks.levels, -1), right[inner:])
    found = np.concatenate([first.ravel(), second])
    np.testing.assert_allclose(found, np.linalg.solve(dense, right), atol=1e-9)
    inverse = np.linalg.inv(dense)
    expected = inverse[place[:, :, None], place[:, None, :]]
    np.testing.assert_allclose(factor.own_inverse(), expected, atol=1e-9)


def test_a_sparse_border_gives_the_same_likelihood() -> None:
    data = study(people=40, stimuli=30)
    data = data[(data["participant"] + data["stimulus"]) % 7 == 0]
    random = ["1 + x | participant", "1 + x | stimulus"]
    design = build(data, "rating ~ x", random)
    point = np.array([-1.0, 0.1, 1.2, 0.4, 0.9, 0.2, 0.5, 0.7, -0.1, 0.3])
    dense = Laplace(design.rows(), design.random, link_named("logit"))
    sparse = Laplace(design.rows(), design.random, link_named("logit"))
    sparse.structure.sparse = True
    one, two = dense(point), sparse(point)
    assert one is not None
    assert two is not None
    assert one[0] == pytest.approx(two[0], abs=1e-9)
    np.testing.assert_allclose(one[1], two[1], atol=1e-8)


def test_the_estimates_are_a_maximum() -> None:
    data = study(people=20)
    fit = clmm(data, "rating ~ x", ["1 + x | participant", "1 | stimulus"])
    laplace = Laplace(fit.design.rows(), fit.design.random, fit.link)
    spread = np.concatenate([np.linalg.cholesky(m)[np.tril_indices(len(m))] for m in fit.spread])
    found = laplace(np.concatenate([fit.fixed, spread]))
    assert found is not None
    assert found[0] == pytest.approx(fit.log_likelihood, abs=1e-8)
    assert np.abs(found[1]).max() < 1e-3
