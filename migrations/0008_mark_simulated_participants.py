"""Mark simulated participants."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply; everybody of before is a person."""
    with op.batch_alter_table("participant") as table:
        table.add_column(
            sa.Column("simulated", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    with op.batch_alter_table("participant") as table:
        table.alter_column("simulated", server_default=None)


def downgrade() -> None:
    """Undo; without the mark robots would pass for people, so they leave with it."""
    robots = "(SELECT id FROM participant WHERE simulated)"
    steps = f"(SELECT id FROM step WHERE participant_id IN {robots})"  # noqa: S608
    for table in ("response", "event"):
        op.execute(sa.text(f"DELETE FROM {table} WHERE step_id IN {steps}"))  # noqa: S608
    for table in ("step", "recruitment"):
        op.execute(sa.text(f"DELETE FROM {table} WHERE participant_id IN {robots}"))  # noqa: S608
    op.execute(sa.text("DELETE FROM participant WHERE simulated"))
    with op.batch_alter_table("participant") as table:
        table.drop_column("simulated")
