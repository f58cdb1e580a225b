"""Create the tables."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = ("default",)
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "checkpoint",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("card", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_checkpoint")),
    )
    op.create_table(
        "researcher",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(length=255), nullable=False),
        sa.Column("password", sa.String(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("fs_uniquifier", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_researcher")),
        sa.UniqueConstraint("email", name=op.f("uq_researcher_email")),
        sa.UniqueConstraint("fs_uniquifier", name=op.f("uq_researcher_fs_uniquifier")),
    )
    op.create_table(
        "study",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(length=63), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study")),
        sa.UniqueConstraint("slug", name=op.f("uq_study_slug")),
    )
    op.create_table(
        "membership",
        sa.Column("researcher_id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.CheckConstraint(
            "role IN ('viewer', 'editor', 'owner')", name=op.f("ck_membership_role")
        ),
        sa.ForeignKeyConstraint(
            ["researcher_id"],
            ["researcher.id"],
            name=op.f("fk_membership_researcher_id_researcher"),
        ),
        sa.ForeignKeyConstraint(
            ["study_id"], ["study.id"], name=op.f("fk_membership_study_id_study")
        ),
        sa.PrimaryKeyConstraint("researcher_id", "study_id", name=op.f("pk_membership")),
    )
    op.create_table(
        "stimulus",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("truth", sa.String(), nullable=True),
        sa.Column("predicted", sa.String(), nullable=False),
        sa.Column("model_correct", sa.Boolean(), nullable=True),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.Column("checkpoint_digest", sa.String(length=64), nullable=False),
        sa.Column("source", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["checkpoint_digest"],
            ["checkpoint.digest"],
            name=op.f("fk_stimulus_checkpoint_digest_checkpoint"),
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_stimulus")),
    )
    op.create_table(
        "study_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("source", sa.JSON(), nullable=False),
        sa.Column("source_digest", sa.String(length=64), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("manifest", sa.JSON(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_id"], ["study.id"], name=op.f("fk_study_version_study_id_study")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study_version")),
        sa.UniqueConstraint("study_id", "number", name=op.f("uq_study_version_study_id")),
    )
    with op.batch_alter_table("study_version", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_study_version_digest"), ["digest"], unique=False)

    op.create_table(
        "explanation",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("job_key", sa.String(length=64), nullable=False),
        sa.Column("stimulus_digest", sa.String(length=64), nullable=False),
        sa.Column("method", sa.String(length=64), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("completeness_gap", sa.Double(), nullable=True),
        sa.Column("evaluations", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["stimulus_digest"],
            ["stimulus.digest"],
            name=op.f("fk_explanation_stimulus_digest_stimulus"),
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_explanation")),
    )
    with op.batch_alter_table("explanation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_explanation_job_key"), ["job_key"], unique=False)

    op.create_table(
        "participant",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("pseudonym", sa.String(length=16), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=True),
        sa.Column("cell", sa.String(), nullable=True),
        sa.Column("form", sa.Integer(), nullable=True),
        sa.Column("enrolled_at", sa.BigInteger(), nullable=True),
        sa.Column("completed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('active', 'complete', 'declined')", name=op.f("ck_participant_outcome")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["study_version.id"],
            name=op.f("fk_participant_version_id_study_version"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_participant")),
        sa.UniqueConstraint("pseudonym", name=op.f("uq_participant_pseudonym")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_participant_token_hash")),
    )
    with op.batch_alter_table("participant", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_participant_version_id"), ["version_id"], unique=False)

    op.create_table(
        "version_stimulus",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("stimulus_set", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("stimulus_digest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["stimulus_digest"],
            ["stimulus.digest"],
            name=op.f("fk_version_stimulus_stimulus_digest_stimulus"),
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["study_version.id"],
            name=op.f("fk_version_stimulus_version_id_study_version"),
        ),
        sa.PrimaryKeyConstraint(
            "version_id", "stimulus_set", "position", name=op.f("pk_version_stimulus")
        ),
    )
    op.create_table(
        "recruitment",
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.String(length=128), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participant.id"],
            name=op.f("fk_recruitment_participant_id_participant"),
        ),
        sa.ForeignKeyConstraint(
            ["study_id"], ["study.id"], name=op.f("fk_recruitment_study_id_study")
        ),
        sa.PrimaryKeyConstraint("participant_id", name=op.f("pk_recruitment")),
        sa.UniqueConstraint("study_id", "external_id", name=op.f("uq_recruitment_study_id")),
    )
    op.create_table(
        "step",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("flow", sa.Integer(), nullable=True),
        sa.Column("block", sa.String(length=64), nullable=True),
        sa.Column("condition", sa.String(), nullable=False),
        sa.Column("stimulus_digest", sa.String(length=64), nullable=True),
        sa.Column("explanation_digest", sa.String(length=64), nullable=True),
        sa.Column("shown_at", sa.BigInteger(), nullable=True),
        sa.Column("submitted_at", sa.BigInteger(), nullable=True),
        sa.Column("rendered_sha256", sa.String(length=64), nullable=True),
        sa.Column("viewport", sa.String(length=16), nullable=True),
        sa.ForeignKeyConstraint(
            ["explanation_digest"],
            ["explanation.digest"],
            name=op.f("fk_step_explanation_digest_explanation"),
        ),
        sa.ForeignKeyConstraint(
            ["participant_id"], ["participant.id"], name=op.f("fk_step_participant_id_participant")
        ),
        sa.ForeignKeyConstraint(
            ["stimulus_digest"], ["stimulus.digest"], name=op.f("fk_step_stimulus_digest_stimulus")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_step")),
        sa.UniqueConstraint("participant_id", "position", name=op.f("uq_step_participant_id")),
    )
    op.create_table(
        "version_explanation",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("stimulus_digest", sa.String(length=64), nullable=False),
        sa.Column("explanation_digest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["explanation_digest"],
            ["explanation.digest"],
            name=op.f("fk_version_explanation_explanation_digest_explanation"),
        ),
        sa.ForeignKeyConstraint(
            ["stimulus_digest"],
            ["stimulus.digest"],
            name=op.f("fk_version_explanation_stimulus_digest_stimulus"),
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["study_version.id"],
            name=op.f("fk_version_explanation_version_id_study_version"),
        ),
        sa.PrimaryKeyConstraint(
            "version_id", "name", "stimulus_digest", name=op.f("pk_version_explanation")
        ),
    )
    op.create_table(
        "event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("step_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("at_ms", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["step_id"], ["step.id"], name=op.f("fk_event_step_id_step")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.create_index("ix_event_step", ["step_id"], unique=False)

    op.create_table(
        "response",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("step_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Double(), nullable=True),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("missing_reason", sa.String(length=32), nullable=True),
        sa.Column("answered_after_ms", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["step_id"], ["step.id"], name=op.f("fk_response_step_id_step")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_response")),
        sa.UniqueConstraint("step_id", "item_id", name=op.f("uq_response_step_id")),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("response")
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.drop_index("ix_event_step")

    op.drop_table("event")
    op.drop_table("version_explanation")
    op.drop_table("step")
    op.drop_table("recruitment")
    op.drop_table("version_stimulus")
    with op.batch_alter_table("participant", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_participant_version_id"))

    op.drop_table("participant")
    with op.batch_alter_table("explanation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_explanation_job_key"))

    op.drop_table("explanation")
    with op.batch_alter_table("study_version", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_study_version_digest"))

    op.drop_table("study_version")
    op.drop_table("stimulus")
    op.drop_table("membership")
    op.drop_table("study")
    op.drop_table("researcher")
    op.drop_table("checkpoint")
