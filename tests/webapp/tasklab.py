"""A study with every task on images, texts, series and prompts, made without a model.

Inputs are the shipped ones; the model's answers and the values are drawn from a seed.
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from lab import (
    ASSETS,
    Artifacts,
    Laboratory,
    definition,
    digest_of,
    explanation,
    stimulus,
    write_study,
)

from explainer.artifact import Continuation, Explanation, Forecast, Job, Run, Stimulus, Store
from webapp import studies

SETS = ("digits", "reviews", "changed", "prices", "prompts")
METHODS = ("shap", "other")
SLUG = "tasks"
CHECKPOINTS = {
    "digits": "mnist-s4d",
    "reviews": "reviews-s4",
    "prices": "sp500-spacetime",
    "prompts": "wikitext-s4",
}
WORDS = ("A", "film", "that", "never", "raises", "its", "voice.")


def changed_rows() -> str:
    """The reviews with another ending, row by row."""
    rows = (ASSETS / "data" / "reviews-48.jsonl").read_text("utf-8").splitlines()
    texts = [json.loads(row)["text"] + " Or so they say." for row in rows]
    return "".join(json.dumps({"text": text}) + "\n" for text in texts)


def task_study(folder: Path, *blocks: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A study of these blocks; the changed inputs lie in `folder` already."""
    study = definition()
    study["slug"] = SLUG
    study["title"] = {"en": "Every task"}
    study["checkpoints"] = {
        name: {
            "path": f"checkpoints/{path}",
            "sha256": digest_of(ASSETS / "checkpoints" / path / "weights.safetensors"),
        }
        for name, path in CHECKPOINTS.items()
    }
    data = {
        "reviews": "data/reviews-48.jsonl",
        "prices": "data/sp500-40.npz",
        "prompts": "data/prompts-24.jsonl",
    }
    for name, path in data.items():
        study["stimuli"][name] = {
            "checkpoint": name,
            "data": {"path": path, "sha256": digest_of(ASSETS / path)},
            "select": {"count": 4, "seed": 1},
        }
    study["stimuli"]["prompts"]["generation"] = {"tokens": 2}
    file = folder / "changed.jsonl"
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(changed_rows(), "utf-8")
    study["stimuli"]["changed"] = {
        "checkpoint": "reviews",
        "data": {"path": "changed.jsonl", "sha256": digest_of(file)},
        "select": {"count": 4, "seed": 1},
    }
    study["explanations"] = {
        name: {"method": "partition", "parameters": {"evaluations": 100}, "seed": seed}
        for seed, name in enumerate(METHODS)
    }
    study["factors"] = {"explanation": {"levels": ["none", "shap"], "vary": "within"}}
    study["flow"] = [study["flow"][0], *blocks, study["flow"][-1]]
    used = {each["stimuli"] for each in blocks}
    used |= {each["trial"].get("changed") for each in blocks if isinstance(each["trial"], dict)}
    study["stimuli"] = {name: each for name, each in study["stimuli"].items() if name in used}
    asked = {item for block in blocks for item in block.get("items", [])}
    study["items"] = {name: item for name, item in study["items"].items() if name in asked}
    return study | changes


def block(name: str, task: Any, stimuli: str, **more: Any) -> dict[str, Any]:
    """A block of two trials or so."""
    return {"block": name, "trial": task, "stimuli": stimuli, "per_participant": 2, **more}


def _made(kind: str, row: int) -> Stimulus:
    """One input with a made-up answer; reviews are positive, changed ones negative."""
    random = np.random.default_rng([row, SETS.index(kind)])
    weights = ASSETS / "checkpoints" / CHECKPOINTS.get(kind, "reviews-s4") / "weights.safetensors"
    shared = {"checkpoint_digest": digest_of(weights), "source": {"index": row}}
    none = np.zeros(0, np.float32)
    if kind == "prices":
        past = np.cumsum(random.normal(size=84)).astype(np.float32)[:, None] + 100
        # Far above the past, so that even a scale that gave it away would show.
        told = np.full(20, 987.25, np.float32)
        naive, actual = np.full(20, past[-1, 0]), np.full(20, 654.5)
        forecast = Forecast(told, naive.astype(np.float32), actual.astype(np.float32))
        return Stimulus("series", past, None, (), none, forecast=forecast, **shared)
    text = " ".join([*WORDS, str(row), kind])
    content = np.frombuffer(text.encode(), np.uint8)
    if kind == "prompts":
        ones = np.ones(2, np.float32)
        written = Continuation((" moonlit", " harbour"), -ones, ones)
        return Stimulus("text", content, None, (), none, continuation=written, **shared)
    sure = np.log(np.array([0.1, 0.9] if kind == "reviews" else [0.9, 0.1], np.float32))
    return Stimulus("text", content, "negative", ("negative", "positive"), sure, **shared)


