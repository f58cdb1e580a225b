"""Keep answers that are lists (sets, rankings, masks), rows of a matrix, and the order of items."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_SHORT, _LONG = sa.String(64), sa.String(129)


def upgrade() -> None:
    """Apply; of answers that were given before, the place on the page is not known."""
    with op.batch_alter_table("response") as table:
        table.add_column(sa.Column("json", sa.JSON(none_as_null=True), nullable=True))
        table.add_column(sa.Column("item_position", sa.Integer(), nullable=True))
        table.alter_column("item_id", existing_type=_SHORT, type_=_LONG, existing_nullable=False)


def downgrade() -> None:
    """Undo; lists are lost, and so are rows of a matrix whose name is too long."""
    op.execute(sa.text("DELETE FROM response WHERE length(item_id) > 64"))
    with op.batch_alter_table("response") as table:
        table.alter_column("item_id", existing_type=_LONG, type_=_SHORT, existing_nullable=False)
        table.drop_column("item_position")
        table.drop_column("json")
