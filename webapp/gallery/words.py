"""What a gallery says in words: legends, how to read a method, and what a run found out beside."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from explainer.artifact import Explanation

# For, against, and strength.
LEGEND = {
    "image": (
        "Red parts counted for the answer.",
        "Blue, hatched parts counted against it.",
        "The stronger the colour, the more it counted. Each map has a scale of its own: "
        "its strongest hundredth of the pixels has the full colour.",
    ),
    "text": (
        "Red words with a line below counted for the answer.",
        "Blue words with a dotted line counted against it.",
        "The stronger the colour, the more it counted, on a scale of each text's own.",
    ),
    "prompt": (
        "Red words with a line below counted for what the model wrote as a whole.",
        "Blue words with a dotted line counted against it.",
        "The stronger the colour, the more it counted, on a scale of each text's own.",
    ),
    "series": (
        "Red bars upwards raised the mean of the forecast.",
        "Blue, hatched bars downwards lowered it.",
        "The longer the bar, the more it moved, on a scale of each chart's own.",
    ),
}

_SLOPE = (
    "Red is where more of the input would raise the answer's score, blue where less would: a slope "
    "at this input, not what it counted."
)
_NORM = "Without a sign: how steeply the score changes with a word, whichever way. Nothing is blue."
_ATTENTION = (
    "Without a sign: where the model looks, which need not be what counts. Nothing is blue."
)

# By (kind, method); the kind "" is any other.
HOW = {
    ("image", "gradient"): _SLOPE,
    ("image", "smoothgrad"): _SLOPE,
    ("series", "gradient"): _SLOPE,
    ("series", "smoothgrad"): _SLOPE,
    ("series", "gradient_input"): (
        "From a series that is 0 everywhere, which none is: the level itself counts, so the signs "
        "may differ from those of methods that mask by the window's mean."
    ),
    ("", "gradient"): _NORM,
    ("", "smoothgrad"): _NORM,
    ("image", "guided_backpropagation"): _SLOPE,
    ("", "grad_cam"): (
        "Only what speaks for the answer, as coarse as the layer. In a network that reads in one "
        "direction a place stands for all that was read up to it, so the end is often red."
    ),
    ("", "attention"): _ATTENTION,
    ("", "attention_rollout"): _ATTENTION,
    ("", "random_crops"): "Red where crops that show a place score above the mean of all crops.",
    ("", "anchors"): (
        "Red words are a rule: while they stand, the prediction holds, whatever the others are. An "
        "empty rule means that it holds without any."
    ),
    ("", "channels"): (
        "Not what counted: red where a channel inside the model was more active than on average, "
        "blue where less."
    ),
    ("", "senn_concepts"): "Not places: the model's own ideas, which have a bar each.",
    ("", "interactions"): "The map shows Shapley values; what pairs are worth is in the artifact.",
    ("", "mismatched"): "A control: the explanation of another stimulus. It need not fit.",
    ("", "shuffled"): "A control: the right values in the wrong places.",
    ("", "random"): "A control: noise.",
    ("", "randomised"): "A control: the explanation of a model that has learnt nothing.",
    ("", "placebic"): "A control: words without content.",
}


def parameters(given: Mapping[str, Any], seed: int) -> str:
    """Parameters in one line; defaults are among them."""
    said = [f"{name} {value}" for name, value in given.items() if name not in ("of", "words")]
    return ", ".join([*said, f"seed {seed}"])


def found_out(details: Mapping[str, Any], explanation: Explanation) -> tuple[tuple[str, str], ...]:
    """What a run found beside the values, as far as a few words can say it."""
    found = [("Values are of", explanation.value_function)]
    if "precision" in details:
        words = sorted(zip(details["players"], details["words"], strict=True))
        rule = " ... ".join(word for _, word in words) or "(empty)"
        low, high = details["precision_interval"]
        found.append(("Rule", rule))
        found.append(("Precision", f"{details['precision']:.2f}, from {low:.2f} to {high:.2f}"))
        found.append(("Coverage", f"{details['coverage']:.3g}"))
    if "fidelity" in details:
        fidelity = details["fidelity"]
        found.append(("Fidelity", ", ".join(f"{name} {v:.3g}" for name, v in fidelity.items())))
    if "convergence_delta" in details:
        deltas = np.atleast_1d(np.asarray(details["convergence_delta"], float))
        found.append(("Convergence delta", f"{np.abs(deltas).max():.2g}"))
    errors = explanation.standard_errors
    if errors is not None and np.any(errors):
        largest = np.abs(explanation.values).max() or 1.0
        share = round(100 * float(errors.max() / largest))
        said = f"at most {share} %" if share else "below 1 %"
        found.append(("Standard error", f"{said} of the largest value"))
    return tuple(found)
