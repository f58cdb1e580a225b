"""Keep which page of a trial a step is, and the second stimulus or explanation on it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_BESIDE = ("stimulus", "explanation")


def upgrade() -> None:
    """Apply; a trial of before had one page, which has no name."""
    with op.batch_alter_table("step") as table:
        table.add_column(sa.Column("part", sa.String(16), nullable=True))
        for name in _BESIDE:
            column = f"second_{name}_digest"
            table.add_column(sa.Column(column, sa.String(64), nullable=True))
            constraint = f"fk_step_{column}_{name}"
            table.create_foreign_key(constraint, name, [column], ["digest"])


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table("step") as table:
        for name in _BESIDE:
            column = f"second_{name}_digest"
            table.drop_constraint(f"fk_step_{column}_{name}", type_="foreignkey")
            table.drop_column(column)
        table.drop_column("part")
