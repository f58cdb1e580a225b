"""How participants' own numbers go together: rank correlations of mean ratings and scale scores."""

from typing import Any

import pandas as pd

from analysis.conditions import ratings
from analysis.dataset import Dataset
from analysis.design import NUMERIC
from analysis.scales import answers, score_scale

Json = dict[str, Any]

_FEWEST = 4  # people who have both numbers


def correlations(dataset: Dataset) -> Json:
    """Names, and Spearman's correlations between them; None where there is none.

    Source: Spearman (1904), American Journal of Psychology 15(1), 72-101.
    """
    design = dataset.design
    columns: dict[str, pd.Series] = {}
    for item in design.trial_items:
        if design.items[item].kind in NUMERIC:
            rows = ratings(dataset, item)
            columns[item] = rows.groupby("participant_id")["value"].mean()
    for scale in design.scales.values():
        wide = answers(dataset.responses, scale)
        for score in scale.scores:
            name = score.id if len(scale.scores) > 1 else scale.id
            columns[name] = score_scale(wide, scale, score).groupby("participant_id").mean()
    table = pd.DataFrame(columns).astype(float)
    # Numbers that do not vary have no correlation; without them no division by zero is tried.
    varying = [name for name in table if table[name].nunique() > 1]
    pairs = table[varying].corr(method="spearman", min_periods=_FEWEST)
    return {
        "names": varying,
        "values": [
            [None if pd.isna(value) else round(float(value), 12) for value in row]
            for row in pairs.to_numpy()
        ],
    }
