"""How long pages with light and with heavy explanations take over HTTP, of every kind.

`python -m benchmarks.heavy_pages` writes artifacts of stated sizes with random values, opens a
study of each kind on them, serves them with gunicorn, and asks for each trial page as browsers do.
On a first visit artifacts are read and drawn; later the drawing is at hand under their digests. It
writes `benchmarks/results/heavy_pages.json`: milliseconds from the request to the last byte of the
compressed page, and how long that page is before compression.
"""

import json
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import numpy as np
import yaml

from benchmarks.served import ROOT, hidden, machine, radios, request, serve, summary, timed
from explainer.artifact import (
    Continuation,
    Explanation,
    Forecast,
    Job,
    Run,
    Stimulus,
    Store,
)

RESULT = Path(__file__).parent / "results" / "heavy_pages.json"
ASSETS = ROOT / "explainer" / "assets"
WEIGHTS, DATA = "checkpoints/mnist-s4d", "data/mnist-200.npz"
STIMULI = 6
VISITS = 15


@dataclass(frozen=True)
class Made:
    """A stimulus, its players and the outputs that were explained."""

    stimulus: Stimulus
    players: tuple[tuple[int, ...], ...]
    outputs: tuple[str, ...]


def _digest(path: str) -> str:
    return sha256((ASSETS / path).read_bytes()).hexdigest()


def _stimulus(kind: str, content: np.ndarray, number: int, **more: object) -> Stimulus:
    told: dict[str, object] = {
        "truth": None,
        "labels": (),
        "log_probabilities": np.zeros(0, np.float32),
        "checkpoint_digest": _digest(f"{WEIGHTS}/weights.safetensors"),
        "source": {"index": number},
    }
    return Stimulus(kind=kind, content=content, **{**told, **more})  # type: ignore[arg-type]


