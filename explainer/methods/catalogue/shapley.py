"""Shapley values."""

from math import isqrt

from explainer.methods import KINDS, MASK, PLAYERS, SIZE, Method, Parameter

_GAME = {"players": PLAYERS, "size": SIZE, "mask": MASK}
_TOLERANCE = Parameter(0, minimum=0, maximum=1)  # 0: whatever the error
_REGRESSION = {
    "evaluations": Parameter(8192, minimum=2, maximum=10**7, whole=True),
    "tolerance": _TOLERANCE,
}


def _sweep(players: int) -> int:
    even = players + players % 2
    return min(1 << players, 2 + even * (even - 1))


def _pairs(players: int) -> int:
    return min(6 * players + 2, 1 << players)


def _adjusted(players: int) -> int:
    return 14 + 4 * max(1, players - 1)  # four gradients and two pairs


def _balanced(evaluations: int) -> int:
    """How many players' exact Owen values so many evaluations suffice for, at the most.

    A balanced tree of M takes 2 + 2/3 (M^2 - 1), any other one more.
    """
    return isqrt(3 * (evaluations - 2) // 2 + 1)


METHODS: tuple[Method, ...] = (
    Method(
        "adjusted",
        KINDS,
        {
            **_GAME,
            "evaluations": Parameter(2048, minimum=18, maximum=10**7, whole=True),
            "tolerance": _TOLERANCE,
        },
        code="explainer.methods.shapley_adjusted:adjusted",
        source="Shapley values over antithetic permutations, shrunk towards expected gradients by "
        "cross-validation; after Witter et al. 2025, arXiv:2506.11849",
        cost="as many model evaluations as `evaluations`, a third of them in gradients, which "
        "count as 3 each; or until the relative error is below `tolerance`",
        least=_adjusted,
    ),
    Method(
        "partition",
        KINDS,
        {**_GAME, "evaluations": Parameter(1000, minimum=4, maximum=10**7, whole=True)},
        code="explainer.methods.shapley:partition",
        source="Owen values down a tree of the players, the most promising halves first; the "
        "values of shap 0.51 PartitionExplainer at batches of 50",
        cost="as many model evaluations as `evaluations`; where they run out, a region's value "
        "is shared equally by its players",
    ),
    Method(
        "permutation",
        KINDS,
        {
            **_GAME,
            "evaluations": Parameter(1569, minimum=3, maximum=10**7, whole=True),
            "tolerance": _TOLERANCE,
        },
        code="explainer.methods.shapley:permutation",
        source="Shapley values over antithetic permutations; Mitchell et al. 2022, JMLR 23(43)",
        cost="2 x (players - 1) model evaluations for each pair of permutations, as many pairs as "
        "fit in `evaluations` beside 2, or until the relative error is below `tolerance`",
        least=lambda players: 2 * players,
    ),
    Method(
        "kernel",
        KINDS,
        {**_GAME, **_REGRESSION},
        code="explainer.methods.shapley_regression:kernel",
        source="Shapley values by regression over paired coalitions (KernelSHAP); Lundberg & Lee "
        "2017, arXiv:1705.07874; Covert & Lee 2021, arXiv:2012.01536",
        cost="as many model evaluations as `evaluations`, or until the relative error is below "
        "`tolerance`; at least 6 a player, or all coalitions, which are exact",
        least=_pairs,
    ),
    Method(
        "leverage",
        KINDS,
        {**_GAME, **_REGRESSION},
        code="explainer.methods.shapley_regression:leverage",
        source="Shapley values by regression over pairs drawn by leverage, without replacement; "
        "Musco & Witter 2025, arXiv:2410.01917",
        cost="as many model evaluations as `evaluations`, or until the relative error is below "
        "`tolerance`; at least 6 a player, or all coalitions, which are exact",
        least=_pairs,
    ),
    Method(
        "exact",
        KINDS,
        {**_GAME, "most_players": Parameter(12, minimum=1, maximum=20, whole=True)},
        code="explainer.methods.shapley:exact",
        source="Shapley values of all coalitions; Shapley 1953, A value for n-person games",
        cost="2^players model evaluations",
        most=lambda given: int(given["most_players"]),
        raised="most_players",
    ),
    Method(
        "owen",
        KINDS,
        {**_GAME, "most_evaluations": Parameter(200_000, minimum=2, maximum=10**7, whole=True)},
        code="explainer.methods.shapley:owen",
        source="exact Owen values of a tree of the players; Owen 1977; Winter 1989, Int. J. Game "
        "Theory 18",
        cost="about 2/3 x players^2 model evaluations where the tree is balanced",
        most=lambda given: _balanced(given["most_evaluations"]),
        raised="most_evaluations",
    ),
    Method(
        "interactions",
        KINDS,
        {
            **_GAME,
            "evaluations": Parameter(4096, minimum=4, maximum=10**7, whole=True),
            "tolerance": _TOLERANCE,
        },
        code="explainer.methods.shapley:interactions",
        source="Shapley interaction values; Lundberg et al. 2018, arXiv:1802.03888",
        cost="2^players model evaluations where they fit in `evaluations`, else about players^2 a "
        "sweep over all pairs, as many sweeps as fit",
        least=_sweep,
        most=lambda given: 256,
    ),
)
