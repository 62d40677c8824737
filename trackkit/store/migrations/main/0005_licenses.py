"""Licenses, seats, defects without an account, mail workers, delays told, certificates, reasons, of 0.4.0.

Every server gets the evaluation license, an older one too: without it nobody could log in to a project after the
upgrade.
"""

import time

import sqlalchemy as sa
from alembic import op

revision = "main_0005"
down_revision = "main_0004"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables; sessions that are open hold a seat of their kind of client."""
    op.create_table(
        "licenses",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("serial", sa.Text(), nullable=True),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("added_by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_licenses")),
        sa.UniqueConstraint("serial", name=op.f("uq_licenses_serial")),
        sqlite_autoincrement=True,
    )
    licenses = sa.table("licenses", sa.column("added_at", sa.BigInteger()), sa.column("added_by", sa.String()))
    op.bulk_insert(licenses, [{"added_at": int(time.time()) * 1_000_000, "added_by": "trackkit"}])
    op.create_table(
        "seat_uses",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("pool", sa.String(length=32), nullable=False),
        sa.Column("license_number", sa.String(length=16), nullable=False),
        sa.Column("database", sa.String(length=1000), nullable=False),
        sa.Column("username", sa.String(length=100), nullable=False),
        sa.Column("client", sa.String(length=16), nullable=False),
        sa.Column("client_address", sa.String(length=64), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.Column("ending", sa.String(length=32), nullable=False),
        sa.Column("pauses", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seat_uses")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_seat_uses_pool_taken_at"), "seat_uses", ["pool", "taken_at"])
    op.create_table(
        "seat_hours",
        sa.Column("hour", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("pool", sa.String(length=32), nullable=False),
        sa.Column("hours", sa.SmallInteger(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("peak", sa.Integer(), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("refusals", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "pool", name=op.f("pk_seat_hours")),
    )
    op.create_table(
        "mail_workers",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("joined_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("connections", sa.Integer(), nullable=False),
        sa.Column("lost_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_workers")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "certificates",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("host", sa.String(length=256), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("asked_by", sa.String(length=32), nullable=False),
        sa.Column("pem", sa.Text(), nullable=False),
        sa.Column("is_authority", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=True),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=True),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("trusted_at", sa.BigInteger(), nullable=True),
        sa.Column("trusted_by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificates")),
        sa.UniqueConstraint(
            "host", "port", "digest", "asked_by", name=op.f("uq_certificates_host_port_digest_asked_by")
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "diagnosis_counts",
        sa.Column("cause", sa.String(length=64), nullable=False),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("cause", name=op.f("pk_diagnosis_counts")),
    )
    op.create_table(
        "unknown_replies",
        sa.Column("key", sa.String(length=256), nullable=False),
        sa.Column("smtp_code", sa.SmallInteger(), nullable=True),
        sa.Column("enhanced_code", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("stage", sa.String(length=32), nullable=False),
        sa.Column("host", sa.String(length=300), nullable=False),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_unknown_replies")),
    )
    # Added and not made anew: dropping a table that others refer to would take their rows with it.
    op.add_column("databases", sa.Column("solosubmit", sa.Boolean(), nullable=False, server_default=sa.false()))
    for column in (
        sa.Column("seen_at", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("pool", sa.String(length=32), nullable=False, server_default="web"),
        sa.Column("license_number", sa.String(length=16), nullable=False, server_default=""),
        sa.Column("pauses", sa.JSON(), nullable=False, server_default="[]"),
    ):
        op.add_column("project_sessions", column)
    op.add_column("messages", sa.Column("warned_at", sa.BigInteger(), nullable=True))
    op.add_column("recipients", sa.Column("deletion", ROW_ID, nullable=True))
    op.add_column("recipients", sa.Column("reason", sa.String(length=32), nullable=True))
    op.execute("UPDATE project_sessions SET seen_at = last_used_at")
    op.execute("UPDATE project_sessions SET pool = 'floating' WHERE client = 'native'")
