"""A small study's design, as `flask study design` writes it."""

from copy import deepcopy
from typing import Any

FORMULA = "rating ~ explanation + (1 + explanation | participant) + (1 | stimulus)"

DESIGN: dict[str, Any] = {
    "schema": "credence/design-summary/1",
    "slug": "demo",
    "factors": {"explanation": {"levels": ["none", "shap"], "vary": "within"}},
    "items": {
        "trust": {"kind": "likert", "min": 1, "max": 5},
        "agree": {"kind": "yes_no"},
        "why": {"kind": "text"},
    },
    "blocks": [
        {
            "block": "main",
            "trials_per_participant": 6,
            "conditions": ["explanation=none", "explanation=shap"],
            "items": ["trust", "agree", "why"],
            "strata": [
                {"traits": {"model_correct": "True"}, "stimuli": 8},
                {"traits": {"model_correct": "False"}, "stimuli": 4},
            ],
        }
    ],
    "hypotheses": [
        {
            "id": "H1",
            "outcome": "trust",
            "formula": FORMULA,
            "contrast": ["shap", "none"],
            "confirmatory": True,
        }
    ],
}


def design(**changes: Any) -> dict[str, Any]:
    """The design with some fields replaced."""
    return deepcopy(DESIGN) | changes
