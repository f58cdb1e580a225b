"""Shapley values."""

from explainer.methods import Method, Parameter

_MASK = Parameter("mean", words=("mean", "zero"), minimum=0, maximum=1)

METHODS = (
    Method(
        "partition",
        ("image",),
        {"mask": _MASK, "evaluations": Parameter(1000, minimum=4, maximum=10**7, whole=True)},
        control=False,
        code="explainer.methods.shapley:partition",
        source="Owen values down a tree of image halves; shap 0.51 PartitionExplainer",
        cost="as many model evaluations as `evaluations`; where they run out, a region's value "
        "is shared equally by its pixels",
    ),
    Method(
        "permutation",
        ("image",),
        {"mask": _MASK, "evaluations": Parameter(1569, minimum=3, maximum=10**7, whole=True)},
        control=False,
        code="explainer.methods.shapley:permutation",
        source="Shapley values over antithetic permutations; Mitchell et al. 2022, "
        "JMLR 23(43); shap 0.51 PermutationExplainer",
        cost="2 x players + 1 model evaluations for each pair of permutations, as many pairs "
        "as fit in `evaluations`",
        least=lambda players: 2 * players + 1,
    ),
)
