"""What is inside a model: concepts, states, surrogates."""

from explainer.methods import Method

METHODS: tuple[Method, ...] = (
    Method(
        "senn_concepts",
        ("image",),
        {},
        control=False,
        code="explainer.methods.senn:senn_concepts",
        source="a self-explaining network's concepts times their relevances, which add up to the "
        "logit; Alvarez-Melis & Jaakkola 2018, arXiv:1806.07538",
        cost="one evaluation; only for networks of flask train senn",
    ),
)
