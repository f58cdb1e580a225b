"""Controls: explanations that look real and are wrong on purpose, or say nothing."""

from explainer.methods import Method, Parameter

_ALL = ("image", "text", "prompt", "series")

METHODS = (
    Method(
        "mismatched",
        _ALL,
        {"match": Parameter("predicted", words=("predicted",))},
        control=True,
        code="explainer.methods.controls:mismatched",
        source="a real explanation of another stimulus with the same predicted class",
        cost="one more explanation of the method it is `of`",
    ),
    Method(
        "shuffled",
        _ALL,
        {},
        control=True,
        code="explainer.methods.controls:shuffled",
        source="the same values, dealt to the players at random",
        cost="nothing beyond the explanation it is `of`",
    ),
    Method(
        "random",
        _ALL,
        {},
        control=True,
        code="explainer.methods.controls:random",
        source="noise as smooth and as strong as the explanation; Theiler et al. 1992, "
        "Physica D 58, 77-94",
        cost="nothing beyond the explanation it is `of`",
    ),
    Method(
        "randomised",
        _ALL,
        {},
        control=True,
        # Not a function of the source: (subject, seed) -> the subject to explain instead.
        code="explainer.methods.randomised:randomised",
        source="the explanation of the model with weights drawn anew; Adebayo et al. 2018, "
        "arXiv:1810.03292",
        cost="one more explanation of the method it is `of`",
    ),
    Method(
        "placebic",
        _ALL,
        {},
        control=True,
        code="explainer.methods.controls:placebic",
        source="content-free words; Eiband et al. 2019, CHI Extended Abstracts",
        cost="nothing beyond the explanation it is `of`",
    ),
)
