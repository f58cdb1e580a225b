"""The plan for the explainer is pure data, and what came of it is registered once."""

import json
from dataclasses import replace

import numpy as np
import pytest
from lab import ASSETS, Artifacts, Laboratory, both, definition, digest_of, write_artifacts
from sqlalchemy import select

from explainer.artifact import ArtifactError, Forecast
from explainer.methods.catalogue import METHODS
from explainer.plan import Generation, check
from webapp import preparation
from webapp.models import (
    Checkpoint,
    Explanation,
    Stimulus,
    StudyVersion,
    VersionExplanation,
    VersionStimulus,
)
from webapp.studies import StudyError

pytestmark = both


def test_the_plan_says_everything_that_the_explainer_needs(lab: Laboratory) -> None:
    version_id = lab.load()
    with lab.session() as session:
        plan = preparation.plan(session.get_one(StudyVersion, version_id), lab.instance)
    assert json.loads(json.dumps(plan)) == plan
    assert plan == {
        "schema": "credence/plan/1",
        "stimuli": {
            "digits": {
                "checkpoint": {
                    "path": str(ASSETS / "checkpoints" / "mnist-s4d"),
                    "sha256": digest_of(
                        ASSETS / "checkpoints" / "mnist-s4d" / "weights.safetensors"
                    ),
                },
                "data": {
                    "path": str(ASSETS / "data" / "mnist-200.npz"),
                    "sha256": digest_of(ASSETS / "data" / "mnist-200.npz"),
                },
                "select": {"right": 4, "wrong": 2, "seed": 1},
            }
        },
        "explanations": {
            "shap": {
                "method": "partition",
                "parameters": METHODS["partition"].complete({"mask": "mean", "evaluations": 100}),
                "output": "predicted",
                "seed": 7,
            },
            "mismatched": {
                "method": "mismatched",
                "of": "shap",
                "match": "predicted",
                "seed": 7,
            },
        },
    }


def test_a_file_that_is_gone_since_is_said(lab: Laboratory) -> None:
    data = lab.folder / "small" / "own.npz"
    data.parent.mkdir(parents=True)
    data.write_bytes(b"digits")
    study = definition()
    study["stimuli"]["digits"]["data"] = {"path": "own.npz", "sha256": digest_of(data)}
    version_id = lab.load(study)
    data.unlink()
    with lab.session() as session:
        version = session.get_one(StudyVersion, version_id)
        with pytest.raises(StudyError, match=r"own\.npz is neither in .* put it back"):
            preparation.plan(version, lab.instance)


def test_what_was_computed_is_registered_as_the_artifacts_say(lab: Laboratory) -> None:
    made = lab.prepare(lab.load())
    with lab.session() as session:
        (checkpoint,) = session.scalars(select(Checkpoint))
        assert checkpoint.card["schema"] == "credence/checkpoint/1"
        for place, digest in enumerate(made.stimuli["digits"]):
            row = session.get_one(Stimulus, digest)
            artifact = lab.store.read_stimulus(digest)
            assert (row.truth, row.predicted) == (artifact.truth, artifact.predicted)
            assert row.model_correct is (place < 4)
            assert row.probability == pytest.approx(0.91, abs=1e-6)
        order = select(VersionStimulus.stimulus_digest).order_by(VersionStimulus.position)
        assert session.scalars(order).all() == made.stimuli["digits"]
        for name, method in (("shap", "partition"), ("mismatched", "mismatched")):
            rows = session.scalars(
                select(VersionExplanation).where(VersionExplanation.name == name)
            ).all()
            found = {each.stimulus_digest: each.explanation_digest for each in rows}
            assert found == made.explanations[name]
            assert {each.explanation.method for each in rows} == {method}
        row = session.get_one(Explanation, next(iter(made.explanations["mismatched"].values())))
        assert (row.completeness_gap, row.evaluations, row.seconds) == (None, 100, 0.5)


