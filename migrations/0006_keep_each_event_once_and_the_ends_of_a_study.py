"""Keep each event once, with what it happened to, and tell the ends of a participation apart."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_BEFORE = ("active", "complete", "declined")
_SINCE = (*_BEFORE, "screened_out", "timed_out", "withdrawn", "dropped")


def upgrade() -> None:
    """Apply; the events of before came in one view of each page, in the order of their ids."""
    _outcomes(_SINCE)
    with op.batch_alter_table("event") as table:
        table.add_column(sa.Column("view", sa.String(16), nullable=False, server_default=""))
        table.add_column(sa.Column("number", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("item_id", sa.String(129), nullable=True))
        table.add_column(sa.Column("detail", sa.String(64), nullable=True))
    op.execute(sa.text("UPDATE event SET number = id"))
    with op.batch_alter_table("event") as table:
        table.alter_column("view", server_default=None)
        table.alter_column("number", server_default=None)
        table.drop_index("ix_event_step")
        table.create_unique_constraint(op.f("uq_event_step_id"), ["step_id", "view", "number"])


def downgrade() -> None:
    """Undo; the new ends become the nearest of the old ones."""
    op.execute(sa.text("UPDATE participant SET outcome = 'declined' WHERE outcome = 'withdrawn'"))
    new_ends = "('screened_out', 'timed_out', 'dropped')"
    op.execute(
        sa.text(f"UPDATE participant SET outcome = 'active' WHERE outcome IN {new_ends}")  # noqa: S608
    )
    _outcomes(_BEFORE)
    with op.batch_alter_table("event") as table:
        table.drop_constraint(op.f("uq_event_step_id"), type_="unique")
        table.create_index("ix_event_step", ["step_id"])
        for column in ("view", "number", "item_id", "detail"):
            table.drop_column(column)


def _outcomes(allowed: Sequence[str]) -> None:
    listed = ", ".join(f"'{each}'" for each in allowed)
    with op.batch_alter_table("participant") as table:
        table.drop_constraint(op.f("ck_participant_outcome"), type_="check")
        table.create_check_constraint(op.f("ck_participant_outcome"), f"outcome IN ({listed})")
