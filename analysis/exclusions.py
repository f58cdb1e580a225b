"""Whose answers count, by rules that were declared before the data; each with who and why.

Simulated participants, previews, those who declined or withdrew and those who did not finish are
always left out (the default analysis is of complete participants; the report counts the others).
After that come the rules of the study.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.dataset import COMPLETE, Dataset
from analysis.design import COLUMN
from analysis.rules import Answered, Exclusion, FailedChecks, StraightLining, TooFast

_ALWAYS = ("simulated", "preview", "declined", "withdrawn", "not finished")


@dataclass(frozen=True)
class Exclusions:
    """One row for each participant left out: participant_id, reason, detail."""

    rows: tuple[tuple[str, str, str], ...]

    def counts(self) -> dict[str, int]:
        """Reason -> number of participants, in the order in which reasons were applied."""
        counts: dict[str, int] = {}
        for _, reason, _ in self.rows:
            counts[reason] = counts.get(reason, 0) + 1
        return counts


def exclude(dataset: Dataset, rules: Sequence[Exclusion]) -> tuple[Dataset, Exclusions]:
    """Leave out whom the defaults and then the rules name; each participant has one reason."""
    people = dataset.participants.set_index("participant_id")
    reasons: dict[str, tuple[str, str]] = {}
    for participant_id, simulated, preview, outcome in zip(
        people.index, people["simulated"], people["preview"], people["outcome"], strict=True
    ):
        if simulated:
            reasons[participant_id] = ("simulated", "a simulated participant")
        elif preview:
            reasons[participant_id] = ("preview", "a researcher looking at the pages")
        elif outcome != COMPLETE:
            reason = "not finished" if outcome == "active" else str(outcome)
            reasons[participant_id] = (reason, f"outcome: {outcome}")
    # By an answer first: what a participant said goes before how it was said.
    for rule in sorted(rules, key=lambda rule: not isinstance(rule, Answered)):
        for participant_id, detail in _excluded_by(dataset, rule).items():
            reasons.setdefault(participant_id, (rule.id, detail))
    kept = dataset.only(pd.Series([i for i in people.index if i not in reasons], dtype=str))
    order = list(_ALWAYS)
    order += [reason for reason, _ in reasons.values() if reason not in order]
    rows = [(i, *reasons[i]) for i in people.index if i in reasons]
    return kept, Exclusions(tuple(sorted(rows, key=lambda row: order.index(row[1]))))


def _excluded_by(dataset: Dataset, rule: Exclusion) -> dict[str, str]:
    """Whom a declared rule leaves out -> why."""
    match rule:
        case TooFast():
            return _too_fast(dataset, rule)
        case FailedChecks():
            return _failed(dataset, rule)
        case StraightLining():
            return _straight(dataset, rule)
    rows = dataset.responses[dataset.responses["item_id"] == rule.item]
    given = rows[COLUMN[dataset.design.items[rule.item].kind]]
    who = rows.loc[given == rule.equals, "participant_id"]
    return dict.fromkeys(who, f"answered {rule.equals} to {rule.item}")


def _too_fast(dataset: Dataset, rule: TooFast) -> dict[str, str]:
    steps = dataset.steps
    trials = steps[(steps["step_kind"] == "trial") & steps["duration_ms"].notna()]
    medians = trials.groupby("participant_id")["duration_ms"].median()
    limit = rule.median_trial_ms_below
    return {
        str(participant_id): f"median trial {median:.0f} ms, below {limit:.0f} ms"
        for participant_id, median in medians.items()
        if median < limit
    }


def _failed(dataset: Dataset, rule: FailedChecks) -> dict[str, str]:
    """A check is failed where the last answer to one of its items is not a right one."""
    rows = dataset.responses
    rows = rows[rows["step_kind"] == "check"].sort_values(
        ["participant_id", "step_position", "attempt"], kind="stable"
    )
    failed: dict[str, set[int]] = {}
    for place, right in enumerate(dataset.design.checks):
        for item, allowed in right.items():
            last = rows[rows["item_id"] == item].drop_duplicates("participant_id", keep="last")
            given = last[COLUMN[dataset.design.items[item].kind]]
            for participant_id in last.loc[~given.isin(list(allowed)), "participant_id"]:
                failed.setdefault(str(participant_id), set()).add(place)
    return {
        participant_id: f"failed {len(places)} of {len(dataset.design.checks)} checks"
        for participant_id, places in failed.items()
        if len(places) > rule.failed_checks_above
    }


def _straight(dataset: Dataset, rule: StraightLining) -> dict[str, str]:
    """Who gave one and the same answer to every item of a scale, as it was asked."""
    items = dataset.design.scales[rule.scale].items
    rows = dataset.responses
    rows = rows[(rows["scale_id"] == rule.scale) & rows["value_number"].notna()]
    told = rows.groupby("participant_id")["value_number"].agg(["nunique", "count", "first"])
    same = told[(told["nunique"] == 1) & (told["count"] >= len(items))]
    return {
        str(participant_id): f"answered {value:g} to all {len(items)} items of {rule.scale}"
        for participant_id, value in same["first"].items()
    }


def rule_text(dataset: Dataset, rule: Exclusion) -> str:
    """A rule in words."""
    match rule:
        case TooFast():
            return f"median time on a trial below {rule.median_trial_ms_below:g} ms"
        case FailedChecks():
            return f"failed more than {rule.failed_checks_above} attention or comprehension checks"
        case StraightLining():
            return f"gave the same answer to every item of {rule.scale}"
    item = dataset.design.items[rule.item]
    answer = str(rule.equals)
    if item.kind == "yes_no":
        answer = {"0": "no", "1": "yes"}.get(answer, answer)
    return f"answered {item.choices.get(answer) or answer} to “{item.text}”"
