"""Millions of entries: counts by level and hour, and an index for each condition that selects few of them."""

import sqlalchemy as sa
from alembic import op

revision = "log_0002"
down_revision = "log_0001"


def upgrade() -> None:
    """Make the summary from the entries there are; exchange the index by time for one that holds the level, too."""
    op.create_table(
        "log_hours",
        sa.Column("hour", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("severity", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "severity", name=op.f("pk_log_hours")),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO log_hours (hour, severity, entries, first_id, last_id) "
        "SELECT at / 3600000000, severity, count(*), min(id), max(id) FROM log_entries GROUP BY 1, 2"
    )
    op.drop_index(op.f("ix_log_entries_at"), table_name="log_entries")
    op.create_index(op.f("ix_log_entries_at_severity"), "log_entries", ["at", "severity"], unique=False)
    op.create_index(op.f("ix_log_entries_source_id"), "log_entries", ["source", "id"], unique=False)
    for name in ("database", "username", "client_address"):
        some = sa.text(f"{name} <> ''")
        op.create_index(
            op.f(f"ix_log_entries_{name}_id"),
            "log_entries",
            [name, "id"],
            unique=False,
            sqlite_where=some,
            postgresql_where=some,
        )
