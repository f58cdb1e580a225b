"""Which test fits the design: one number per participant and condition, then

A rating is averaged over a participant's trials in a condition first, so that a participant counts
once. Ratings count as interval values and the stimuli as fixed: the answer is about these stimuli.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.anova import repeated_measures_anova, welch_anova
from analysis.dataset import Dataset
from analysis.design import Design, Factor
from analysis.effects import d_z, hedges_g
from analysis.estimate import Estimate, NotEstimableError
from analysis.ranks import friedman, kruskal, mann_whitney, wilcoxon
from analysis.ttest import paired_difference, welch_difference


@dataclass(frozen=True)
class Comparison:
    """The tests of one outcome between conditions, and what could not be computed and why.

    p: of the t or F test, which decides; the rank test beside it is a check and never takes its
    place. n_incomplete: people left out because they lack a value in one of the levels.
    """

    estimates: tuple[Estimate, ...]
    not_estimable: tuple[str, ...]
    n_incomplete: int = 0
    p: float | None = None


def factors(design: Design) -> tuple[Factor, ...]:
    """The design's factors; without any, all trials are one condition."""
    return design.factors or (Factor("trials", ("all",), "within"),)


def ratings(dataset: Dataset, item_id: str) -> pd.DataFrame:
    """Every answer to an item on a trial, with the conditions, model_correct and `value`."""
    rows = dataset.responses
    rows = rows[(rows["item_id"] == item_id) & (rows["step_kind"] == "trial")]
    correct = dataset.stimuli.drop_duplicates("stimulus_id").set_index("stimulus_id")
    if not dataset.design.factors:
        rows = rows.assign(factor_trials="all")
    return rows.assign(
        value=rows["value_number"],
        model_correct=rows["stimulus_id"].map(correct["model_correct"]).astype("boolean"),
    )


def participant_means(rows: pd.DataFrame, factor: Factor) -> pd.DataFrame:
    """Participants x levels: each participant's mean `value` in each level; NaN where none."""
    means = rows.groupby(["participant_id", f"factor_{factor.name}"])["value"].mean()
    return means.unstack().reindex(columns=list(factor.levels)).astype(float)


def compare_levels(means: pd.DataFrame, factor: Factor) -> Comparison:
    """Test all levels against each other: two by a difference, more by an analysis of variance.

    Within participants, those without a value in every level are left out and counted.
    """
    two, columns = len(factor.levels) == 2, means[list(factor.levels)]
    if len(factor.levels) < 2:
        return Comparison((), (f"{factor.name} has one level: there is nothing to compare",))
    if factor.vary == "within":
        complete = columns.dropna()
        dropped = int(columns.notna().any(axis=1).sum()) - len(complete)
        matrix = complete.to_numpy()
        return _run(_PAIRED, list(matrix.T), dropped) if two else _run(_REPEATED, [matrix], dropped)
    groups = [columns[level].dropna().to_numpy() for level in factor.levels]
    return _run(_UNPAIRED, groups, 0) if two else _run(_GROUPS, [groups], 0)


def contrast(means: pd.DataFrame, factor: Factor, levels: tuple[str, str]) -> Comparison:
    """Test the first level minus the second, with its effect size and a rank test beside."""
    return compare_levels(means, Factor(factor.name, levels, factor.vary))


def right_minus_wrong(rows: pd.DataFrame) -> tuple[Estimate, int]:
    """Mean rating where the model was right minus where it was wrong, over participants.

    Also the number of participants without an answer to both. Raises NotEstimableError.
    """
    known = rows.dropna(subset=["value", "model_correct"])
    means = known.groupby(["participant_id", "model_correct"])["value"].mean().unstack()
    if not {True, False} <= set(means.columns):
        raise NotEstimableError("there are no answers to both right and wrong decisions")
    both = means.dropna()
    estimate = paired_difference(both[True].to_numpy(), both[False].to_numpy())
    return estimate, len(means) - len(both)


def _run(tests: Sequence[Callable[..., Estimate]], inputs: list[Any], dropped: int) -> Comparison:
    estimates, reasons, p = [], [], None
    for test in tests:
        try:
            estimates.append(test(*inputs))
        except NotEstimableError as error:
            reasons.append(str(error))
        else:
            p = estimates[-1].p if test is tests[0] else p
    return Comparison(tuple(estimates), tuple(dict.fromkeys(reasons)), dropped, p)


_PAIRED = (paired_difference, d_z, wilcoxon)
_UNPAIRED = (welch_difference, hedges_g, mann_whitney)
_REPEATED = (repeated_measures_anova, friedman)
_GROUPS = (welch_anova, kruskal)
