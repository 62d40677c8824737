"""Mail that comes in, e-mail settings of projects, of 0.4.0."""

import sqlalchemy as sa
from alembic import op

revision = "main_0006"
down_revision = "main_0005"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "inbox",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("mailbox", sa.String(length=600), nullable=False),
        sa.Column("uidl", sa.Text(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", ROW_ID, nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("fetched_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("rule", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("database_id", sa.String(length=36), nullable=True),
        sa.Column("record_kind", sa.String(length=32), nullable=True),
        sa.Column("record", ROW_ID, nullable=True),
        sa.Column("email", ROW_ID, nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_inbox_mailbox_uidl"), "inbox", ["mailbox", "uidl"], unique=True)
    op.create_index(op.f("ix_inbox_state_id"), "inbox", ["state", "id"], unique=False)
    op.create_index(op.f("ix_inbox_sha256"), "inbox", ["sha256"], unique=False)
    op.create_table(
        "mailboxes",
        sa.Column("mailbox", sa.String(length=600), nullable=False),
        sa.Column("polled_at", sa.BigInteger(), nullable=True),
        sa.Column("succeeded_at", sa.BigInteger(), nullable=True),
        sa.Column("failing_since", sa.BigInteger(), nullable=True),
        sa.Column("failure", sa.String(length=32), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("conversation", sa.Text(), nullable=False),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("waiting_since", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("mailbox", name=op.f("pk_mailboxes")),
    )
    op.create_table(
        "project_mail",
        sa.Column("database_row", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("sealed_password", sa.LargeBinary(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["database_row"], ["databases.id"], name=op.f("fk_project_mail_database_row"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("database_row", name=op.f("pk_project_mail")),
    )
    op.create_table(
        "outbox_marks",
        sa.Column("database_id", sa.String(length=36), nullable=False),
        sa.Column("last", ROW_ID, nullable=False),
        sa.PrimaryKeyConstraint("database_id", name=op.f("pk_outbox_marks")),
    )
    op.create_table(
        "round_trips",
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("mailbox", sa.String(length=600), nullable=False),
        sa.Column("queue_id", sa.String(length=20), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.Column("returned_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_round_trips")),
    )
