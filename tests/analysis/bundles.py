"""Write a valid export bundle of a small simulated study, exactly as the export does."""

import csv
import hashlib
import io
import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VERSION = hashlib.sha256(b"manifest").hexdigest()
LEVELS = ("none", "shap", "mismatched")
SCALE = "explanation-satisfaction"
ES = [f"es{number}" for number in range(1, 9)]
H1 = {
    "id": "H1",
    "outcome": "trust",
    "formula": "rating ~ explanation * model_correct + (1 + explanation | participant)",
    "contrast": ["shap", "mismatched"],
    "confirmatory": True,
}
COLUMNS = {
    "responses": "participant_id study_version step_position step_kind attempt block "
    "factor_explanation stimulus_id explanation_digest scale_id item_id item_kind role "
    "value_number value_text value_json missing_reason language response_time_ms "
    "answered_after_ms",
    "steps": "participant_id study_version step_position step_kind attempt block "
    "factor_explanation stimulus_id explanation_digest rendered_sha256 viewport shown_after_ms "
    "submitted_after_ms duration_ms skipped_reason",
    "participants": "participant_id study_version cell form language outcome simulated "
    "steps_total steps_submitted duration_ms",
    "stimuli": "stimulus_id stimulus_set kind truth predicted model_correct probability "
    "checkpoint_digest source_json",
    "explanations": "explanation_digest name stimulus_id method parameters_json seed "
    "completeness_gap evaluations seconds",
    "metrics": "explanation_digest metric value missing_reason",
    "curves": "explanation_digest curve share deletion insertion",
    "attributions": "explanation_digest output player span_json value missing_reason",
    "units": "block stimulus_id unit span_json",
    "events": "participant_id study_version step_position kind at_ms value_json",
}


@dataclass
class Study:
    """What to simulate. lift: rating points that a level adds."""

    people: int = 24
    levels: tuple[str, ...] = LEVELS
    vary: str = "within"
    lift: dict[str, float] = field(default_factory=lambda: {"shap": 0.8, "mismatched": 0.2})
    rating: int | None = None  # everyone's answer, where it does not vary
    missing: float = 0.0  # share of trust answers left empty
    hypotheses: list[dict[str, Any]] = field(default_factory=lambda: [H1])
    exclusions: list[dict[str, Any]] = field(
        default_factory=lambda: [{"id": "too_fast", "median_trial_ms_below": 1500}]
    )
    comments: tuple[str, ...] = ("fine", "<script>alert(1)</script>", "=cmd()|' /C calc'!A0")
    declined: int = 2
    withdrawn: int = 1
    active: int = 1
    simulated: int = 1
    fast: int = 1
    seed: int = 5


