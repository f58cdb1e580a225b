"""Loading, opening and closing studies, and what a version needs before it can be shown."""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import sha256

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from explainer.artifact import ArtifactError, Store, canonical_json
from webapp import designs
from webapp.db import writing
from webapp.definition import Definition, say
from webapp.displays.lacking import without_curves
from webapp.models import (
    Membership,
    Participant,
    Researcher,
    Study,
    StudyVersion,
    VersionExplanation,
    VersionStimulus,
)
from webapp.pairs import unpaired
from webapp.scales import Scale
from webapp.study import StudyFile
from webapp.withdrawal import erase


class StudyError(Exception):
    """A study cannot do what was asked; the message says why and what to do."""


@lru_cache(maxsize=64)
def _definition(source_digest: str, text: bytes) -> Definition:
    return Definition.model_validate_json(text)


def definition_of(version: StudyVersion) -> Definition:
    """The validated definition of a version."""
    # Not as canonical JSON: the order of languages, factors and items is the researcher's.
    return _definition(version.source_digest, json.dumps(version.definition).encode())


def scales_of(version: StudyVersion) -> dict[str, Scale]:
    """The scales that a version was loaded with."""
    return {name: Scale.model_validate(data) for name, data in version.source["scales"].items()}


def page_text(version: StudyVersion, name: str, language: str) -> str:
    """The text of one of the study's pages, in a language or the first that it is written in."""
    text = version.source["pages"][name]
    return text if isinstance(text, str) else say(text, language)


def find_study(session: Session, slug: str) -> Study:
    """Raises StudyError where there is no study of this name."""
    # PostgreSQL takes no null byte, not even to compare with.
    found = select(Study).where(Study.slug == slug)
    study = None if "\x00" in slug else session.scalar(found)
    if study is None:
        raise StudyError(f"no study {slug!r}; load one with: flask study load FOLDER")
    return study


def lock(session: Session, study_id: int) -> None:
    """Let nobody else change the study until this transaction ends."""
    session.execute(select(Study.id).where(Study.id == study_id).with_for_update())


def open_version(session: Session, slug: str) -> StudyVersion | None:
    """The version of a study that takes participants now, if there is one."""
    return session.scalar(
        select(StudyVersion).join(Study).where(Study.slug == slug, StudyVersion.is_open)
    )


def load(session: Session, file: StudyFile) -> tuple[StudyVersion, bool]:
    """Store a study's text as its newest version; return it and whether anything changed.

    A version that was never opened takes the new text; after a frozen one comes the next.
    """
    with writing(session):
        study = session.scalar(select(Study).where(Study.slug == file.definition.slug))
        if study is None:
            study = Study(slug=file.definition.slug)
            session.add(study)
            session.flush()
        lock(session, study.id)
        newest = study.versions[-1] if study.versions else None
        if newest is not None and newest.source_digest == file.digest:
            newest.folder = str(file.folder)
            return newest, False
        if newest is None or newest.frozen:
            newest = StudyVersion(study_id=study.id, number=len(study.versions) + 1)
            session.add(newest)
        else:
            session.execute(delete(VersionStimulus).where(VersionStimulus.version_id == newest.id))
            session.execute(
                delete(VersionExplanation).where(VersionExplanation.version_id == newest.id)
            )
            # Who looked at the text of before cannot go on in the new one.
            for look in session.scalars(
                select(Participant).where(Participant.version_id == newest.id, Participant.preview)
            ):
                erase(session, look)
                session.delete(look)
        newest.folder = str(file.folder)
        newest.source = file.source()
        newest.source_digest = file.digest
        newest.definition = file.definition.model_dump(mode="json", by_alias=True)
        session.flush()
        session.refresh(study)
        return newest, True


def stimuli_of(session: Session, version: StudyVersion) -> Sequence[VersionStimulus]:
    """The stimuli that a version selected, in order."""
    return session.scalars(
        select(VersionStimulus)
        .where(VersionStimulus.version_id == version.id)
        .order_by(VersionStimulus.stimulus_set, VersionStimulus.position)
    ).all()


def explanations_of(session: Session, version: StudyVersion) -> Sequence[VersionExplanation]:
    """The explanations that a version shows, in a stable order."""
    return session.scalars(
        select(VersionExplanation)
        .where(VersionExplanation.version_id == version.id)
        .order_by(VersionExplanation.name, VersionExplanation.stimulus_digest)
    ).all()


