"""HiPPO against the original's matrices, the papers' formulas, and its own splitting."""

import numpy as np
import pytest

from explainer.models.hippo import diagonal, low_rank, split, transition


@pytest.mark.parametrize("N", [4, 64])
def test_legs_agrees_with_the_original(golden, N):
    """REFERENCES: rebuild A to 7e-13; V, P and B are compared up to phase."""
    expected = golden("hippo_legs.npz")
    A, B = transition("legs", N)
    np.testing.assert_allclose(A, expected[f"N{N}_A_dense"], atol=1e-13, rtol=0)
    np.testing.assert_allclose(B, expected[f"N{N}_B_dense"], atol=0, rtol=0)
    found = split("legs", N)
    np.testing.assert_allclose(found.A_normal, expected[f"N{N}_f64_noclip_Lambda"], atol=7e-13)
    for name in ("P", "B"):
        np.testing.assert_allclose(
            np.abs(getattr(found, name)), np.abs(expected[f"N{N}_f64_noclip_{name}"]), atol=7e-13
        )


@pytest.mark.parametrize("N", [4, 64])
@pytest.mark.parametrize("init", ["lin", "inv", "legs"])
def test_diagonal_starts_agree_with_the_original(golden, init, N):
    expected = golden("hippo_legs.npz")[f"N{N}_diag-{init}_A"][0]  # float32
    np.testing.assert_allclose(diagonal(init, N // 2), expected, rtol=2e-6, atol=1e-6)


def test_legt_is_the_papers():
    """Gu et al. 2020, appendix D.1, scaled: A_nk = -sqrt((2n+1)(2k+1)) (1 or (-1)^(n-k))."""
    A, B = transition("legt", 3)
    a, b, c = np.sqrt(3), np.sqrt(5), np.sqrt(15)
    np.testing.assert_allclose(A, -np.array([[1, -a, b], [a, 3, -c], [b, c, 5]]))
    np.testing.assert_allclose(B, [1, a, b])


def test_fourier_is_the_papers():
    """Gu et al. 2022 (arXiv:2206.12037), S4-FouT: -2, -2 sqrt 2, -4, and turns of 2 pi k."""
    A, B = transition("fourier", 4)
    r, t = 2 * np.sqrt(2), 2 * np.pi
    expected = [[-2, 0, -r, 0], [0, 0, 0, 0], [-r, 0, -4, -t], [0, 0, t, 0]]
    np.testing.assert_allclose(A, expected)
    np.testing.assert_allclose(B, [2, 0, r, 0])


@pytest.mark.parametrize("N", [2, 4, 16, 64])
@pytest.mark.parametrize("measure", ["legs", "legt", "fourier"])
def test_the_split_rebuilds_the_matrix(measure, N):
    A, B = transition(measure, N)
    P = low_rank(measure, N)
    normal = A + P.T @ P
    np.testing.assert_allclose(normal @ normal.T, normal.T @ normal, atol=1e-9)
    found = split(measure, N)
    through = 2 * np.real(found.P @ found.V.T)
    rebuilt = 2 * np.real(found.V @ np.diag(found.A_normal) @ found.V.conj().T)
    np.testing.assert_allclose(rebuilt - through.T @ through, A, atol=7e-13 * N)
    np.testing.assert_allclose(2 * np.real(found.V @ found.B), B, atol=1e-12)
    assert (found.A_normal.imag <= 0).all()


def test_legt_remembers_its_window():
    """The state after u = 1 ... is the window's coefficients: those of a constant are 1, 0, 0."""
    A, B = transition("legt", 8)
    state = -np.linalg.solve(A, B)  # where x' = A x + B rests
    np.testing.assert_allclose(state, np.eye(8)[0], atol=1e-9)
