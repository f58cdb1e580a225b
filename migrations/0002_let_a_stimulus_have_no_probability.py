"""Let a stimulus have no probability: a forecast and a text have none."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("stimulus") as table:
        table.alter_column("probability", existing_type=sa.Float(), nullable=True)


def downgrade() -> None:
    """Undo; a stimulus that has no probability gets 0."""
    op.execute(sa.text("UPDATE stimulus SET probability = 0 WHERE probability IS NULL"))
    with op.batch_alter_table("stimulus") as table:
        table.alter_column("probability", existing_type=sa.Float(), nullable=False)
