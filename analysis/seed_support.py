"""What the original study's answers do support: ordinal and exact methods, nothing filled in.

Items that ask for the bad thing are turned first, so that more is always better.
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from analysis.estimate import NotEstimableError
from analysis.multiplicity import holm
from analysis.ordinal import clm, compare
from analysis.permutation import paired_permutation
from analysis.ranks import sign_test
from analysis.reliability.alpha import cronbach_alpha
from analysis.samples import Floats
from analysis.seed_data import ITEMS, MODES, PREFIX, SECTIONS, TRUST, YES_NO, good
from analysis.seed_exact import rank_correlation

Json = dict[str, Any]

# Positions in a text depend on their neighbours; blocks of so many are drawn together.
BLOCK = 50
DRAWS = 2_000


def supported(survey: pd.DataFrame, removal: pd.DataFrame) -> Json:
    """Everything but the number of people; survey, removal: as `seed_data.read` gives them."""
    turned = good(survey)
    return {
        "with_trust": _with_trust(turned),
        "paired": _paired(turned),
        "alpha": {section: _alpha(turned, section) for section in SECTIONS},
        "removal": _removal(removal),
    }


def _with_trust(turned: pd.DataFrame) -> dict[str, Json]:
    """Each item with Trustworthiness: exact rank correlation and a proportional odds model."""
    rows: dict[str, Json] = {}
    for item in ITEMS:
        known = turned[[item, TRUST]].dropna()
        rows[item] = rank_correlation(known[item], known[TRUST]).to_json() | {
            "ordinal": _ordinal(known, item)
        }
    adjusted = holm([row["p"] for row in rows.values()])
    for row, p in zip(rows.values(), adjusted, strict=True):
        row["p_holm"] = p
    return rows


def _ordinal(known: pd.DataFrame, item: str) -> Json:
    """Log odds of more trust for one more point, with the likelihood-ratio test, or the reason."""
    data = known.set_axis(["item", "trust"], axis=1)
    try:
        fit = clm(data, "trust ~ item")
        test = compare(clm(data, "trust ~ 1"), fit)
    except NotEstimableError as error:
        return {"reason": str(error)}
    found = fit.estimate("item")
    return {"log_odds": found.value, "low": found.low, "high": found.high, "p": test.p}


def _paired(turned: pd.DataFrame) -> dict[str, Json]:
    """Item 1 minus item 2 by the same people, where both have the same points."""
    rows: dict[str, Json] = {}
    for section in SECTIONS:
        names = [f"{section} {number}" for number in (1, 2)]
        if any(name in YES_NO for name in names):
            continue
        first, second = turned[names].dropna().to_numpy().T
        rows[section] = {}
        for method in (paired_permutation, sign_test):
            try:
                rows[section][method.__name__] = method(first, second).to_json()
            except NotEstimableError as error:
                rows[section][method.__name__] = {"reason": str(error)}
    return rows


def _alpha(turned: pd.DataFrame, section: str) -> Json:
    """Alpha under two codings of yes and no that are equally right, or of two ratings."""
    names = [f"{section} {number}" for number in (1, 2)]
    mixed = any(name in YES_NO for name in names)
    stretched = turned[names].assign(**{n: 1 + 4 * turned[n] for n in names if n in YES_NO})
    found = {"no_is_1": turned[names], "no_is_5": stretched} if mixed else {"ratings": stretched}
    return {"mixed": mixed} | {name: _try_alpha(frame) for name, frame in found.items()}


def _try_alpha(frame: pd.DataFrame) -> Json:
    try:
        return cronbach_alpha(frame.to_numpy()).to_json()
    except NotEstimableError as error:
        return {"reason": str(error)}


def _removal(removal: pd.DataFrame) -> Json:
    """Share of next words right at positions that were not given away, with intervals."""
    position = np.arange(len(removal))
    rows: Json = {}
    for name, every in MODES.items():
        right = removal[name].to_numpy()
        inside = (position < PREFIX) & (position % every != 0)
        after = position >= PREFIX
        rows[name] = {
            "all": _share(right[inside | after]),
            "prefix": _share(right[inside]) | _blocks(right[inside]) if inside.any() else None,
            "after": _share(right[after]) | _blocks(right[after]),
        }
    return rows


def _share(right: Floats) -> Json:
    """A share with its exact interval, as if positions did not depend on each other.

    Source: Clopper & Pearson (1934), Biometrika 26, 404-413.
    """
    hits, n = int(right.sum()), len(right)
    exact = stats.binomtest(hits, n).proportion_ci(0.95, method="exact")
    return {"right": hits, "n": n, "share": hits / n, "interval": [exact.low, exact.high]}


def _blocks(right: Floats) -> Json:
    """The interval of a share from blocks of neighbouring positions, drawn with seed 0.

    The end is joined to the beginning, so that every position is in as many blocks.
    Source: Politis & Romano (1992), in Exploring the Limits of Bootstrap, 263-270.
    """
    block = min(BLOCK, len(right))
    sums = np.convolve(np.append(right, right[: block - 1]), np.ones(block), mode="valid")
    generator = np.random.default_rng(0)
    drawn = generator.choice(sums, (DRAWS, -(-len(right) // block))).mean(axis=1) / block
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {"block_interval": [float(low), float(high)]}