def _explained(of: Stimulus, digest: str, seed: int) -> Explanation:
    if of.kind == "image":
        return explanation(of, digest, seed)
    if of.kind == "series":
        players = tuple((start, start + 7) for start in range(0, 84, 7))
        outputs: tuple[str, ...] = ("mean",)
    else:
        ends = np.cumsum([len(word) + 1 for word in of.text.split()])
        players = tuple(
            (int(end) - len(word) - 1, int(end) - 1)
            for end, word in zip(ends, of.text.split(), strict=True)
        )
        written = of.continuation
        outputs = (of.predicted,) if written is None else ("1: moonlit", "2: harbour", "sum")
    random = np.random.default_rng([seed, int(digest[:8], 16)])
    values = random.normal(size=(len(players), len(outputs))).astype(np.float32)
    zeros = np.zeros(len(outputs), np.float32)
    job = Job(digest, of.checkpoint_digest, "partition", {"evaluations": 100}, seed)
    return Explanation(job, of.kind, players, outputs, "", values, zeros, zeros, None, 0.0)


def write_task_artifacts(store: Store, sets: Collection[str]) -> Artifacts:
    """Write what a precompute of a study with these stimulus sets would have left behind."""
    made = {kind: [_made(kind, row) for row in range(4)] for kind in sets if kind != "digits"}
    if "digits" in sets:
        made["digits"] = [stimulus(index, right=index < 4) for index in range(6)]
    run = Run(0.5, 100, "cpu", {"numpy": "2"})
    digests = {kind: [store.write(each) for each in found] for kind, found in made.items()}
    explanations: dict[str, dict[str, str]] = {name: {} for name in METHODS}
    for kind, found in made.items():
        for each, digest in zip(found, digests[kind], strict=True):
            for seed, name in enumerate(METHODS):
                written = store.write_result(_explained(each, digest, seed), run)
                explanations[name][digest] = written
    return Artifacts(digests, explanations)


def open_tasks(lab: Laboratory, *blocks: dict[str, Any], **changes: Any) -> Artifacts:
    """Open a study of these blocks; return its artifacts."""
    folder = lab.folder / SLUG
    study = task_study(folder, *blocks, **changes)
    write_study(folder, study)
    version_id = lab.load(study)
    made = lab.prepare(version_id, write_task_artifacts(lab.store, study["stimuli"]))
    with lab.session() as session:
        studies.open_study(session, SLUG, lab.store)
    return made


def open_naming(lab: Laboratory, stimuli: str, task: dict[str, Any]) -> None:
    """Open a study that names ideas of a network (digits) or channels (reviews), one trial."""
    folder = lab.folder / SLUG
    study = task_study(folder, block("main", task, stimuli, per_participant=1))
    method = {"digits": "senn_concepts", "reviews": "channels"}[stimuli]
    study["explanations"] = {"ideas": {"method": method}}
    study["stimuli"] = {stimuli: study["stimuli"][stimuli]}
    study["factors"] = {}
    if stimuli == "digits":
        weights = ASSETS / "checkpoints" / "mnist-senn" / "weights.safetensors"
        digest = digest_of(weights)
        study["checkpoints"]["digits"] = {"path": "checkpoints/mnist-senn", "sha256": digest}
        shown = [stimulus(index, right=index < 4) for index in range(6)]
        shown = [replace(each, checkpoint_digest=digest) for each in shown]
    else:
        shown = [_made("reviews", row) for row in range(4)]
    digests = [lab.store.write(each) for each in shown]
    run = Run(0.5, 1, "cpu", {"numpy": "2"})
    explanations = {
        digest: lab.store.write_result(_ideas(each, digest, method), run)
        for each, digest in zip(shown, digests, strict=True)
    }
    version_id = lab.load(study)
    lab.prepare(version_id, Artifacts({stimuli: digests}, {"ideas": explanations}))
    with lab.session() as session:
        studies.open_study(session, SLUG, lab.store)


def _ideas(of: Stimulus, digest: str, method: str) -> Explanation:
    """Of 20 concepts the 7th counts most, and against; of two channels the 12th moves most."""
    job = Job(digest, of.checkpoint_digest, method, {}, 0)
    players: tuple[tuple[int, ...], ...] = ((),) * 20
    outputs: tuple[str, ...] = (of.predicted,)
    values = np.full((20, 1), 0.5, np.float32)
    values[6] = -2
    if method == "channels":
        players, outputs = ((0, 1), (2, 6)), ("channel 3", "channel 12")
        values = np.array([[0.5, -0.1], [-0.5, 2.0]], np.float32)
    zeros = np.zeros(len(outputs), np.float32)
    return Explanation(job, of.kind, players, outputs, "", values, zeros, zeros, None, None)


def digests_of(made: Artifacts) -> Iterator[str]:
    """Every digest of a study."""
    for found in made.stimuli.values():
        yield from found
    for each in made.explanations.values():
        yield from each.values()
