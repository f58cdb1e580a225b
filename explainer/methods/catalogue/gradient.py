"""Gradients of the output by the input, and what is made of them."""

from explainer.methods import KINDS, MASK, PLAYERS, SIZE, Method, Parameter

_PLAYERS = {"players": PLAYERS, "size": SIZE}
_ONE = "one evaluation and its gradient for each output"
_WIDE = "of a text, the norm over the embedding, without a sign"

METHODS: tuple[Method, ...] = (
    Method(
        "gradient",
        KINDS,
        _PLAYERS,
        code="explainer.methods.gradient:gradient",
        source=f"input gradients of the logit, {_WIDE}; Simonyan et al. 2013, arXiv:1312.6034; "
        "captum Saliency",
        cost=_ONE,
        adds_up=False,
    ),
    Method(
        "gradient_input",
        KINDS,
        _PLAYERS,
        code="explainer.methods.gradient:gradient_input",
        source="gradient of the logit x input, summed over the embedding; Shrikumar et al. 2016, "
        "arXiv:1605.01713; captum InputXGradient",
        cost=_ONE,
        adds_up=False,
    ),
    Method(
        "smoothgrad",
        KINDS,
        {
            **_PLAYERS,
            "samples": Parameter(50, minimum=1, maximum=10_000, whole=True),
            "noise": Parameter(0.1, minimum=0, maximum=10),
        },
        code="explainer.methods.gradient:smoothgrad",
        source=f"mean gradient of the logit under noise, {_WIDE}; Smilkov et al. 2017, "
        "arXiv:1706.03825; captum NoiseTunnel",
        cost="`samples` evaluations and their gradients for each output",
        adds_up=False,
    ),
    Method(
        "integrated_gradients",
        KINDS,
        {**_PLAYERS, "mask": MASK, "steps": Parameter(50, minimum=2, maximum=10_000, whole=True)},
        code="explainer.methods.gradient:integrated_gradients",
        source="integrated gradients of the log-probability from the masked input, with their "
        "convergence delta; Sundararajan et al. 2017, arXiv:1703.01365; captum IntegratedGradients",
        cost="`steps` evaluations and their gradients for each output",
    ),
    Method(
        "guided_backpropagation",
        KINDS,
        _PLAYERS,
        code="explainer.methods.gradient:guided_backpropagation",
        source="gradients of the logit whose negative part stops at each ReLU; Springenberg et al. "
        "2014, arXiv:1412.6806; captum GuidedBackprop",
        cost=f"{_ONE}; only for networks of ReLUs",
        adds_up=False,
    ),
    Method(
        "grad_cam",
        ("image", "text"),
        {
            **_PLAYERS,
            "layer": Parameter("last", words=("last",), minimum=0, maximum=255, whole=True),
        },
        code="explainer.methods.gradcam:grad_cam",
        source="the maps of a layer (a convolution, or over time a block of an S4 classifier), "
        "weighed by their mean gradients, positive part; Selvaraju et al. 2017, "
        "arXiv:1610.02391; captum LayerGradCam",
        cost=_ONE,
        adds_up=False,
    ),
    Method(
        "lrp",
        ("image", "text", "prompt"),
        _PLAYERS,
        code="explainer.methods.lrp:lrp",
        source="gradient x input of an S4 network with its gates and norms held, on the logit; "
        "Ali et al. 2022, arXiv:2202.07304; Jafari et al. 2024, arXiv:2406.07592",
        cost="three evaluations, and a gradient for each output; only for networks of S4 layers",
    ),
)
