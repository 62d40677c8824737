"""Tracked e-mail: what was sent and received as it was, recipients, outgoing mail, commands for each kind of record."""

import json

import sqlalchemy as sa
from alembic import op

revision = "project_0003"
down_revision = "project_0002"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
RECORDS = ("defect", "requirement", "requirement_document", "test_case", "test_run")
COMMANDS = {"view": ("view_mail",), "add": ("send_mail", "reply_to_mail"), "edit": (), "delete": ("delete_mail",)}


def upgrade() -> None:
    """Make the tables; who had commands for e-mails has those for the e-mails of every kind of record."""
    for column in (
        sa.Column("origin", sa.String(length=32), nullable=False, server_default="person"),
        sa.Column("tracked", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("answers", ROW_ID, nullable=True),
        sa.Column("user", sa.Text(), nullable=False, server_default=""),
        sa.Column("standing", sa.String(length=32), nullable=False, server_default="known"),
        sa.Column("cut", sa.Text(), nullable=False, server_default=""),
        sa.Column("queue_id", sa.Text(), nullable=False, server_default=""),
    ):
        op.add_column("tracked_emails", column)
    op.create_table(
        "email_sources",
        sa.Column("email", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("import_key", sa.String(length=64), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["email"], ["tracked_emails.id"], name=op.f("fk_email_sources_email"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("email", name=op.f("pk_email_sources")),
        sa.UniqueConstraint("import_key", name=op.f("uq_email_sources_import_key")),
    )
    op.create_table(
        "email_recipients",
        sa.Column("email", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(length=32), nullable=False),
        sa.Column("status_code", sa.String(length=16), nullable=False),
        sa.Column("hard", sa.Boolean(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["email"], ["tracked_emails.id"], name=op.f("fk_email_recipients_email"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("email", "number", name=op.f("pk_email_recipients")),
    )
    op.create_index(op.f("ix_email_recipients_address"), "email_recipients", ["address"], unique=False)
    op.create_table(
        "outgoing",
        sa.Column("id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("email", ROW_ID, nullable=True),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("mail_from", sa.Text(), nullable=False),
        sa.Column("rcpt_tos", sa.JSON(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outgoing")),
    )
    op.create_table(
        "overdue_told",
        sa.Column("record_kind", sa.String(length=32), nullable=False),
        sa.Column("record", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("record_kind", "record", name=op.f("pk_overdue_told")),
    )
    _rename_commands()


def _rename_commands() -> None:
    connection = op.get_bind()
    groups = sa.table("groups", sa.column("id", ROW_ID), sa.column("commands", sa.JSON()))
    for number, commands in connection.execute(sa.select(groups.c.id, groups.c.commands)).all():
        given = json.loads(commands) if isinstance(commands, str) else list(commands)
        old = [name for name in given if name.startswith("tracked_email.")]
        if old:
            verbs = [new for name in old for new in COMMANDS[name.partition(".")[2]]]
            kept = [name for name in given if name not in old]
            new = kept + [f"{kind}.{verb}" for kind in RECORDS for verb in verbs]
            connection.execute(sa.update(groups).where(groups.c.id == number).values(commands=new))
