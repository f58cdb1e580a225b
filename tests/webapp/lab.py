"""A small study with real artifacts, made without a model: what the tests of webapp work on.

The images are the shipped MNIST ones; the log-probabilities and the values are drawn from a seed.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from explainer.artifact import Explanation, Job, Measures, Run, Stimulus, Store
from webapp import accounts, config, enrolment, participation, preparation, studies
from webapp.db import db
from webapp.keys import new_token
from webapp.models import Participant, Step, StudyVersion
from webapp.participation import Answer, Observed
from webapp.study import read

# Data layer and services are tested on both databases.
both = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)

ASSETS = Path(str(resources.files("explainer"))) / "assets"
REPOSITORY = Path(__file__).parents[2]
LABELS = tuple("0123456789")
RIGHT, WRONG = 4, 2
PASSWORD = "correct horse battery"
PAGES = {
    "consent.md": "# Taking part\n\nYou can stop at any time.\n",
    "intro.md": "# What you will see\n\nA digit, and *what a model says*.\n",
    "debrief.md": "# Thank you\n\nSome drawings belonged to another picture.\n",
}
DEFINITION: dict[str, Any] = {
    "schema": "credence/study/1",
    "slug": "small",
    "title": {"en": "A small study", "de": "Eine kleine Studie"},
    "seed": 11,
    "pages": {"consent": "consent.md", "instructions": "intro.md", "debrief": "debrief.md"},
    "recruitment": {
        "id_parameter": "PROLIFIC_PID",
        "outcomes": {"complete": {"code": "CODE-DONE"}, "declined": {"code": "CODE-NO"}},
    },
    "stimuli": {
        "digits": {"checkpoint": "digits", "select": {"right": RIGHT, "wrong": WRONG, "seed": 1}}
    },
    "explanations": {
        "shap": {
            "method": "partition",
            "parameters": {"mask": "mean", "evaluations": 100},
            "seed": 7,
        },
        "mismatched": {"method": "mismatched", "of": "shap", "seed": 7},
    },
    "factors": {"explanation": {"levels": ["none", "shap", "mismatched"], "vary": "within"}},
    "items": {
        "trust": {
            "kind": "likert",
            "text": {
                "en": "I would rely on this answer.",
                "de": "Darauf würde ich mich verlassen.",
            },
            "min": 1,
            "max": 7,
            "labels": {1: {"en": "not at all"}, 7: {"en": "completely"}},
        },
        "sure": {"kind": "yes_no", "text": {"en": "Are you sure?"}, "required": False},
        "used": {
            "kind": "choice",
            "text": {"en": "Did you use the drawing?"},
            "choices": [
                {"value": "always", "text": {"en": "Every time"}},
                {"value": "never", "text": {"en": "Never"}},
            ],
        },
        "years": {
            "kind": "number",
            "text": {"en": "Years of experience?"},
            "min": 0,
            "max": 80,
            "required": False,
        },
        "comment": {
            "kind": "text",
            "text": {"en": "Anything else?"},
            "max_length": 200,
            "required": False,
        },
    },
    "flow": [
        {"step": "consent"},
        {"step": "instructions"},
        {
            "block": "main",
            "trial": "rate",
            "stimuli": "digits",
            "per_participant": 6,
            "items": ["trust", "sure"],
            "order": {"rule": "shuffled", "max_run": {"explanation": 2}},
        },
        {
            "step": "questionnaire",
            "scale": "explanation-satisfaction",
            "fill": {"tool": "digit reader"},
        },
        {"step": "questionnaire", "items": ["used", "years", "comment"]},
        {"step": "debrief"},
    ],
}


@cache
def digest_of(path: Path) -> str:
    """SHA-256 of a shipped file."""
    return sha256(path.read_bytes()).hexdigest()


def definition() -> dict[str, Any]:
    """The small study, to be changed at will."""
    study = deepcopy(DEFINITION)
    weights, data = "checkpoints/mnist-s4d", "data/mnist-200.npz"
    study["checkpoints"] = {
        "digits": {
            "path": weights,
            "sha256": digest_of(ASSETS / weights / "weights.safetensors"),
        }
    }
    study["stimuli"]["digits"]["data"] = {"path": data, "sha256": digest_of(ASSETS / data)}
    return study


def questions_only() -> dict[str, Any]:
    """The small study without anything to be explained: consent, one questionnaire, debrief."""
    study = definition()
    for part in ("stimuli", "explanations", "factors", "checkpoints"):
        del study[part]
    study["flow"] = [study["flow"][0], study["flow"][4], study["flow"][5]]
    return study


def write_study(folder: Path, study: dict[str, Any] | str) -> Path:
    """Write study.yaml and its pages; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in PAGES.items():
        if not (folder / name).exists():
            (folder / name).write_text(text, "utf-8")
    if not isinstance(study, str):
        study = yaml.safe_dump(study, sort_keys=False, allow_unicode=True)
    (folder / "study.yaml").write_text(study, "utf-8")
    return folder


