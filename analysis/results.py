"""Everything that a report says, as one JSON: who took part, what was shown, what was found.

Every analysis stands twice: "main" without the participants whom the declared rules exclude, and
"with_excluded" with those who were too fast, failed checks or gave one answer to everything. Who is
excluded by an answer is in neither: such a rule can be a participant's word that the answers may
not be used, and that holds everywhere.
"""

import platform
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import pandas as pd

from analysis import simulated
from analysis.analyse import analyse
from analysis.dataset import COMPLETE, Dataset
from analysis.exclusions import Exclusions, exclude, rule_text
from analysis.limitations import limitations
from analysis.methods import methods
from analysis.preregistration import Preregistration, deviations
from analysis.quality import quality
from analysis.rules import Answered

SCHEMA = "credence/results/1"
PACKAGES = ("matplotlib", "numpy", "pandas", "scipy", "statsmodels")
Json = dict[str, Any]


def results(
    dataset: Dataset,
    *,
    with_simulated: bool = False,
    registered: Preregistration | None = None,
) -> Json:
    """All results of a bundle. Holds no date and no path: one bundle gives one JSON.

    with_simulated: simulated participants count as people, and the JSON says how many there are.
    registered: what the study's hypotheses and rules are compared with.
    """
    inferred = bool(dataset.description["study"].get("inferred"))
    if inferred and registered is not None:
        design = replace(
            dataset.design,
            hypotheses=registered.hypotheses,
            exclusions=registered.exclusions,
        )
        dataset = replace(dataset, design=design)
    robots = simulated.count(dataset)
    if with_simulated:
        dataset = simulated.as_people(dataset)
    rules = dataset.design.exclusions
    kept, left_out = exclude(dataset, rules)
    everyone, _ = exclude(dataset, [rule for rule in rules if isinstance(rule, Answered)])
    study = dataset.description["study"]
    main = analyse(kept)
    same = list(kept.participants["participant_id"]) == list(
        everyone.participants["participant_id"]
    )
    found: Json = {
        "schema": SCHEMA,
        "study": {
            "slug": dataset.design.slug,
            "title": dataset.design.title,
            "version": study["version"],
            "number": study.get("number"),
            "inferred": inferred,
            "factors": [
                {"name": f.name, "levels": list(f.levels), "vary": f.vary}
                for f in dataset.design.factors
            ],
        },
        "participants": _participants(dataset, kept, left_out)
        | {"simulated": robots, "simulated_count": with_simulated},
        "rules": [
            {
                "id": rule.id,
                "text": rule_text(dataset, rule),
                "excluded": left_out.counts().get(rule.id, 0),
                "undone": not isinstance(rule, Answered),
            }
            for rule in rules
        ],
        "shown": _shown(dataset),
        "main": main,
        "with_excluded": main if same else analyse(everyone, whole=False),
        "quality": quality(kept),
        "preregistration": None
        if registered is None
        else {
            "sha256": registered.sha256,
            "deviations": deviations(registered, dataset.design),
        },
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("credence", *PACKAGES)},
        },
        "digests": {"bundle": dataset.digest, "study_version": study["version"]},
    }
    found["methods"] = methods(found)
    found["limitations"] = limitations(found)
    return found


def _participants(dataset: Dataset, kept: Dataset, left_out: Exclusions) -> Json:
    people = dataset.participants
    real = people[~people["simulated"].astype(bool) & ~people["preview"].astype(bool)]
    outcomes = real["outcome"].value_counts().sort_index()
    return {
        "asked": len(real),
        "declined": int(outcomes.get("declined", 0)),
        "enrolled": int(outcomes.drop("declined", errors="ignore").sum()),
        "complete": int(outcomes.get(COMPLETE, 0)),
        "outcomes": {str(name): int(count) for name, count in outcomes.items()},
        "analysed": len(kept.participants),
        "left_out": [
            {"participant_id": i, "reason": reason, "detail": detail}
            for i, reason, detail in left_out.rows
        ],
        "reasons": left_out.counts(),
        "languages": _counts(kept.participants["language"]),
        "median_minutes": _median(kept.participants["duration_ms"] / 60000),
        "median_trial_seconds": _median(
            kept.steps.loc[kept.steps["step_kind"] == "trial", "duration_ms"] / 1000
        ),
    }


def _shown(dataset: Dataset) -> Json:
    stimuli = dataset.stimuli
    correct = stimuli["model_correct"]
    used = dataset.steps["explanation_digest"].dropna()
    times = used.value_counts()
    names = []
    for (name, method), rows in dataset.explanations.groupby(["name", "method"], dropna=False):
        gaps = rows["completeness_gap"].abs().dropna()
        unique = rows.drop_duplicates("explanation_digest")
        names.append(
            {
                "name": str(name),
                "method": method if isinstance(method, str) else None,
                "n": len(unique),
                "n_shown": int(unique["explanation_digest"].isin(times.index).sum()),
                "n_gaps": len(gaps),
                "median_gap": _median(gaps),
                "largest_gap": float(gaps.max()) if len(gaps) else None,
                "median_evaluations": _median(rows["evaluations"]),
                "digests": sorted(unique["explanation_digest"]),
            }
        )
    return {
        "n_stimuli": len(stimuli),
        "n_right": int(correct.fillna(False).sum()),
        "n_wrong": int((~correct.fillna(True)).sum()),
        "kinds": _counts(stimuli["kind"]),
        "checkpoints": sorted(stimuli["checkpoint_digest"].dropna().unique()),
        "explanations": names,
    }


def _counts(values: pd.Series) -> dict[str, int]:
    return {str(name): int(n) for name, n in values.value_counts().sort_index().items()}


def _median(values: pd.Series) -> float | None:
    known = values.dropna()
    return None if known.empty else float(known.median())