def digest(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def design(study: Study) -> dict[str, Any]:
    likert = {"kind": "likert", "required": True, "choices": None}
    items: dict[str, Any] = {
        "trust": likert
        | {
            "text": {"en": "I would rely on this answer."},
            "min": 1,
            "max": 7,
            "labels": {"1": {"en": "not at all"}, "7": {"en": "completely"}},
            "role": "rating",
            "scale_id": None,
        },
        "agree": {"kind": "yes_no", "text": {"en": "Is it right?"}, "role": None},
        "why": {"kind": "text", "text": {"en": "Why?"}, "role": None},
        "device": {
            "kind": "choice",
            "text": {"en": "What are you using?"},
            "choices": [
                {"value": "phone", "text": {"en": "A phone"}},
                {"value": "computer", "text": {"en": "A computer"}},
            ],
        },
        "age": {"kind": "number", "text": {"en": "How old are you?"}},
    }
    for item in ES:
        items[item] = likert | {
            "text": {"en": f"Item {item}"},
            "min": 1,
            "max": 5,
            "labels": {},
            "role": None,
            "scale_id": SCALE,
        }
    scale = {
        "id": SCALE,
        "name": "Explanation Satisfaction Scale",
        "source": "Hoffman et al. (2023)",
        "licence": "CC BY 4.0",
        "items": ES,
        "min": 1,
        "max": 5,
        "scores": [
            {"id": "satisfaction", "items": ES, "reverse": [], "how": "mean", "min_answered": 8}
        ],
    }
    return {
        "schema": "credence/design/1",
        "slug": "demo",
        "title": {"en": "Judging a digit reader"},
        "seed": 20261122,
        "factors": {"explanation": {"levels": list(study.levels), "vary": study.vary}},
        "items": items,
        "scales": {SCALE: scale},
        "blocks": [
            {
                "block": "main",
                "trial": "rate",
                "stimuli": "digits",
                "per_participant": 12,
                "items": ["trust", "agree"],
            }
        ],
        "exclusions": study.exclusions,
        "hypotheses": study.hypotheses,
    }


def tables(study: Study) -> dict[str, list[dict[str, Any]]]:
    draw = random.Random(study.seed)
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in COLUMNS}
    stimuli = [digest("stimulus", index) for index in range(12)]
    for index, stimulus in enumerate(stimuli):
        right = index < 8
        rows["stimuli"].append(
            {
                "stimulus_id": stimulus,
                "stimulus_set": "digits",
                "kind": "image",
                "truth": index % 10,
                "predicted": index % 10 if right else (index + 3) % 10,
                "model_correct": str(right).lower(),
                "probability": round(0.5 + 0.04 * index, 3),
                "checkpoint_digest": digest("checkpoint"),
                "source_json": json.dumps({"index": index}),
            }
        )
        for name in study.levels:
            if name != "none":
                rows["explanations"].append(
                    {
                        "explanation_digest": digest(name, stimulus),
                        "name": name,
                        "stimulus_id": stimulus,
                        "method": {"shap": "partition"}.get(name, name),
                        "parameters_json": json.dumps({"evaluations": 1000, "mask": "mean"}),
                        "seed": 7,
                        "completeness_gap": 1e-6 * index if name == "shap" else None,
                        "evaluations": 1000,
                        "seconds": 1.25,
                    }
                )
                known = {"explanation_digest": digest(name, stimulus)}
                rows["metrics"] += [
                    known | {"metric": "deletion_area", "value": -2.5 - 0.1 * index},
                    known | {"metric": "random_deletion_area", "value": -1.5 - 0.1 * index},
                    known | {"metric": "sensitivity", "missing_reason": "a control"},
                ]
                rows["curves"] += [
                    known
                    | {"curve": "removal", "share": share, "deletion": -share, "insertion": share}
                    for share in (0, 0.5, 1)
                ]
    kinds = (
        ["complete"] * study.people
        + ["declined"] * study.declined
        + ["withdrawn"] * study.withdrawn
        + ["active"] * study.active
        + ["simulated"] * study.simulated
        + ["fast"] * study.fast
    )
    for number, kind in enumerate(kinds):
        _participant(study, rows, draw, stimuli, number=number, kind=kind)
    return rows