def stimulus(index: int, *, right: bool) -> Stimulus:
    """One shipped image, with an answer that is right or wrong."""
    with np.load(ASSETS / "data" / "mnist-200.npz") as data:
        content, truth = data["images"][index], int(data["labels"][index])
    probabilities = np.full(len(LABELS), 0.01)
    probabilities[truth if right else (truth + 1) % 10] = 0.91
    return Stimulus(
        kind="image",
        content=content,
        truth=str(truth),
        labels=LABELS,
        log_probabilities=np.log(probabilities).astype(np.float32),
        checkpoint_digest=digest_of(ASSETS / "checkpoints" / "mnist-s4d" / "weights.safetensors"),
        source={"index": index},
    )


def explanation(of: Stimulus, stimulus_digest: str, seed: int) -> Explanation:
    """Made-up values of 49 players, each a square of 4 x 4 pixels, in the image's own order."""
    squares = np.arange(784).reshape(7, 4, 7, 4).transpose(0, 2, 1, 3).reshape(49, 16)
    values = np.random.default_rng([seed, int(stimulus_digest[:8], 16)]).normal(size=(49, 1))
    return Explanation(
        job=Job(stimulus_digest, of.checkpoint_digest, "partition", {"evaluations": 100}, seed),
        kind="image",
        players=tuple(tuple(map(int, square)) for square in squares),
        outputs=(of.predicted,),
        value_function="pixels replaced by the mean",
        values=values.astype(np.float32),
        base_values=np.array([-2.3], np.float32),
        full_values=np.array([-2.3 + values.sum()], np.float32),
        standard_errors=None,
        completeness_gap=0.0,
    )


@dataclass(frozen=True)
class Artifacts:
    """What a precompute would have left behind, as digests."""

    stimuli: dict[str, list[str]]
    explanations: dict[str, dict[str, str]]


def measures(explanation: Explanation) -> Measures:
    """Made-up metrics and curves, better than the random ones by a half or so."""
    area = float(explanation.values[0, 0])
    metrics = {
        "deletion_area": area,
        "random_deletion_area": 0.5,
        "deletion_area_other_mask": area / 2,
        "random_deletion_area_other_mask": 0.25,
        "sparsity": 0.25,
    }
    shares = [0.0, 0.5, 1.0]
    curve = {"shares": shares, "deletion": [1.0, area, -2.0], "insertion": [-2.0, -area, 1.0]}
    chance = {"shares": shares, "deletion": [1.0, 0.5, -2.0], "insertion": [-2.0, -0.5, 1.0]}
    curves = {"removal": curve, "random_removal": chance}
    reasons = {"sensitivity": "not measured here"}
    return Measures(metrics, curves, ("removal", "sensitivity"), reasons, 30, 0.25)


def write_artifacts(store: Store, seed: int = 7) -> Artifacts:
    """Write the artifacts of the small study. A mismatched one is its neighbour's explanation."""
    shown = [stimulus(index, right=index < RIGHT) for index in range(RIGHT + WRONG)]
    digests = [store.write(each) for each in shown]
    real = [explanation(*pair, seed) for pair in zip(shown, digests, strict=True)]
    run = Run(0.5, 100, "cpu", {"numpy": "2"})
    found: dict[str, dict[str, str]] = {"shap": {}, "mismatched": {}}
    for place, (each, digest) in enumerate(zip(real, digests, strict=True)):
        other = real[(place + 1) % len(real)]
        job = replace(each.job, method="mismatched", parameters={"of": store.write(other)})
        # The class of the neighbour is another one here, so its values get this one's label.
        control = replace(other, job=job, outputs=each.outputs, completeness_gap=None)
        found["shap"][digest] = store.write_result(each, run)
        found["mismatched"][digest] = store.write_result(control, run)
        store.write_measures(found["shap"][digest], measures(each))
    return Artifacts({"digits": digests}, found)


