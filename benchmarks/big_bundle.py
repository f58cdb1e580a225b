"""Write export bundles of any size, with answers from a stated model, to measure the analysis."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

LEVELS = ("none", "shap", "mismatched")
VERSION = hashlib.sha256(b"manifest").hexdigest()
STIMULI = 60
SCALE = "explanation-satisfaction"


def write(folder: Path, people: int, trials: int, seed: int = 1) -> Path:
    """A within-participants study of three conditions: ratings 1 to 7, and a scale of 8 items.

    People differ in level and in the effect of condition, stimuli in level, as a cumulative logit
    model has it; `shap` is 0.8 higher in log odds, `mismatched` 0.1.
    """
    random = np.random.default_rng(seed)
    digests = [hashlib.sha256(str(i).encode()).hexdigest() for i in range(STIMULI)]
    ids = np.array([f"P{i:06d}" for i in range(people)])
    who = np.repeat(np.arange(people), trials)
    what = np.concatenate([random.permutation(STIMULI)[:trials] for _ in range(people)])
    level = np.tile(np.arange(trials) % 3, people)
    right = what < 2 * STIMULI // 3
    latent = (
        random.normal(0, 1, people)[who]
        + random.normal(0, 0.5, (people, 3))[who, level]
        + random.normal(0, 0.5, STIMULI)[what]
        + np.array([0, 0.8, 0.1])[level]
        + 0.7 * right
        + random.logistic(size=len(who))
    )
    rating = np.clip(np.round(4 + latent), 1, 7).astype(int)
    explained = np.array([[""] * STIMULI] + [[_digest(n, s) for s in digests] for n in LEVELS[1:]])
    steps = pd.DataFrame(
        {
            "participant_id": ids[who],
            "study_version": VERSION,
            "step_position": np.tile(np.arange(trials) + 4, people),
            "step_kind": "trial",
            "attempt": 1,
            "block": "main",
            "factor_explanation": np.array(LEVELS)[level],
            "stimulus_id": np.array(digests)[what],
            "explanation_digest": explained[level, what],
        }
    )
    empty = dict.fromkeys(("value_text", "value_json", "missing_reason", "scale_id"), "")
    answers = steps.assign(
        item_id="trust",
        item_kind="likert",
        role="rating",
        value_number=rating,
        language="en",
        response_time_ms=3000,
        answered_after_ms=2500,
        **empty,
    )
    satisfied = random.normal(3.2, 0.7, people)[:, None] + random.normal(0, 0.7, (people, 8))
    satisfied = np.clip(np.round(satisfied), 1, 5).astype(int)
    last = pd.DataFrame(
        {
            "participant_id": np.repeat(ids, 8),
            "study_version": VERSION,
            "step_position": trials + 4,
            "step_kind": "questionnaire",
            "attempt": 1,
            "scale_id": SCALE,
            "item_id": np.tile([f"es{i}" for i in range(1, 9)], people),
            "item_kind": "likert",
            "role": "scale",
            "value_number": satisfied.ravel(),
            "language": "en",
        }
    )
    tables = {
        "responses": pd.concat([answers, last], ignore_index=True),
        "steps": steps.assign(
            rendered_sha256=VERSION,
            viewport="1280x800",
            shown_after_ms=1000,
            submitted_after_ms=6000,
            duration_ms=random.integers(2000, 9000, len(steps)),
            skipped_reason="",
        ),
        "participants": pd.DataFrame(
            {
                "participant_id": ids,
                "study_version": VERSION,
                "cell": "",
                "form": 0,
                "language": "en",
                "outcome": "complete",
                "steps_total": trials + 6,
                "steps_submitted": trials + 6,
                "duration_ms": 600_000,
            }
        ),
        "stimuli": pd.DataFrame(
            {
                "stimulus_id": digests,
                "stimulus_set": "digits",
                "kind": "image",
                "truth": "1",
                "predicted": "1",
                "model_correct": np.where(np.arange(STIMULI) < 2 * STIMULI // 3, "true", "false"),
                "probability": 0.9,
                "checkpoint_digest": VERSION,
                "source_json": "{}",
            }
        ),
        "explanations": pd.DataFrame(
            [
                {
                    "explanation_digest": _digest(name, stimulus),
                    "name": name,
                    "stimulus_id": stimulus,
                    "method": name,
                    "parameters_json": "{}",
                    "seed": 1,
                    "completeness_gap": 1e-6,
                    "evaluations": 1000,
                    "seconds": 1.0,
                }
                for name in LEVELS[1:]
                for stimulus in digests
            ]
        ),
        "metrics": pd.DataFrame(
            [
                {
                    "explanation_digest": _digest(name, stimulus),
                    "metric": metric,
                    "value": float(random.normal()),
                    "missing_reason": "",
                }
                for name in LEVELS[1:]
                for stimulus in digests
                for metric in (
                    "faithfulness_correlation",
                    "random_faithfulness_correlation",
                    "max_sensitivity",
                    "sparsity",
                )
            ]
        ),
        "events": pd.DataFrame(
            columns=[
                "participant_id",
                "study_version",
                "step_position",
                "kind",
                "at_ms",
                "value_json",
            ]
        ),
    }
    texts: dict[str, Any] = {
        "dataset_description.json": {
            "schema": "credence/bundle/1",
            "study": {"slug": "big", "title": "A big study", "version": VERSION, "number": 1},
        },
        "codebook.json": {"schema": "credence/codebook/1", "tables": {}},
        "study/design.json": _design(),
    }
    for name, table in tables.items():
        path = folder / "data" / f"table-{name}_data.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(path, index=False, lineterminator="\n")
    (folder / "study").mkdir(exist_ok=True)
    (folder / "study" / "manifest.json").write_bytes(b"manifest")
    for name, data in texts.items():
        (folder / name).write_text(json.dumps(data))
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "checksums.txt")
    lines = (
        f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(folder).as_posix()}\n"
        for p in files
    )
    (folder / "checksums.txt").write_text("".join(lines))
    return folder


def _digest(name: str, stimulus: str) -> str:
    return hashlib.sha256(f"{name} {stimulus}".encode()).hexdigest()


def _design() -> dict[str, Any]:
    items: dict[str, Any] = {"trust": {"kind": "likert", "min": 1, "max": 7, "role": "rating"}}
    names = [f"es{i}" for i in range(1, 9)]
    items |= {name: {"kind": "likert", "min": 1, "max": 5, "scale_id": SCALE} for name in names}
    score = {"id": "satisfaction", "items": names, "reverse": [], "how": "mean", "min_answered": 8}
    scale = {"id": SCALE, "name": "Satisfaction", "items": names, "min": 1, "max": 5}
    formula = (
        "rating ~ explanation * model_correct + (1 + explanation | participant) + (1 | stimulus)"
    )
    return {
        "schema": "credence/design/1",
        "slug": "big",
        "title": "A big study",
        "factors": {"explanation": {"levels": list(LEVELS), "vary": "within"}},
        "items": items,
        "scales": {SCALE: {**scale, "scores": [score]}},
        "blocks": [{"items": ["trust"]}],
        "exclusions": [{"id": "too_fast", "median_trial_ms_below": 1500}],
        "hypotheses": [
            {
                "id": "H1",
                "outcome": "trust",
                "formula": formula,
                "contrast": ["shap", "mismatched"],
                "confirmatory": True,
            }
        ],
    }
