"""Saved filters of the log of 0.4.0."""

import sqlalchemy as sa
from alembic import op

revision = "main_0003"
down_revision = "main_0002"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "log_filters",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("owner_id", ROW_ID, nullable=True),
        sa.Column("scope", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("name_key", sa.String(length=400), nullable=False),
        sa.Column("conditions", sa.JSON(), nullable=False),
        sa.Column("saved_by", sa.String(length=64), nullable=False),
        sa.Column("saved_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_log_filters_owner_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_filters")),
        sa.UniqueConstraint("scope", "name_key", name=op.f("uq_log_filters_scope_name_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_log_filters_owner_id"), "log_filters", ["owner_id"])
