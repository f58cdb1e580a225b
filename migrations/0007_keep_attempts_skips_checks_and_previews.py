"""Keep attempts at a page, why one was skipped, passed checks, limits of time, and previews."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_BEFORE = (
    "active",
    "complete",
    "declined",
    "screened_out",
    "timed_out",
    "withdrawn",
    "dropped",
)


def upgrade() -> None:
    """Apply; every page of before was a first attempt, and nobody a preview."""
    _outcomes((*_BEFORE, "quota_full"))
    with op.batch_alter_table("participant") as table:
        table.add_column(
            sa.Column("preview", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    with op.batch_alter_table("step") as table:
        table.add_column(sa.Column("attempt", sa.Integer(), nullable=False, server_default="1"))
        table.add_column(sa.Column("skipped_reason", sa.String(32), nullable=True))
        table.add_column(sa.Column("passed", sa.Boolean(), nullable=True))
        table.add_column(
            sa.Column("timed_out", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        table.drop_constraint(op.f("uq_step_participant_id"), type_="unique")
        table.create_unique_constraint(
            op.f("uq_step_participant_id"), ["participant_id", "position", "attempt"]
        )
    with op.batch_alter_table("participant") as table:
        table.alter_column("preview", server_default=None)
    with op.batch_alter_table("step") as table:
        table.alter_column("attempt", server_default=None)
        table.alter_column("timed_out", server_default=None)


def downgrade() -> None:
    """Undo; only the first attempt at a page can stay, and a full quota becomes the nearest end."""
    later = "(SELECT id FROM step WHERE attempt > 1)"
    for table in ("response", "event"):
        op.execute(sa.text(f"DELETE FROM {table} WHERE step_id IN {later}"))  # noqa: S608
    op.execute(sa.text("DELETE FROM step WHERE attempt > 1"))
    op.execute(
        sa.text("UPDATE participant SET outcome = 'screened_out' WHERE outcome = 'quota_full'")
    )
    _outcomes(_BEFORE)
    with op.batch_alter_table("step") as table:
        table.drop_constraint(op.f("uq_step_participant_id"), type_="unique")
        table.create_unique_constraint(
            op.f("uq_step_participant_id"), ["participant_id", "position"]
        )
        for column in ("attempt", "skipped_reason", "passed", "timed_out"):
            table.drop_column(column)
    with op.batch_alter_table("participant") as table:
        table.drop_column("preview")


def _outcomes(allowed: Sequence[str]) -> None:
    listed = ", ".join(f"'{each}'" for each in allowed)
    with op.batch_alter_table("participant") as table:
        table.drop_constraint(op.f("ck_participant_outcome"), type_="check")
        table.create_check_constraint(op.f("ck_participant_outcome"), f"outcome IN ({listed})")
