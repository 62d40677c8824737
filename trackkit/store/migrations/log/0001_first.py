"""The log database of 0.1.0."""

import sqlalchemy as sa
from alembic import op

revision = "log_0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "log_entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("database", sa.String(length=256), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("client_address", sa.String(length=64), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_entries")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_log_entries_at"), "log_entries", ["at"], unique=False)
    op.create_index(op.f("ix_log_entries_severity_id"), "log_entries", ["severity", "id"], unique=False)
