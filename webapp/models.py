"""The tables, in the order of the story. A moment is milliseconds since 1970, UTC."""

import time
from typing import Any

from flask_security import UserMixin
from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base

Json = dict[str, Any]
ROLES = ("viewer", "editor", "owner")
OUTCOMES = (
    "active",
    "complete",
    "declined",
    "screened_out",
    "timed_out",
    "withdrawn",
    "dropped",
    "quota_full",
)


def _one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def now() -> int:
    """Milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


class Researcher(Base, UserMixin):
    """An account."""

    __tablename__ = "researcher"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(255), unique=True)
    password: Mapped[str]
    active: Mapped[bool]
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    memberships: Mapped[list["Membership"]] = relationship(back_populates="researcher")


class Study(Base):
    """One study.yaml, under one slug."""

    __tablename__ = "study"
    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(63), unique=True)
    versions: Mapped[list["StudyVersion"]] = relationship(
        back_populates="study", order_by="StudyVersion.number"
    )
    memberships: Mapped[list["Membership"]] = relationship(back_populates="study")


class Membership(Base):
    """A researcher's role on a study."""

    __tablename__ = "membership"
    __table_args__ = (_one_of("role", ROLES),)
    researcher_id: Mapped[int] = mapped_column(ForeignKey("researcher.id"), primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"), primary_key=True)
    role: Mapped[str] = mapped_column(String(16))
    researcher: Mapped[Researcher] = relationship(back_populates="memberships")
    study: Mapped[Study] = relationship(back_populates="memberships")


class StudyVersion(Base):
    """One text of a study; frozen, with the SHA-256 of its manifest, when it is first opened."""

    __tablename__ = "study_version"
    __table_args__ = (UniqueConstraint("study_id", "number"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    number: Mapped[int]
    folder: Mapped[str]
    source: Mapped[Json] = mapped_column(JSON, deferred=True)
    source_digest: Mapped[str] = mapped_column(String(64))
    definition: Mapped[Json] = mapped_column(JSON)
    manifest: Mapped[Json | None] = mapped_column(JSON, deferred=True)
    digest: Mapped[str | None] = mapped_column(String(64), index=True)
    is_open: Mapped[bool] = mapped_column(default=False)
    study: Mapped[Study] = relationship(back_populates="versions")

    @property
    def frozen(self) -> bool:
        """Whether the version was ever opened; its text cannot change any more."""
        return self.digest is not None


class Checkpoint(Base):
    """Trained weights with a model card."""

    __tablename__ = "checkpoint"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    card: Mapped[Json] = mapped_column(JSON)


class Stimulus(Base):
    """One model input with the model's output; its content is the artifact of that digest.

    probability: of the predicted label; None where the model gives a forecast or a text.
    """

    __tablename__ = "stimulus"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    truth: Mapped[str | None]
    predicted: Mapped[str]
    model_correct: Mapped[bool | None]
    probability: Mapped[float | None]
    checkpoint_digest: Mapped[str] = mapped_column(ForeignKey("checkpoint.digest"))
    source: Mapped[Json] = mapped_column(JSON)


class Explanation(Base):
    """One method applied to one stimulus; its values are the artifact of that digest.

    measures: what was measured of it (`credence/metrics/1`); None where nothing was yet.
    """

    __tablename__ = "explanation"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    job_key: Mapped[str] = mapped_column(String(64), index=True)
    stimulus_digest: Mapped[str] = mapped_column(ForeignKey("stimulus.digest"))
    method: Mapped[str] = mapped_column(String(64))
    parameters: Mapped[Json] = mapped_column(JSON)
    seed: Mapped[int] = mapped_column(BigInteger)
    completeness_gap: Mapped[float | None]
    evaluations: Mapped[int]
    seconds: Mapped[float]
    measures: Mapped[Json | None] = mapped_column(JSON(none_as_null=True), deferred=True)


class VersionStimulus(Base):
    """A stimulus that a study version selected, in the order of selection."""

    __tablename__ = "version_stimulus"
    version_id: Mapped[int] = mapped_column(ForeignKey("study_version.id"), primary_key=True)
    stimulus_set: Mapped[str] = mapped_column(String(64), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    stimulus_digest: Mapped[str] = mapped_column(ForeignKey("stimulus.digest"))
    stimulus: Mapped[Stimulus] = relationship()


class VersionExplanation(Base):
    """The explanation that a study version shows for a stimulus under one of its names."""

    __tablename__ = "version_explanation"
    version_id: Mapped[int] = mapped_column(ForeignKey("study_version.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    stimulus_digest: Mapped[str] = mapped_column(ForeignKey("stimulus.digest"), primary_key=True)
    explanation_digest: Mapped[str] = mapped_column(ForeignKey("explanation.digest"))
    explanation: Mapped[Explanation] = relationship()


class Participant(Base):
    """One person's enrolment in one study version, or one refusal of it.

    preview: a researcher who looks at the pages; counted nowhere. simulated: a robot of `flask
    simulate`; placed apart from people, and left out unless asked for.
    """

    __tablename__ = "participant"
    __table_args__ = (_one_of("outcome", OUTCOMES),)
    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("study_version.id"), index=True)
    pseudonym: Mapped[str] = mapped_column(String(16), unique=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    outcome: Mapped[str] = mapped_column(String(16))
    language: Mapped[str | None] = mapped_column(String(16))
    cell: Mapped[str | None]
    form: Mapped[int | None]
    enrolled_at: Mapped[int | None] = mapped_column(BigInteger)
    completed_at: Mapped[int | None] = mapped_column(BigInteger)
    preview: Mapped[bool] = mapped_column(default=False)
    simulated: Mapped[bool] = mapped_column(default=False)
    version: Mapped[StudyVersion] = relationship()
    steps: Mapped[list["Step"]] = relationship(
        back_populates="participant", order_by="(Step.position, Step.attempt)"
    )


class Recruitment(Base):
    """The id by which a recruitment platform knows a participant; this table can be emptied."""

    __tablename__ = "recruitment"
    __table_args__ = (UniqueConstraint("study_id", "external_id"),)
    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id"), primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    external_id: Mapped[str] = mapped_column(String(128))


class Step(Base):
    """One page of one participant, in order; `flow` is its place in the study's flow.

    attempt: from 1; a check that was failed, or a block begun anew, comes again under the next.
    skipped_reason: why it was never submitted. passed: of a check. timed_out: submitted too late.

    part: which page of a trial it is. second_...: what stands beside the first: the changed input
    that is asked about, or the explanation to compare with.
    """

    __tablename__ = "step"
    __table_args__ = (UniqueConstraint("participant_id", "position", "attempt"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id"))
    position: Mapped[int]
    attempt: Mapped[int] = mapped_column(default=1)
    kind: Mapped[str] = mapped_column(String(16))
    flow: Mapped[int | None]
    block: Mapped[str | None] = mapped_column(String(64))
    condition: Mapped[str]
    stimulus_digest: Mapped[str | None] = mapped_column(ForeignKey("stimulus.digest"))
    explanation_digest: Mapped[str | None] = mapped_column(ForeignKey("explanation.digest"))
    part: Mapped[str | None] = mapped_column(String(16))
    second_stimulus_digest: Mapped[str | None] = mapped_column(ForeignKey("stimulus.digest"))
    second_explanation_digest: Mapped[str | None] = mapped_column(ForeignKey("explanation.digest"))
    shown_at: Mapped[int | None] = mapped_column(BigInteger)
    submitted_at: Mapped[int | None] = mapped_column(BigInteger)
    rendered_sha256: Mapped[str | None] = mapped_column(String(64))
    viewport: Mapped[str | None] = mapped_column(String(16))
    skipped_reason: Mapped[str | None] = mapped_column(String(32))
    passed: Mapped[bool | None]
    timed_out: Mapped[bool] = mapped_column(default=False)
    participant: Mapped[Participant] = relationship(back_populates="steps")
    responses: Mapped[list["Response"]] = relationship(back_populates="step")


class Response(Base):
    """One answer to one item on one step, or the reason why there is none.

    item_position: its place among the items of the page as it was shown, from 1.
    """

    __tablename__ = "response"
    __table_args__ = (UniqueConstraint("step_id", "item_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    step_id: Mapped[int] = mapped_column(ForeignKey("step.id"))
    item_id: Mapped[str] = mapped_column(String(129))
    number: Mapped[float | None]
    text: Mapped[str | None]
    json: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    missing_reason: Mapped[str | None] = mapped_column(String(32))
    answered_after_ms: Mapped[int | None]
    item_position: Mapped[int | None]
    step: Mapped[Step] = relationship(back_populates="responses")


class Event(Base):
    """Something that happened on a page, in milliseconds since it was shown, by its browser.

    view: one showing of the page, which a reload or a second tab begins anew; number: the place of
    the event in it. Together they keep what is sent twice from being stored twice. detail: the part
    of the page that it happened to, or the new size.
    """

    __tablename__ = "event"
    __table_args__ = (UniqueConstraint("step_id", "view", "number"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    step_id: Mapped[int] = mapped_column(ForeignKey("step.id"))
    view: Mapped[str] = mapped_column(String(16))
    number: Mapped[int]
    kind: Mapped[str] = mapped_column(String(16))
    at_ms: Mapped[int]
    item_id: Mapped[str | None] = mapped_column(String(129))
    detail: Mapped[str | None] = mapped_column(String(64))