def test_what_is_measured_is_registered_also_of_a_frozen_version(
    lab: Laboratory, opened: int
) -> None:
    """And what was not measured when it was opened comes by preparing it again."""
    made = lab.ready[1]
    real, control = (next(iter(made.explanations[name].values())) for name in made.explanations)

    def stored(digest: str) -> object:
        with lab.session() as session:
            return session.get_one(Explanation, digest).measures

    artifact = lab.store.read_measures(real)
    assert artifact is not None
    assert stored(real) == artifact.to_json()
    assert stored(control) is None
    lab.store.write_measures(control, artifact)
    lab.prepare(opened, made)
    assert stored(control) == artifact.to_json()


def test_a_forecast_has_no_probability(lab: Laboratory) -> None:
    made = write_artifacts(lab.store)
    old = lab.store.read_stimulus(made.stimuli["digits"][0])
    ahead = np.array([1, 2], np.float32)
    days = replace(
        old,
        kind="series",
        content=np.arange(4, dtype=np.float32)[:, None],
        labels=(),
        log_probabilities=np.zeros(0, np.float32),
        forecast=Forecast(ahead, np.array([3, 3], np.float32), ahead),
    )
    digest = lab.store.write(days)
    lab.prepare(
        lab.load(), Artifacts({"digits": [*made.stimuli["digits"], digest]}, made.explanations)
    )
    with lab.session() as session:
        row = session.get_one(Stimulus, digest)
        assert (row.kind, row.predicted, row.probability) == ("series", "2.00", None)
        assert row.model_correct is True


def test_the_plan_of_prompts_says_how_many_and_how_far(lab: Laboratory) -> None:
    study = definition()
    stimuli = study["stimuli"]["digits"]
    path = "checkpoints/wikitext-s4"
    weights = digest_of(ASSETS / path / "weights.safetensors")
    study["checkpoints"]["digits"] = {"path": path, "sha256": weights}
    stimuli |= {"select": {"count": 6, "seed": 1}, "generation": {"tokens": 5}}
    stimuli["background"] = stimuli["data"]
    version_id = lab.load(study)
    with lab.session() as session:
        plan = preparation.plan(session.get_one(StudyVersion, version_id), lab.instance)
    digits = plan["stimuli"]["digits"]
    assert digits["select"] == {"count": 6, "seed": 1}
    assert digits["generation"] == {"tokens": 5, "seed": 0}
    assert digits["background"] == digits["data"]
    assert check(plan).stimuli[0].generation == Generation(5, 0)


def test_registering_again_changes_nothing(lab: Laboratory) -> None:
    version_id = lab.load()
    lab.prepare(version_id)
    before = lab.everything()
    lab.prepare(version_id)
    assert lab.everything() == before


def test_a_frozen_version_keeps_what_it_shows(lab: Laboratory, opened: int) -> None:
    def shown() -> set[str]:
        with lab.session() as session:
            return set(session.scalars(select(VersionExplanation.explanation_digest)))

    before = shown()
    other = write_artifacts(lab.store, seed=8)
    assert set(other.explanations["shap"].values()).isdisjoint(before)
    lab.prepare(opened, other)
    assert shown() == before


def test_an_artifact_that_is_missing_registers_nothing(lab: Laboratory) -> None:
    version_id = lab.load()
    made = write_artifacts(lab.store)
    lab.store.path(next(iter(made.explanations["shap"].values()))).unlink()
    before = lab.everything()
    with pytest.raises(ArtifactError, match="no such artifact; run flask precompute"):
        lab.prepare(version_id, made)
    assert lab.everything() == before


def test_explanations_of_another_text_are_not_registered(lab: Laboratory) -> None:
    version_id = lab.load()
    with lab.session() as session:
        version = session.get_one(StudyVersion, version_id)
        old, plan = version.source_digest, preparation.plan(version, lab.instance)
    lab.load(definition() | {"title": {"en": "Another text"}})
    with lab.session() as session:
        version = session.get_one(StudyVersion, version_id)
        rest = {"plan": plan, "stimuli": {}, "explanations": {}}
        with pytest.raises(StudyError, match="run flask precompute again"):
            preparation.register(session, version, lab.store, source_digest=old, **rest)
