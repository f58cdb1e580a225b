import numpy as np
import pytest
from scipy import stats

from analysis.power.sequential import SPENDING, boundaries, crossing

FIVE = [0.2, 0.4, 0.6, 0.8, 1.0]


def test_boundaries_agree_with_ldbounds():
    """R: ldbounds::bounds(c(.10, .33, 1), iuse = c(1, 1), alpha = c(.025, .025)), as printed.

    Its integration is good to 2e-4. So little is spent at the first look that the second boundary
    is, to ten digits, the one without it.
    """
    found = boundaries([0.10, 0.33, 1.0], 0.05, SPENDING["obrien-fleming"])
    np.testing.assert_allclose(found, [6.9913, 3.7308, 1.9605], atol=2e-4)
    alone = stats.norm.isf(2 * stats.norm.sf(stats.norm.isf(0.0125) / np.sqrt(0.33)))
    assert found[1] == pytest.approx(alone, abs=1e-7)


@pytest.mark.parametrize(
    ("spending", "printed"),
    [
        ("obrien-fleming", [4.8769, 3.3569, 2.6803, 2.2898, 2.0310]),
        ("pocock", [2.4380, 2.4268, 2.4101, 2.3966, 2.3859]),
    ],
)
def test_boundaries_of_five_looks(spending, printed):
    """Reboussin, DeMets, Kim & Lan (2000), Controlled Clinical Trials 21, 190-207 (LD98)."""
    found = boundaries(FIVE, 0.05, SPENDING[spending])
    np.testing.assert_allclose(found, printed, atol=2e-4)


@pytest.mark.parametrize(("looks", "constant"), [(2, 2.178), (3, 2.289), (4, 2.361), (5, 2.413)])
def test_pococks_constants_spend_five_per_cent(looks, constant):
    """Jennison & Turnbull (2000), Group Sequential Methods, table 2.1."""
    shares = [(look + 1) / looks for look in range(looks)]
    assert crossing(shares, [constant] * looks).sum() == pytest.approx(0.05, abs=6e-5)


@pytest.mark.parametrize(("looks", "constant"), [(2, 1.977), (3, 2.004), (4, 2.024), (5, 2.040)])
def test_obrien_and_flemings_constants_spend_five_per_cent(looks, constant):
    """Jennison & Turnbull (2000), Group Sequential Methods, table 2.3."""
    shares = [(look + 1) / looks for look in range(looks)]
    limits = [constant / np.sqrt(share) for share in shares]
    assert crossing(shares, limits).sum() == pytest.approx(0.05, abs=6e-5)


@pytest.mark.parametrize("spending", SPENDING)
def test_all_of_alpha_is_spent_and_one_look_is_the_usual_test(spending):
    found = boundaries(FIVE, 0.01, SPENDING[spending])
    assert crossing(FIVE, found).sum() == pytest.approx(0.01, abs=1e-9)
    assert boundaries([1.0], 0.05, SPENDING[spending]) == pytest.approx([1.959963984540054])


@pytest.mark.parametrize("shares", [[], [0.5], [0.5, 0.5, 1.0], [0.0, 1.0], [1.0, 0.5]])
def test_shares_that_do_not_increase_to_one_are_refused(shares):
    with pytest.raises(ValueError, match="increase to 1"):
        boundaries(shares, 0.05, SPENDING["pocock"])