def _participant(
    study: Study,
    rows: dict[str, list[dict[str, Any]]],
    draw: random.Random,
    stimuli: list[str],
    *,
    number: int,
    kind: str,
) -> None:
    person = {"participant_id": f"P{number + 1:04d}", "study_version": VERSION}
    finished = kind in ("complete", "simulated", "fast")
    trials = {"declined": 0, "withdrawn": 3, "active": 5}.get(kind, 12)
    between = study.levels[number % len(study.levels)]
    rows["participants"].append(
        person
        | {
            "cell": f"explanation={between}" if study.vary == "between" else "",
            "form": number % 3,
            "language": "en",
            "outcome": "complete" if finished else kind,
            "simulated": str(kind == "simulated").lower(),
            "steps_total": 17,
            "steps_submitted": 17 if finished else trials + 2 if trials else 1,
            "duration_ms": 240000,
        }
    )
    leaning, gain = draw.gauss(0, 0.7), draw.gauss(0, 0.4)
    order = draw.sample(stimuli, 12)
    for trial in range(trials):
        level = between if study.vary == "between" else study.levels[trial % len(study.levels)]
        stimulus = order[trial]
        step = person | {
            "step_position": trial + 4,
            "step_kind": "trial",
            "attempt": 1,
            "block": "main",
            "factor_explanation": level,
            "stimulus_id": stimulus,
            "explanation_digest": "" if level == "none" else digest(level, stimulus),
        }
        duration = 700 if kind == "fast" else draw.randint(2500, 9000)
        rows["steps"].append(
            step
            | {
                "rendered_sha256": digest("page", stimulus, level),
                "viewport": "1280x800",
                "shown_after_ms": 10000 * trial,
                "submitted_after_ms": 10000 * trial + duration,
                "duration_ms": duration,
            }
        )
        rows["events"].append(
            person | {"step_position": trial + 4, "kind": "shown", "at_ms": 10000 * trial}
        )
        right = stimuli.index(stimulus) < 8
        lift = study.lift.get(level, 0.0) * (1 + gain) + (0.7 if right else 0)
        rating = study.rating or max(1, min(7, round(3.6 + leaning + lift + draw.gauss(0, 1))))
        empty = draw.random() < study.missing
        answer = step | {"language": "en", "response_time_ms": duration - 100}
        rows["responses"].append(
            answer
            | {
                "item_id": "trust",
                "item_kind": "likert",
                "role": "rating",
                "value_number": "" if empty else rating,
                "missing_reason": "not_answered" if empty else "",
            }
        )
        rows["responses"].append(
            answer
            | {"item_id": "agree", "item_kind": "yes_no", "value_number": int(draw.random() < 0.7)}
        )
    if not finished:
        return
    step = person | {"step_position": 16, "step_kind": "questionnaire", "attempt": 1}
    rows["steps"].append(step | {"duration_ms": 30000})
    satisfied = draw.gauss(3.2, 0.7)
    for item in ES:
        value = max(1, min(5, study.rating or round(satisfied + draw.gauss(0, 0.7))))
        rows["responses"].append(
            step
            | {"item_id": item, "item_kind": "likert", "scale_id": SCALE, "value_number": value}
        )
    for item, column, value in (
        ("why", "value_text", study.comments[number % len(study.comments)]),
        ("device", "value_text", ("phone", "computer")[number % 2]),
        ("age", "value_number", 20 + number),
    ):
        kind = {"why": "text", "device": "choice", "age": "number"}[item]
        rows["responses"].append(step | {"item_id": item, "item_kind": kind, column: value})


def write(
    folder: Path,
    study: Study,
    change: dict[str, list[dict[str, Any]]] | None = None,
    new_design: dict[str, Any] | None = None,
) -> Path:
    """Write the bundle; `change` replaces whole tables, `new_design` the design."""
    contents = tables(study) | (change or {})
    texts = {
        "dataset_description.json": json.dumps(
            {
                "@context": "https://schema.org/",
                "@type": "Dataset",
                "name": "demo",
                "description": "A simulated study",
                "schema": "credence/bundle/1",
                "study": {
                    "slug": "demo",
                    "title": {"en": "Judging a digit reader"},
                    "version": VERSION,
                    "number": 1,
                },
                "variableMeasured": [],
            }
        ),
        "codebook.json": json.dumps({"schema": "credence/codebook/1", "tables": {}}),
        "study/manifest.json": "manifest",
        "study/design.json": json.dumps(new_design or design(study)),
    }
    for name, rows in contents.items():
        buffer = io.StringIO(newline="")
        writer = csv.DictWriter(buffer, COLUMNS[name].split(), restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        texts[f"data/table-{name}_data.csv"] = buffer.getvalue()
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    seal(folder)
    return folder


def seal(folder: Path) -> None:
    """Write checksums.txt anew."""
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}"
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "checksums.txt"
    ]
    (folder / "checksums.txt").write_text("\n".join(lines) + "\n")
