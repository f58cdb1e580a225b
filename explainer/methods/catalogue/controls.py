"""Controls: explanations that look real and are wrong on purpose, or say nothing."""

from explainer.methods import KINDS, Method, Of, Parameter, Sentences
from explainer.methods.placebic import WORDS

_SENTENCES = Sentences(by_kind=WORDS)
_ONE_MORE = "one more explanation of the method it is `of`"
_NOTHING = "nothing beyond the explanation it is `of`"

METHODS = (
    Method(
        "mismatched",
        KINDS,
        {"match": Parameter("predicted", words=("predicted",))},
        of=Of.ANOTHER,
        code="explainer.methods.controls:mismatched",
        source="a real explanation of another stimulus with the same predicted class",
        cost=_ONE_MORE,
        adds_up=False,
    ),
    Method(
        "shuffled",
        KINDS,
        {},
        of=Of.OWN,
        code="explainer.methods.controls:shuffled",
        source="the same values, dealt to the players at random",
        cost=_NOTHING,
        adds_up=False,
    ),
    Method(
        "random",
        KINDS,
        {},
        of=Of.OWN,
        code="explainer.methods.controls:random",
        source="noise as smooth and as strong as the explanation; Theiler et al. 1992, "
        "Physica D 58, 77-94",
        cost=_NOTHING,
        adds_up=False,
    ),
    Method(
        "randomised",
        KINDS,
        {},
        of=Of.SUBJECT,
        code="explainer.methods.randomised:randomised",
        source="the explanation of the model with weights drawn anew; Adebayo et al. 2018, "
        "arXiv:1810.03292",
        cost=_ONE_MORE,
        adds_up=False,
    ),
    Method(
        "placebic",
        KINDS,
        {"words": _SENTENCES},
        of=Of.OWN,
        words=_SENTENCES,
        code="explainer.methods.controls:placebic",
        source="content-free words, a study's own or ours; Eiband et al. 2019, CHI Extended "
        "Abstracts",
        cost=_NOTHING,
        adds_up=False,
    ),
)
