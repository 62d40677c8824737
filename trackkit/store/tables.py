"""The tables of the main database: server, mail, list of project databases, licenses and seats.

A change here needs a migration in `trackkit/store/migrations`; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from trackkit.domain.accounts import Role
from trackkit.domain.databases import Place
from trackkit.domain.delivery import State
from trackkit.domain.jobs import JobKind, JobState
from trackkit.domain.message import MailType
from trackkit.domain.reasons import Reason
from trackkit.domain.replies import Failure, Stage, Verdict
from trackkit.domain.seats import Ending, Pool
from trackkit.store.columns import Enumerated, Instant, RowId

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}

main = MetaData(naming_convention=NAMES)

facts = Table(
    "facts",
    main,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)  # single facts about the server: its id, the hash of an open set-up code

users = Table(
    "users",
    main,
    Column("id", RowId, primary_key=True),
    Column("name", String(64), nullable=False),
    Column("name_key", String(256), nullable=False, unique=True),
    Column("role", Enumerated(Role), nullable=False),
    Column("password_hash", Text),
    Column("created_at", Instant, nullable=False),
    Column("last_login_at", Instant),
    sqlite_autoincrement=True,
)

sessions = Table(
    "sessions",
    main,
    Column("session_id", String(32), primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("user_id", ForeignKey(users.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("client_address", String(64), nullable=False),
    Column("local", Boolean, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("last_used_at", Instant, nullable=False),
)

tokens = Table(
    "tokens",
    main,
    Column("id", RowId, primary_key=True),
    Column("user_id", ForeignKey(users.c.id, ondelete="CASCADE"), nullable=False),
    Column("name", String(64), nullable=False),
    Column("role", Enumerated(Role), nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("last_used_at", Instant),
    UniqueConstraint("user_id", "name"),
    sqlite_autoincrement=True,
)

log_filters = Table(
    "log_filters",
    main,
    Column("id", RowId, primary_key=True),
    Column("owner_id", ForeignKey(users.c.id, ondelete="CASCADE"), index=True),  # null = shared
    Column("scope", String(32), nullable=False),  # the owner's id, or "shared": names differ within it
    Column("name", String(100), nullable=False),
    Column("name_key", String(400), nullable=False),
    Column("conditions", JSON, nullable=False),
    Column("saved_by", String(64), nullable=False),
    Column("saved_at", Instant, nullable=False),
    UniqueConstraint("scope", "name_key"),
    sqlite_autoincrement=True,
)

option_values = Table(
    "option_values",
    main,
    Column("name", String(128), primary_key=True),
    Column("value", JSON),
    Column("sealed", LargeBinary),  # of a secret: its encrypted form; `value` is null then
)

option_groups = Table(
    "option_groups",
    main,
    Column("name", String(64), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", String(64), nullable=False),
)

option_changes = Table(
    "option_changes",
    main,  # what was changed at once; values by option name, of a secret only "none", "set" or "changed"
    Column("id", RowId, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("username", String(64), nullable=False),
    Column("client_address", String(64), nullable=False),
    Column("operation", String(64), nullable=False),
    Column("reverts", RowId),  # the change that this one put back
    Column("before", JSON, nullable=False),
    Column("after", JSON, nullable=False),
    sqlite_autoincrement=True,
)

audit = Table(
    "audit",
    main,
    Column("id", RowId, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("operation", String(64), nullable=False),
    Column("username", String(64), nullable=False),
    Column("client_address", String(64), nullable=False),
    Column("subject", Text, nullable=False),
    Column("before", JSON, nullable=False),
    Column("after", JSON, nullable=False),
    sqlite_autoincrement=True,
)

messages = Table(
    "messages",
    main,
    Column("id", RowId, primary_key=True),
    Column("mail_from", String(256), nullable=False),
    Column("message_id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("queued_at", Instant, nullable=False),
    Column("submitted_by", String(64), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("conversation", Text, nullable=False),
    Column("warned_at", Instant),  # when its sender was told that it is late
    sqlite_autoincrement=True,  # a queue id is never given twice
)

bodies = Table(
    "bodies",
    main,  # apart from `messages`, so that lists never read over them
    Column("message_id", ForeignKey(messages.c.id, ondelete="CASCADE"), primary_key=True),
    Column("raw", LargeBinary, nullable=False),
)

recipients = Table(
    "recipients",
    main,
    Column("id", RowId, primary_key=True),
    Column("message_id", ForeignKey(messages.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("address", String(256), nullable=False),
    Column("mail_type", Enumerated(MailType), nullable=False),
    Column("state", Enumerated(State), nullable=False),
    Column("next_attempt_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("outcome_unknown", Boolean, nullable=False),
    Column("delete_wanted", Boolean, nullable=False),
    Column("deleted_at", Instant),
    Column("deleted_from", Enumerated(State)),
    Column("worker", String(64)),  # who holds the lease while active
    Column("leased_until", Instant),
    Column("verdict", Enumerated(Verdict)),  # the last outcome, from here on
    Column("stage", Enumerated(Stage)),
    Column("failure", Enumerated(Failure)),
    Column("smtp_code", SmallInteger),
    Column("enhanced_code", String(16), nullable=False, default=""),
    Column("text", Text, nullable=False, default=""),
    Column("deletion", RowId),  # the job that deleted it; null while it is not deleted, or was by itself
    Column("reason", Enumerated(Reason)),
    Index(None, "state", "next_attempt_at"),
    sqlite_autoincrement=True,
)

mail_workers = Table(
    "mail_workers",
    main,  # each life of each: a process that sends mail
    Column("id", RowId, primary_key=True),
    Column("name", String(64), nullable=False),
    Column("joined_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("connections", Integer, nullable=False),  # it may still have open
    Column("lost_at", Instant),  # nothing was heard of it any more
    sqlite_autoincrement=True,
)

attempts = Table(
    "attempts",
    main,
    Column("id", RowId, primary_key=True),
    Column("message_id", ForeignKey(messages.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("recipient", String(256), nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant, nullable=False),
    Column("host", String(300), nullable=False),
    Column("verdict", Enumerated(Verdict), nullable=False),
    Column("stage", Enumerated(Stage), nullable=False),
    Column("failure", Enumerated(Failure)),
    Column("smtp_code", SmallInteger),
    Column("enhanced_code", String(16), nullable=False),
    Column("text", Text, nullable=False),
    sqlite_autoincrement=True,
)

history = Table(
    "history",
    main,
    Column("id", RowId, primary_key=True),
    Column("queue_id", RowId, nullable=False, index=True),
    Column("message_id", Text, nullable=False),
    Column("mail_from", String(256), nullable=False),
    Column("recipient", String(256), nullable=False),
    Column("subject", Text, nullable=False),
    Column("queued_at", Instant, nullable=False),
    Column("sent_at", Instant, nullable=False),
    Column("host", String(300), nullable=False),
    Column("reply", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    sqlite_autoincrement=True,
)

databases = Table(
    "databases",
    main,  # the list of project databases; what is in them is in files, or databases, of their own
    Column("id", RowId, primary_key=True),
    Column("name", String(1000), nullable=False),
    Column("name_key", String(1000), nullable=False, unique=True),
    Column("place", Enumerated(Place), nullable=False),
    Column("database_id", String(36), nullable=False, unique=True),  # the identity that stands in the database itself
    Column("sealed_password", LargeBinary),  # of a PostgreSQL URL
    Column("description", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("in_web_list", Boolean, nullable=False),
    Column("in_other_list", Boolean, nullable=False),
    Column("compact_every_start", Boolean, nullable=False),
    Column("compact_next_start", Boolean, nullable=False),
    Column("sending", Boolean, nullable=False),
    Column("solosubmit", Boolean, nullable=False, server_default=false()),
    Column("revision", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("last_backup_at", Instant),
    Column("last_compacted_at", Instant),
    sqlite_autoincrement=True,
)

project_sessions = Table(
    "project_sessions",
    main,
    Column("session_id", String(32), primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("database_row", ForeignKey(databases.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("user_number", RowId, nullable=False),
    Column("username", String(100), nullable=False),
    Column("client", String(16), nullable=False),
    Column("client_address", String(64), nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("last_used_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False, server_default="0"),  # the last request, automatic ones included
    Column("pool", Enumerated(Pool), nullable=False, server_default=Pool.web),  # the seat it holds
    Column("license_number", String(16), nullable=False, server_default=""),  # of a dedicated license; else empty
    Column("pauses", JSON, nullable=False, server_default="[]"),  # (seconds after it was opened, seconds long)
)

licenses = Table(
    "licenses",
    main,
    Column("id", RowId, primary_key=True),
    Column("serial", Text, unique=True),  # in its normal form; null = the evaluation license of a fresh server
    Column("added_at", Instant, nullable=False),
    Column("added_by", String(64), nullable=False),
    sqlite_autoincrement=True,
)

seat_uses = Table(
    "seat_uses",
    main,  # uses of seats that have ended, and refusals
    Column("id", RowId, primary_key=True),
    Column("pool", Enumerated(Pool), nullable=False),
    Column("license_number", String(16), nullable=False),
    Column("database", String(1000), nullable=False),
    Column("username", String(100), nullable=False),
    Column("client", String(16), nullable=False),
    Column("client_address", String(64), nullable=False),
    Column("taken_at", Instant, nullable=False),
    Column("used_at", Instant, nullable=False),
    Column("ended_at", Instant, nullable=False),
    Column("ending", Enumerated(Ending), nullable=False),
    Column("pauses", JSON, nullable=False),
    Index(None, "pool", "taken_at"),
    sqlite_autoincrement=True,
)

seat_hours = Table(
    "seat_hours",
    main,  # seats in use over time: a row for each hour and pool, later for each day
    Column("hour", Integer, primary_key=True, autoincrement=False),  # counted from 1970 in UTC; of a day its first
    Column("pool", Enumerated(Pool), primary_key=True),
    Column("hours", SmallInteger, nullable=False),  # 1 or 24
    Column("capacity", Integer, nullable=False),  # the most there were
    Column("peak", Integer, nullable=False),
    Column("samples", Integer, nullable=False),  # looks at it, and …
    Column("seats", Integer, nullable=False),  # … the seats in use at them, summed up
    Column("refusals", Integer, nullable=False),
)

backups = Table(
    "backups",
    main,
    Column("id", RowId, primary_key=True),
    Column("database", String(1000), nullable=False),
    Column("location", Text, nullable=False, unique=True),
    Column("made_at", Instant, nullable=False),
    Column("size", RowId, nullable=False),
    Column("row_count", RowId, nullable=False),
    Column("verified", Boolean, nullable=False),
    Column("task", String(100), nullable=False),  # the scheduled task that made it; empty = a person
    sqlite_autoincrement=True,
)

jobs = Table(
    "jobs",
    main,
    Column("id", RowId, primary_key=True),
    Column("kind", Enumerated(JobKind), nullable=False),
    Column("database", String(1000), nullable=False),
    Column("state", Enumerated(JobState), nullable=False, index=True),
    Column("words", Text, nullable=False),
    Column("done", RowId, nullable=False),
    Column("total", RowId),
    Column("unit", String(32), nullable=False),
    Column("username", String(100), nullable=False),
    Column("project_session", String(32), nullable=False),  # of a project user's import; else empty
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("error", JSON),  # as it travels (`contract.wire.WireError`)
    Column("result", JSON, nullable=False),
    sqlite_autoincrement=True,
)

tasks = Table(
    "tasks",
    main,
    Column("id", RowId, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("name_key", String(256), nullable=False, unique=True),
    Column("kind", String(32), nullable=False),
    Column("database", String(1000), nullable=False),
    Column("schedule", String(100), nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("run_missed", Boolean, nullable=False),
    Column("keep", Integer),
    Column("root", String(1000)),
    Column("next_run_at", Instant),
    Column("revision", Integer, nullable=False),
    sqlite_autoincrement=True,
)

task_runs = Table(
    "task_runs",
    main,  # by the task's name: the history outlives the task
    Column("id", RowId, primary_key=True),
    Column("task", String(100), nullable=False, index=True),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("state", String(16), nullable=False),
    Column("words", Text, nullable=False),
    Column("started_by", String(64), nullable=False),
    Column("missed", Boolean, nullable=False),
    Column("job_id", RowId),
    sqlite_autoincrement=True,
)
