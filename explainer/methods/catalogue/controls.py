"""Controls: explanations that look real and are wrong on purpose."""

from explainer.methods import Method, Parameter

METHODS = (
    Method(
        "mismatched",
        ("image", "series", "text"),
        {"match": Parameter("predicted", words=("predicted",))},
        control=True,
        code="explainer.methods.controls:mismatched",
        source="a real explanation of another stimulus with the same predicted class",
        cost="one more explanation of the method it is `of`",
    ),
    Method(
        "shuffled",
        ("image", "series", "text"),
        {},
        control=True,
        code="explainer.methods.controls:shuffled",
        source="the same values, dealt to the players at random",
        cost="nothing beyond the explanation it is `of`",
    ),
)
