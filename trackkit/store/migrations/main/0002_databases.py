"""The list of project databases, project sessions, backups, jobs and scheduled tasks of 0.3.0."""

import sqlalchemy as sa
from alembic import op

revision = "main_0002"
down_revision = "main_0001"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "backups",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("database", sa.String(length=1000), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("size", ROW_ID, nullable=False),
        sa.Column("row_count", ROW_ID, nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("task", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backups")),
        sa.UniqueConstraint("location", name=op.f("uq_backups_location")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "databases",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("name", sa.String(length=1000), nullable=False),
        sa.Column("name_key", sa.String(length=1000), nullable=False),
        sa.Column("place", sa.String(length=32), nullable=False),
        sa.Column("database_id", sa.String(length=36), nullable=False),
        sa.Column("sealed_password", sa.LargeBinary(), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("in_web_list", sa.Boolean(), nullable=False),
        sa.Column("in_other_list", sa.Boolean(), nullable=False),
        sa.Column("compact_every_start", sa.Boolean(), nullable=False),
        sa.Column("compact_next_start", sa.Boolean(), nullable=False),
        sa.Column("sending", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_backup_at", sa.BigInteger(), nullable=True),
        sa.Column("last_compacted_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_databases")),
        sa.UniqueConstraint("database_id", name=op.f("uq_databases_database_id")),
        sa.UniqueConstraint("name_key", name=op.f("uq_databases_name_key")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "jobs",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("database", sa.String(length=1000), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("done", ROW_ID, nullable=False),
        sa.Column("total", ROW_ID, nullable=True),
        sa.Column("unit", sa.String(length=32), nullable=False),
        sa.Column("username", sa.String(length=100), nullable=False),
        sa.Column("project_session", sa.String(length=32), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_jobs_state"), "jobs", ["state"], unique=False)
    op.create_table(
        "task_runs",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("task", sa.String(length=100), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("started_by", sa.String(length=64), nullable=False),
        sa.Column("missed", sa.Boolean(), nullable=False),
        sa.Column("job_id", ROW_ID, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_runs")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_task_runs_task"), "task_runs", ["task"], unique=False)
    op.create_table(
        "tasks",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("name_key", sa.String(length=256), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("database", sa.String(length=1000), nullable=False),
        sa.Column("schedule", sa.String(length=100), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("run_missed", sa.Boolean(), nullable=False),
        sa.Column("keep", sa.Integer(), nullable=True),
        sa.Column("root", sa.String(length=1000), nullable=True),
        sa.Column("next_run_at", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
        sa.UniqueConstraint("name_key", name=op.f("uq_tasks_name_key")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "project_sessions",
        sa.Column("session_id", sa.String(length=32), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("database_row", ROW_ID, nullable=False),
        sa.Column("user_number", ROW_ID, nullable=False),
        sa.Column("username", sa.String(length=100), nullable=False),
        sa.Column("client", sa.String(length=16), nullable=False),
        sa.Column("client_address", sa.String(length=64), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["database_row"], ["databases.id"], name=op.f("fk_project_sessions_database_row"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_project_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_project_sessions_token_hash")),
    )
    op.create_index(op.f("ix_project_sessions_database_row"), "project_sessions", ["database_row"], unique=False)
    # ### end Alembic commands ###