def image(side: int, patch: int, number: int) -> Made:
    """A picture of side x side pixels in colour, explained by squares of patch x patch."""
    random = np.random.default_rng(number)
    pixels = np.arange(side * side).reshape(side // patch, patch, side // patch, patch)
    players = pixels.transpose(0, 2, 1, 3).reshape(-1, patch * patch)
    shape = (side, side) if side < 100 else (side, side, 3)
    answer = np.log(np.array([0.9, 0.1], np.float32))
    shown = _stimulus(
        "image",
        random.integers(0, 256, shape, np.uint8),
        number,
        truth="0",
        labels=("0", "1"),
        log_probabilities=answer,
    )
    return Made(shown, tuple(tuple(map(int, each)) for each in players), ("0",))


def text(words: int, tokens: int, number: int) -> Made:
    """A prompt of so many words, explained for each of so many tokens that were written."""
    random = np.random.default_rng(number)
    written = ["".join(random.choice(list("etaoinshr"), size=5)) for _ in range(words)]
    ends = np.cumsum([len(word) + 1 for word in written])
    players = tuple((int(end) - 6, int(end) - 1) for end in ends)
    names = tuple(f" {word}" for word in written[:tokens])
    ones = np.ones(tokens, np.float32)
    content = np.frombuffer(" ".join(written).encode(), np.uint8)
    shown = _stimulus("text", content, number, continuation=Continuation(names, -ones, ones))
    outputs = tuple(f"{place}:{name}" for place, name in enumerate(names, 1))
    return Made(shown, players, (*outputs, "sum"))


def series(steps: int, spans: int, number: int) -> Made:
    """A series of so many steps, explained by so many spans."""
    random = np.random.default_rng(number)
    past = 100 + random.normal(size=(steps, 1)).cumsum(axis=0).astype(np.float32)
    ahead = np.full(24, past[-1, 0], np.float32)
    edges = np.linspace(0, steps, spans + 1).round().astype(int).tolist()
    shown = _stimulus("series", past, number, forecast=Forecast(ahead + 1, ahead, None))
    return Made(shown, tuple(pairwise(edges)), ("mean",))


CASES: dict[str, tuple[str, Callable[[int], Made]]] = {
    "image-light": ("28 x 28 pixels, 49 squares", lambda n: image(28, 4, n)),
    "image-heavy": ("224 x 224 pixels in colour, 784 squares", lambda n: image(224, 8, n)),
    "text-light": ("60 words, 5 tokens written", lambda n: text(60, 5, n)),
    "text-heavy": ("500 words, 20 tokens written", lambda n: text(500, 20, n)),
    "series-light": ("96 steps, 24 spans", lambda n: series(96, 24, n)),
    "series-heavy": ("2,000 steps, 250 spans", lambda n: series(2000, 250, n)),
}


def main() -> None:
    """Measure and write the result."""
    with tempfile.TemporaryDirectory() as scratch:
        instance = Path(scratch) / "instance"
        _prepare(instance, Path(scratch) / "studies")
        with serve(instance) as port:
            found = {name: _measure(port, name, CASES[name][0]) for name in CASES}
    result = {
        "command": "python -m benchmarks.heavy_pages",
        "machine": machine(),
        "pages": found,
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def _measure(port: int, slug: str, size: str) -> dict[str, object]:
    first: list[float] = []
    later: list[float] = []
    bytes_sent: list[int] = []
    for visit in range(VISITS):
        page, _ = timed(port, "GET", f"/s/{slug}")
        _, _, place = request(port, "POST", f"/s/{slug}", {**hidden(page), "choice": "agree"})
        while True:
            _, milliseconds = timed(port, "GET", place, compressed=True)
            _, page, _ = request(port, "GET", place)
            action = re.search(r'action="(/p/[^"]+)"', page)
            if action is None:
                break
            # Two workers: each draws a page once, so the second visit may be a first one too.
            (first if visit == 0 else later).append(milliseconds)
            bytes_sent.append(len(page.encode()))
            request(port, "POST", action[1], {**hidden(page), **dict.fromkeys(radios(page), "1")})
    return {
        "size": size,
        "first_visit_ms": summary(first),
        "later_visits_ms": summary(later),
        "page_bytes_before_compression": max(bytes_sent),
    }


def _prepare(instance: Path, folder: Path) -> None:
    from webapp import config, create_app, preparation, studies
    from webapp.db import alembic, db
    from webapp.models import StudyVersion
    from webapp.study import read

    app = create_app(str(instance))
    with app.app_context():
        alembic.upgrade()
        store = Store(config.artifacts(app))
        for slug, (_, make) in CASES.items():
            version, _ = studies.load(db.session, read(_study(folder / slug, slug), instance))
            version = db.session.get_one(StudyVersion, version.id)
            made = [make(number) for number in range(STIMULI)]
            digests = [store.write(each.stimulus) for each in made]
            explained = {
                digest: store.write_result(_explanation(each, digest), Run(1.0, 1, "cpu", {}))
                for each, digest in zip(made, digests, strict=True)
            }
            preparation.register(
                db.session,
                version,
                store,
                source_digest=version.source_digest,
                plan=preparation.plan(version, instance),
                stimuli={"all": digests},
                explanations={"real": explained, "other": explained},
            )
            studies.open_study(db.session, slug, store)
        db.engine.dispose()


def _explanation(made: Made, digest: str) -> Explanation:
    random = np.random.default_rng(int(digest[:8], 16))
    values = random.normal(size=(len(made.players), len(made.outputs))).astype(np.float32)
    base = np.zeros(len(made.outputs), np.float32)
    checkpoint = made.stimulus.checkpoint_digest
    return Explanation(
        job=Job(digest, checkpoint, "partition", {"evaluations": 100}, 7),
        kind=made.stimulus.kind,
        players=made.players,
        outputs=made.outputs,
        value_function="made up",
        values=values,
        base_values=base,
        full_values=base + values.sum(axis=0),
        standard_errors=None,
        completeness_gap=0.0,
    )


def _study(folder: Path, slug: str) -> Path:
    folder.mkdir(parents=True)
    for page in ("consent", "debrief"):
        (folder / f"{page}.md").write_text(f"# {page.title()}\n")
    shap = {"method": "partition", "parameters": {"mask": "mean", "evaluations": 100}, "seed": 7}
    study = {
        "schema": "credence/study/1",
        "slug": slug,
        "title": {"en": slug},
        "seed": 1,
        "pages": {"consent": "consent.md", "debrief": "debrief.md"},
        "checkpoints": {
            "digits": {"path": WEIGHTS, "sha256": _digest(f"{WEIGHTS}/weights.safetensors")}
        },
        "stimuli": {
            "all": {
                "checkpoint": "digits",
                "data": {"path": DATA, "sha256": _digest(DATA)},
                "select": {"right": STIMULI, "wrong": 0, "seed": 1},
            }
        },
        "explanations": {"real": shap, "other": {**shap, "seed": 8}},
        "factors": {"explanation": {"levels": ["real", "other"], "vary": "within"}},
        "items": {
            "trust": {"kind": "likert", "text": {"en": "Trust?"}, "min": 1, "max": 7},
        },
        "flow": [
            {"step": "consent"},
            {
                "block": "main",
                "trial": "rate",
                "stimuli": "all",
                "per_participant": STIMULI,
                "items": ["trust"],
            },
            {"step": "debrief"},
        ],
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
    return folder


if __name__ == "__main__":
    main()