def missing(session: Session, version: StudyVersion, store: Store) -> list[str]:
    """What a version still lacks before participants can see it, in words."""
    definition = definition_of(version)
    stimuli = stimuli_of(session, version)
    explanations = explanations_of(session, version)
    there = {(each.name, each.stimulus_digest) for each in explanations}
    lacking = []
    for name, planned in definition.stimuli.items():
        found = sum(each.stimulus_set == name for each in stimuli)
        wanted = planned.select.total
        if found < wanted:
            lacking.append(f"{wanted - found} of {wanted} stimuli of {name}")
    for name in definition.explanations:
        count = sum((name, each.stimulus_digest) not in there for each in stimuli)
        if count or not stimuli:
            lacking.append(f"the {name} explanations of {count or 'all'} stimuli")
    for block in definition.blocks:
        changed = block.trial.beside
        alone = unpaired(session, version.id, block.stimuli, changed) if changed else 0
        if alone:
            lacking.append(f"the changed input in {changed} of {alone} stimuli of {block.stimuli}")
    made = [(each.name, each.explanation_digest) for each in explanations]
    lacking += without_curves(definition, made, store)
    for digest in {each.stimulus_digest for each in stimuli}:
        lacking += _unreadable(store.read_stimulus, digest)
    for each in explanations:
        lacking += _unreadable(store.read_explanation, each.explanation_digest)
    return lacking


def _unreadable(read: Callable[[str], object], digest: str) -> list[str]:
    try:
        read(digest)
    except ArtifactError as error:
        return [str(error)]
    return []


def open_study(session: Session, slug: str, store: Store) -> StudyVersion:
    """Freeze the newest version of a study and let participants in.

    Raises StudyError where explanations are missing or damaged, or trials cannot be ordered.
    """
    with writing(session):
        study = find_study(session, slug)
        lock(session, study.id)
        version = study.versions[-1]
        lacking = missing(session, version, store)
        if lacking:
            raise StudyError(
                f"{slug} cannot be opened, it lacks: {'; '.join(lacking)}. "
                f"Run: flask precompute {slug}"
            )
        crowded = designs.out_of_order(session, version, definition_of(version))
        if crowded:
            raise StudyError(
                f"{slug} cannot be opened: in {', '.join(crowded)} no order keeps every run within "
                "max_run; raise it there"
            )
        if not version.frozen:
            version.manifest = _manifest(session, version)
            version.digest = sha256(canonical_json(version.manifest)).hexdigest()
        for other in study.versions:
            other.is_open = other is version
    return version


def close_study(session: Session, slug: str) -> StudyVersion | None:
    """Let nobody new in; those who have begun can finish. Returns the version that was open."""
    with writing(session):
        lock(session, find_study(session, slug).id)
        version = open_version(session, slug)
        if version is not None:
            version.is_open = False
    return version


def _manifest(session: Session, version: StudyVersion) -> dict[str, object]:
    return {
        "schema": "credence/manifest/1",
        "slug": version.study.slug,
        "source": version.source,
        "stimuli": [
            [each.stimulus_set, each.position, each.stimulus_digest]
            for each in stimuli_of(session, version)
        ],
        "explanations": [
            [each.name, each.stimulus_digest, each.explanation_digest]
            for each in explanations_of(session, version)
        ],
    }


def grant(session: Session, email: str, slug: str, role: str) -> None:
    """Give a researcher a role on a study. Raises StudyError where either is unknown."""
    with writing(session):
        study = find_study(session, slug)
        researcher = session.scalar(
            select(Researcher).where(func.lower(Researcher.email) == email.lower())
        )
        if researcher is None:
            raise StudyError(f"no researcher {email}; create one: flask researcher create {email}")
        membership = session.get(Membership, (researcher.id, study.id))
        if membership is None:
            membership = Membership(researcher_id=researcher.id, study_id=study.id, role=role)
            session.add(membership)
        membership.role = role


def role_on(researcher: Researcher, study: Study) -> str | None:
    """The role that a researcher has on a study, if any."""
    return next((m.role for m in researcher.memberships if m.study_id == study.id), None)
