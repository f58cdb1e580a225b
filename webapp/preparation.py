"""From a loaded version to its explanations: the plan for the explainer, and what came of it."""

import json
from collections.abc import Mapping, Sequence
from math import exp
from pathlib import Path
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from explainer.artifact import Store
from webapp.checks_files import find
from webapp.db import writing
from webapp.models import (
    Checkpoint,
    Explanation,
    Stimulus,
    StudyVersion,
    VersionExplanation,
    VersionStimulus,
)
from webapp.parts import File
from webapp.planned import StimulusSet
from webapp.studies import StudyError, definition_of, lock


def plan(version: StudyVersion, instance: Path) -> dict[str, Any]:
    """What the explainer is to do for a version (`credence/plan/1`): pure data.

    Raises StudyError where a checkpoint or data file is gone since the study was loaded.
    """
    definition = definition_of(version)
    folder = Path(version.folder)

    def located(file: File) -> dict[str, str]:
        path = find(file, folder, instance)
        if path is None:
            raise StudyError(
                f"{file.path} is neither in {folder} nor in {instance} nor among the shipped "
                "files; put it back, or load the study from where it lies now"
            )
        return {"path": str(path), "sha256": file.sha256}

    def planned(stimuli: StimulusSet) -> dict[str, Any]:
        found = stimuli.model_dump(exclude_none=True)
        found["checkpoint"] = located(definition.checkpoints[stimuli.checkpoint])
        for name, file in (("data", stimuli.data), ("background", stimuli.background)):
            if file is not None:
                found[name] = located(file)
        return found

    return {
        "schema": "credence/plan/1",
        "stimuli": {name: planned(each) for name, each in definition.stimuli.items()},
        "explanations": {name: each.model_dump() for name, each in definition.explanations.items()},
    }


def _cards(plan: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The model card of every checkpoint in a plan, by the digest of its weights."""
    checkpoints = [stimuli["checkpoint"] for stimuli in plan["stimuli"].values()]
    return {
        each["sha256"]: json.loads((Path(each["path"]) / "card.json").read_text("utf-8"))
        for each in checkpoints
    }


def register(
    session: Session,
    version: StudyVersion,
    store: Store,
    *,
    source_digest: str,
    plan: Mapping[str, Any],
    stimuli: Mapping[str, Sequence[str]],
    explanations: Mapping[str, Mapping[str, str]],
) -> None:
    """Record which stimuli and explanations a version shows; a frozen version stays as it is.

    What was measured of the explanations is recorded also where the version is frozen.

    source_digest: of the text that the plan was made from. plan: what was computed. stimuli:
    digests by stimulus set, in order. explanations: by name, explanation digest by stimulus digest.
    Raises StudyError where another text was loaded meanwhile, whose explanations these are not.
    """
    with writing(session):
        lock(session, version.study_id)
        if version.source_digest != source_digest:
            raise StudyError(
                "the study was loaded with another text meanwhile; run flask precompute again"
            )
        for digest, card in _cards(plan).items():
            session.merge(Checkpoint(digest=digest, card=card))
        for digest in {digest for digests in stimuli.values() for digest in digests}:
            session.merge(_stimulus_row(digest, store))
        session.flush()
        for each in explanations.values():
            for digest in each.values():
                session.merge(_explanation_row(digest, store))
        session.flush()
        if version.frozen:
            return
        session.execute(delete(VersionStimulus).where(VersionStimulus.version_id == version.id))
        session.execute(
            delete(VersionExplanation).where(VersionExplanation.version_id == version.id)
        )
        session.add_all(
            VersionStimulus(
                version_id=version.id, stimulus_set=name, position=position, stimulus_digest=digest
            )
            for name, digests in stimuli.items()
            for position, digest in enumerate(digests)
        )
        session.add_all(
            VersionExplanation(
                version_id=version.id, name=name, stimulus_digest=of, explanation_digest=digest
            )
            for name, each in explanations.items()
            for of, digest in each.items()
        )


def _stimulus_row(digest: str, store: Store) -> Stimulus:
    artifact = store.read_stimulus(digest)
    found = artifact.log_probabilities
    return Stimulus(
        digest=digest,
        kind=artifact.kind,
        truth=artifact.truth,
        predicted=artifact.predicted,
        model_correct=artifact.model_correct,
        probability=exp(float(found.max())) if found.size else None,
        checkpoint_digest=artifact.checkpoint_digest,
        source=artifact.source,
    )


def _explanation_row(digest: str, store: Store) -> Explanation:
    artifact = store.read_explanation(digest)
    run, measures = store.read_run(digest), store.read_measures(digest)
    return Explanation(
        digest=digest,
        job_key=artifact.job.key,
        stimulus_digest=artifact.job.stimulus_digest,
        method=artifact.job.method,
        parameters=artifact.job.parameters,
        seed=artifact.job.seed,
        completeness_gap=artifact.completeness_gap,
        evaluations=run.evaluations,
        seconds=run.seconds,
        measures=None if measures is None else measures.to_json(),
    )
