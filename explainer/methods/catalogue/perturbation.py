"""What changes when parts of the input are hidden."""

from explainer.methods import KINDS, MASK, PLAYERS, SIZE, Method, Parameter

METHODS = (
    Method(
        "lime",
        KINDS,
        {
            "players": PLAYERS,
            "size": SIZE,
            "mask": MASK,
            "evaluations": Parameter(1000, minimum=2, maximum=100_000, whole=True),
            "kernel_width": Parameter(0.25, minimum=0.01, maximum=100),
            "penalty": Parameter(1, minimum=0, maximum=10**6),
        },
        code="explainer.methods.lime:lime",
        source="a linear model of the neighbourhood; Ribeiro et al. 2016, arXiv:1602.04938",
        cost="as many model evaluations as `evaluations`; more than players, for standard errors",
        least=lambda players: 2,
        adds_up=False,
    ),
    Method(
        "occlusion",
        KINDS,
        {
            "mask": MASK,
            "window": Parameter(3, minimum=1, maximum=4096, whole=True),
            "stride": Parameter(1, minimum=1, maximum=4096, whole=True),
        },
        code="explainer.methods.occlusion:occlusion",
        source="what is lost behind a sliding window; Zeiler & Fergus 2014, arXiv:1311.2901",
        cost="at most one model evaluation for each place of the window, and two",
        adds_up=False,
    ),
    Method(
        "leave_one_out",
        KINDS,
        {"players": PLAYERS, "size": SIZE, "mask": MASK},
        code="explainer.methods.occlusion:leave_one_out",
        source="what is lost without one player",
        cost="at most one model evaluation for each player, and two",
        adds_up=False,
    ),
    Method(
        "random_crops",
        ("image",),
        {
            "evaluations": Parameter(2000, minimum=3, maximum=10**6, whole=True),
            "smallest": Parameter(0.3, minimum=0.01, maximum=1),
            "largest": Parameter(0.7, minimum=0.01, maximum=1),
        },
        code="explainer.methods.crops:random_crops",
        source="mean score of the random crops that show a pixel; above the mean of all it is for",
        cost="as many model evaluations as `evaluations`",
        least=lambda players: 3,
        adds_up=False,
    ),
    Method(
        "anchors",
        ("text",),
        {
            "players": Parameter("words", words=("words", "each")),
            "mask": MASK,
            "threshold": Parameter(0.95, minimum=0.5, maximum=0.999),
            "evaluations": Parameter(10_000, minimum=100, maximum=10**7, whole=True),
        },
        code="explainer.methods.anchors:anchors",
        source="the fewest words that hold the prediction in a share `threshold` of draws; Ribeiro "
        "et al. 2018, AAAI 32(1)",
        cost="at most `evaluations` to find a rule, and 400 to measure each word of it",
        least=lambda players: 100,
        adds_up=False,
    ),
)
