"""What a model attends to."""

from explainer.methods import PLAYERS, Method, Parameter

_COST = "one reading, and the output with and without the input; the model needs attention"

METHODS: tuple[Method, ...] = (
    Method(
        "attention",
        ("prompt", "text"),
        {"players": PLAYERS, "layers": Parameter("mean", words=("mean", "last"))},
        code="explainer.methods.attention:attention",
        source="Bahdanau et al. 2015, arXiv:1409.0473; whether it explains: Jain & Wallace 2019, "
        "arXiv:1902.10186, and python -m explainer.inspect attention",
        cost=_COST,
        adds_up=False,
    ),
    Method(
        "attention_rollout",
        ("prompt",),
        {"players": PLAYERS},
        code="explainer.methods.attention:attention_rollout",
        source="Abnar & Zuidema 2020, arXiv:2005.00928",
        cost=_COST,
        adds_up=False,
    ),
)
