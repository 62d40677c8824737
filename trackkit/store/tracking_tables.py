"""The tables of mail that comes in and of what projects send; they are in the main database (`tables.main`)."""

from __future__ import annotations

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from trackkit.domain.project.kind import Kind
from trackkit.domain.tracking.inbox import InboxState
from trackkit.store.columns import Enumerated, Instant, RowId
from trackkit.store.tables import databases, main

inbox = Table(
    "inbox",
    main,  # every mail that was fetched, once
    Column("id", RowId, primary_key=True),
    Column("mailbox", String(600), nullable=False),  # the account: `Mailbox.key`
    Column("uidl", Text),  # while it may still be at the host; none afterwards, or if the host has none
    Column("sha256", String(64), nullable=False),
    Column("size", RowId, nullable=False),
    Column("raw", LargeBinary),  # none once it is filed in a project, or was left at the host as untracked
    Column("fetched_at", Instant, nullable=False),
    Column("state", Enumerated(InboxState), nullable=False),
    Column("rule", String(32), nullable=False),  # the rule that decided
    Column("reason", Text, nullable=False),
    Column("kind", String(32), nullable=False),  # `MailKind`, empty before it was looked at
    Column("author", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("database_id", String(36)),  # where it was filed
    Column("record_kind", Enumerated(Kind)),
    Column("record", RowId),
    Column("email", RowId),  # its number there
    Column("tries", Integer, nullable=False),  # times that filing it failed for a reason that may pass
    Column("decided_at", Instant),
    Index(None, "mailbox", "uidl", unique=True),
    Index(None, "state", "id"),
    Index(None, "sha256"),
    sqlite_autoincrement=True,
)

mailboxes = Table(
    "mailboxes",
    main,  # how fetching from each account goes
    Column("mailbox", String(600), primary_key=True),
    Column("polled_at", Instant),  # the last time that it was begun
    Column("succeeded_at", Instant),
    Column("failing_since", Instant),
    Column("failure", String(32), nullable=False),
    Column("text", Text, nullable=False),
    Column("conversation", Text, nullable=False),
    Column("waiting", Integer, nullable=False),  # messages that were there and had to be fetched, at the last poll
    Column("waiting_since", Instant),  # since when some message has waited here to be fetched
)

project_mail = Table(
    "project_mail",
    main,  # `MailSettings` of projects
    Column("database_row", ForeignKey(databases.c.id, ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("values", JSON, nullable=False),
    Column("sealed_password", LargeBinary),
    Column("revision", Integer, nullable=False),
)

outbox_marks = Table(
    "outbox_marks",
    main,  # up to which number the outgoing mail of a project is in the queue
    Column("database_id", String(36), primary_key=True),
    Column("last", RowId, nullable=False),
)

round_trips = Table(
    "round_trips",
    main,  # probe mails that went out to a tracking address
    Column("token", String(64), primary_key=True),
    Column("mailbox", String(600), nullable=False),
    Column("queue_id", String(20), nullable=False),
    Column("sent_at", Instant, nullable=False),
    Column("returned_at", Instant),
)
