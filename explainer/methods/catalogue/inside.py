"""What is inside a model: concepts, states, surrogates."""

from explainer.methods import PLAYERS, SIZE, Method, Parameter

METHODS: tuple[Method, ...] = (
    Method(
        "senn_concepts",
        ("image",),
        {},
        code="explainer.methods.senn:senn_concepts",
        source="a self-explaining network's concepts times their relevances, which add up to the "
        "logit; Alvarez-Melis & Jaakkola 2018, arXiv:1806.07538",
        cost="one evaluation; only for networks of flask train senn",
    ),
    Method(
        "surrogate",
        ("series",),
        {
            "surrogate": Parameter("mlp", words=("mlp", "ridge", "linear3", "trees")),
            "players": PLAYERS,
            "size": SIZE,
            "bar": Parameter(0.8, minimum=0, maximum=1),
            "evaluations": Parameter(1569, minimum=3, maximum=10**7, whole=True),
        },
        code="explainer.methods.surrogate:surrogate",
        source="Shapley values of a simpler function fitted to the forecaster, its fidelity beside "
        "them; exact for a linear one: Lundberg & Lee 2017, arXiv:1705.07874, section 4.2",
        cost="one fit a checkpoint, on the windows at hand; then 2 + players evaluations of a "
        "linear surrogate, or `evaluations` of another; refused where its R2 is below `bar`",
    ),
    Method(
        "channels",
        ("prompt", "series", "text"),
        {
            "players": PLAYERS,
            "size": SIZE,
            "block": Parameter("last", words=("last",), minimum=0, maximum=255, whole=True),
            "channels": Parameter(8, minimum=1, maximum=64, whole=True),
        },
        code="explainer.methods.states:channels",
        source="the activations of the hidden channels that move most along the input; its outputs "
        "are channels, not the model's, and nothing adds up",
        cost="one reading",
        adds_up=False,
    ),
)
