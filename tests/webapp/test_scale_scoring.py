"""Each shipped questionnaire scores as its publication says; the analysis does it from the bundle.

Expected values are worked out by hand beside each case.
"""

import pandas as pd
import pytest

from analysis.design import Design
from analysis.scales import possible, score_scale
from webapp.scales import Scale, shipped

Case = tuple[str, list[float | None], dict[str, float | None]]

CASES: list[Case] = [
    # Hoffman et al. (2023): the mean of the eight. 5+4+4+3+2+4+3+5 = 30; 30 / 8 = 3.75.
    ("explanation-satisfaction", [5, 4, 4, 3, 2, 4, 3, 5], {"satisfaction": 3.75}),
    ("explanation-satisfaction", [5, 4, 4, 3, 2, 4, 3, None], {"satisfaction": None}),
    # Hoffman et al. (2023), item 6 reversed: 4+3+2+4+5+(6-2)+3+4 = 29; 29 / 8 = 3.625.
    ("trust-xai", [4, 3, 2, 4, 5, 2, 3, 4], {"xai_trust": 3.625}),
    ("trust-xai", [5, 5, 5, 5, 5, 1, 5, 5], {"xai_trust": 5}),
    # Merritt et al. (2013), item 2 reversed: 4+(6-2)+3+4+2+5 = 22; 22 / 6.
    ("propensity-to-trust", [4, 2, 3, 4, 2, 5], {"propensity": 22 / 6}),
    ("propensity-to-trust", [1, 5, 1, 1, 1, 1], {"propensity": 1}),
    # Jian et al. (2000), items 1-5 reversed in the total: 7-2-3-1-4 is (1+6+5+7+4) = 23, and
    # 5+4+6+5+6+5+2 = 33; (23 + 33) / 12. Distrust as it stands: (7+2+3+1+4) / 5. Trust: 33 / 7.
    (
        "trust-in-automation",
        [7, 2, 3, 1, 4, 5, 4, 6, 5, 6, 5, 2],
        {"jian_total": 56 / 12, "jian_distrust": 3.4, "jian_trust": 33 / 7},
    ),
    (
        "trust-in-automation",
        [7, 2, 3, 1, None, 5, 4, 6, 5, 6, 5, 2],
        {"jian_total": None, "jian_distrust": None, "jian_trust": 33 / 7},
    ),
    # Raw TLX: the mean of six, none reversed. 70+5+55+20+60+30 = 240; 240 / 6 = 40.
    ("nasa-tlx", [70, 5, 55, 20, 60, 30], {"workload": 40}),
    # Brooke (1996): odd items answer - 1, even ones 5 - answer, times 2.5.
    # 4+1+1+4+1+2+1+1+4+3 = 22; 22 x 2.5 = 55.
    ("system-usability", [5, 4, 2, 1, 2, 3, 2, 4, 5, 2], {"usability": 55}),
    ("system-usability", [5, 1, 5, 1, 5, 1, 5, 1, 5, 1], {"usability": 100}),
    ("system-usability", [1, 5, 1, 5, 1, 5, 1, 5, 1, 5], {"usability": 0}),
    ("system-usability", [3] * 10, {"usability": 50}),
    ("s4-text-trust", [3, 4, 0, 5, 4, 1, 5, 0, 4], {}),
]
RANGES = {
    "satisfaction": (1, 5),
    "xai_trust": (1, 5),
    "propensity": (1, 5),
    "jian_total": (1, 7),
    "jian_distrust": (1, 7),
    "jian_trust": (1, 7),
    "workload": (0, 100),
    "usability": (0, 100),
}


def design_with(scale: Scale) -> Design:
    """A design as an export has it, with this scale alone."""
    items = scale.to_items(dict.fromkeys(scale.placeholders, "tool"))
    return Design.from_json(
        {
            "slug": "x",
            "blocks": [],
            "items": {name: item.model_dump(mode="json") for name, item in items.items()},
            "scales": {scale.id: scale.to_design()},
        }
    )


@pytest.mark.parametrize(("scale_id", "answers", "expected"), CASES)
def test_a_questionnaire_scores_as_published(
    scale_id: str, answers: list[float | None], expected: dict[str, float | None]
) -> None:
    scale = design_with(shipped()[scale_id]).scales[scale_id]
    wide = pd.DataFrame([answers], columns=list(scale.items), dtype=float)
    found = {score.id: score_scale(wide, scale, score).iloc[0] for score in scale.scores}
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert pd.isna(found[name]) if value is None else found[name] == pytest.approx(value)


def test_every_score_that_ships_is_among_the_cases() -> None:
    scores = {score.id for scale in shipped().values() for score in scale.scores}
    assert scores == {name for _, _, expected in CASES for name in expected} == set(RANGES)


def test_a_score_knows_how_far_it_can_reach() -> None:
    for scale_id in shipped():
        scale = design_with(shipped()[scale_id]).scales[scale_id]
        for score in scale.scores:
            assert possible(scale, score) == RANGES[score.id]


def test_a_score_can_be_a_sum_of_answers_of_unlike_kinds() -> None:
    """Two yes or no items, one reversed, and one of 1 to 5: 0 + (1 - 0) + 4."""
    base = shipped()["s4-text-trust"]
    score = {"id": "s", "items": ["f1", "s2", "o1"], "reverse": ["s2"], "how": "sum",
             "min_answered": 2}  # fmt: skip
    scale = Scale.model_validate(base.model_dump(by_alias=True) | {"scores": [score]})
    read = design_with(scale).scales[scale.id]
    wide = pd.DataFrame([[None] * 9], columns=list(read.items), dtype=float)
    wide.loc[0, ["f1", "s2", "o1"]] = [0, 0, 4]
    assert score_scale(wide, read, read.scores[0]).tolist() == [5]
    assert possible(read, read.scores[0]) == (1, 7)
