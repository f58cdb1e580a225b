"""Keep the metrics of an explanation: what was measured of it, with curves and reasons."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply; what was registered before has none until flask precompute measures it."""
    with op.batch_alter_table("explanation") as table:
        table.add_column(sa.Column("measures", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table("explanation") as table:
        table.drop_column("measures")