class Laboratory:
    """One installation under test: its app, its database and what a researcher does with it."""

    def __init__(self, app: Flask, folder: Path, ready: tuple[Path, Artifacts]) -> None:
        self.app = app
        self.folder = folder
        self.ready = ready
        self.instance = Path(app.instance_path)
        self.store = Store(config.artifacts(app))
        with app.app_context():
            self.engine = db.engine

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session of its own, as every request has one."""
        with Session(self.engine) as session:
            yield session

    def load(self, study: dict[str, Any] | None = None) -> int:
        """Write and load a study; return its version's id."""
        name = str((study or DEFINITION)["slug"])
        folder = write_study(self.folder / name, study or definition())
        with self.session() as session:
            return studies.load(session, read(folder, self.instance))[0].id

    def prepare(self, version_id: int, made: Artifacts | None = None) -> Artifacts:
        """Put the artifacts into the store and register them, as `flask precompute` does."""
        if made is None:
            folder, made = self.ready
            shutil.copytree(folder, self.store.root, dirs_exist_ok=True)
        with self.session() as session:
            version = session.get_one(StudyVersion, version_id)
            plan = preparation.plan(version, self.instance)
            wanted = {name: made.explanations[name] for name in plan["explanations"]}
            stimuli = made.stimuli if plan["stimuli"] else {}
            preparation.register(
                session,
                version,
                self.store,
                source_digest=version.source_digest,
                plan=plan,
                stimuli=stimuli,
                explanations=wanted,
            )
        return made

    def open(self, study: dict[str, Any] | None = None) -> int:
        """Load, prepare and open a study; return its version's id."""
        version_id = self.load(study)
        self.prepare(version_id)
        with self.session() as session:
            studies.open_study(session, str((study or DEFINITION)["slug"]), self.store)
        return version_id

    def researcher(self, email: str, password: str = PASSWORD) -> str:
        """Create an account; return its password."""
        with self.app.app_context():
            return accounts.create(db.session, email, password)[1]

    def enrol(self, version_id: int, external_id: str | None = None) -> str:
        """Enrol somebody without a browser; return the token."""
        token = new_token()
        with self.session() as session:
            enrolment.enrol(session, version_id, token, external_id, "en")
        return token

    def submit(
        self, token: str, answers: dict[str, Answer], report: Observed | None = None
    ) -> None:
        """Submit the participant's current step."""
        with self.session() as session:
            participant = participation.find(session, token)
            assert participant is not None
            step = participation.current_step(session, participant)
            participation.show(session, step, None)
            participation.submit(session, step.id, answers, report or Observed())

    def answer_page(self, token: str, **answers: float | str) -> None:
        """Submit the current step with these answers: numbers, or texts and values."""
        given = {
            name: Answer(text=value) if isinstance(value, str) else Answer(number=float(value))
            for name, value in answers.items()
        }
        self.submit(token, given)

    def finish(self, token: str, **answers: Answer) -> None:
        """Submit every step that is left; `answers` replace the usual ones."""
        while (step := self.current(token)).kind != "debrief":
            self.submit(token, self.usual_answers(step) | self.only(step, answers))

    def usual_answers(self, step: Step) -> dict[str, Answer]:
        """A valid answer to every item of a step, which tells conditions apart."""
        if step.kind == "trial":
            rating = {"none": 2.0, "shap": 6.0, "mismatched": 4.0}
            level = step.condition.removeprefix("explanation=") or "none"
            return {"trust": Answer(number=rating[level]), "sure": Answer()}
        entry = step.flow
        if step.kind == "questionnaire" and entry == 3:
            return {f"es{number}": Answer(number=4.0) for number in range(1, 9)}
        if step.kind == "questionnaire":
            return {"used": Answer(text="never"), "years": Answer(number=1.5), "comment": Answer()}
        return {}

    def only(self, step: Step, answers: dict[str, Answer]) -> dict[str, Answer]:
        """Those answers that this step asks for."""
        asked = self.usual_answers(step)
        return {name: answer for name, answer in answers.items() if name in asked}

    def current(self, token: str) -> Step:
        """The step that a participant is at."""
        with self.session() as session:
            participant = participation.find(session, token)
            assert participant is not None
            step = participation.current_step(session, participant)
            session.expunge(step)
            return step

    def count(self, table: Any, *where: Any) -> int:
        """How many rows a table has now."""
        with self.session() as session:
            return session.scalar(select(func.count()).select_from(table).where(*where)) or 0

    def everything(self) -> dict[str, int]:
        """How many rows each table has now."""
        from webapp.db import Base

        return {name: self.count(table) for name, table in Base.metadata.tables.items()}

    def participants(self) -> list[Participant]:
        """Every participant, with steps and their responses loaded."""
        with self.session() as session:
            found = session.scalars(select(Participant).order_by(Participant.id)).all()
            for each in found:
                for step in each.steps:
                    assert step.responses is not None
            session.expunge_all()
            return list(found)
