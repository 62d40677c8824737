"""The tables of a project database: one for each kind, made from its declared fields.

A text, number, date … is a column of its name; a reference is ``NAME_id``, the row it names; references to several
are their row ids as JSON in ``NAME_ids``; a secret is ``NAME_hash``; a reference to any record stays the text
``defect 12``. The key of a row is its number, counted for each kind in `counters`, so that it is the same on every
engine and is copied with the rows. A change here needs a migration; a test compares the two.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

from trackkit.domain.declared import Declaration
from trackkit.domain.project.kind import Kind
from trackkit.domain.project.kinds import KINDS, KindInfo
from trackkit.store.columns import Enumerated, Instant, RowId
from trackkit.store.tables import NAMES

project = MetaData(naming_convention=NAMES)

facts = Table(
    "facts",
    project,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)  # single facts about the project: its identity

counters = Table(
    "counters",
    project,
    Column("kind", Enumerated(Kind), primary_key=True),
    Column("last", RowId, nullable=False),
)  # the last number given of each kind; numbers are never given twice

MAXIMUM_DIGITS: Final = 18
"""Every number of so many digits fits into a column of any engine."""

_TYPES: Final[Mapping[str, Any]] = {
    "text": Text,
    "long text": Text,
    "number": RowId,
    "yes/no": Boolean,
    "choice": String(32),
    "date": Date,
    "list": JSON,
}


def column_name(field: Declaration) -> str:
    """The column in which a declared field is kept."""
    if field.secret:
        return f"{field.name}_hash"
    if field.refers_to and field.refers_to != "record":
        return f"{field.name}_ids" if field.kind == "list" else f"{field.name}_id"
    return field.name


def table_name(kind: Kind) -> str:
    """The table in which a kind is kept."""
    return f"{kind}s"


def key_of_name(name: str) -> str:
    """The form in which names are compared: upper and lower case mean the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name.strip()).casefold())


def number_of_key(key: str) -> int | None:
    """The number a key of something numbered means, if it can be one."""
    digits = key.strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= MAXIMUM_DIGITS else None


def _column(field: Declaration) -> Column[Any]:
    name = column_name(field)
    if field.secret:
        return Column(name, Text)
    if field.refers_to and field.refers_to != "record" and field.kind != "list":
        target = ForeignKey(f"{table_name(Kind(field.refers_to))}.id")
        return Column(name, RowId, target, index=True)
    return Column(name, _TYPES[field.kind], nullable=field.optional, index=field.refers_to == "record")


def _columns(info: KindInfo) -> Iterator[Column[Any]]:
    yield Column("id", RowId, primary_key=True, autoincrement=False)
    if info.named:
        yield Column("name_key", Text, nullable=False, unique=True)
    for field in info.fields.values():
        yield _column(field)
    yield Column("revision", Integer, nullable=False)
    yield Column("created_at", Instant, nullable=False)
    yield Column("created_by", String(100), nullable=False)
    yield Column("changed_at", Instant, nullable=False)
    yield Column("changed_by", String(100), nullable=False)


TABLES: Final[Mapping[Kind, Table]] = MappingProxyType(
    {kind: Table(table_name(kind), project, *_columns(info)) for kind, info in KINDS.items()}
)
"""The table of each kind, each after those it refers to."""

files = Table(
    "files",
    project,
    Column("id", RowId, primary_key=True, autoincrement=False),
    Column("record_kind", Enumerated(Kind), nullable=False),
    Column("record_id", RowId, nullable=False),
    Column("name", String(255), nullable=False),
    Column("size", RowId, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("added_at", Instant, nullable=False),
    Column("added_by", String(100), nullable=False),
    Index(None, "record_kind", "record_id"),
)

email_sources = Table(
    "email_sources",
    project,  # what was received, or sent, as it was
    Column("email", RowId, ForeignKey("tracked_emails.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("import_key", String(64), unique=True),  # of a received one: the same mail is filed once
    Column("sha256", String(64), nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("html", Text, nullable=False),  # made safe
    Column("problems", JSON, nullable=False),  # what could not be read, in words
)

email_recipients = Table(
    "email_recipients",
    project,  # whom a sent e-mail went to, and what came back
    Column("email", RowId, ForeignKey("tracked_emails.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),  # that of the cookie
    Column("address", Text, nullable=False),
    Column("outcome", String(32), nullable=False),  # empty, delivered, delay, bounce, feedback, automatic, human
    Column("status_code", String(16), nullable=False),
    Column("hard", Boolean),
    Column("text", Text, nullable=False),
    Column("at", Instant),
    Index(None, "address"),
)

outgoing = Table(
    "outgoing",
    project,  # mail of this project on its way into the server's queue
    Column("id", RowId, primary_key=True, autoincrement=False),
    Column("email", RowId),
    Column("purpose", String(32), nullable=False),
    Column("mail_from", Text, nullable=False),
    Column("rcpt_tos", JSON, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
)

overdue_told = Table(
    "overdue_told",
    project,  # records that somebody was told of as overdue, and of which due date
    Column("record_kind", Enumerated(Kind), primary_key=True),
    Column("record", RowId, primary_key=True, autoincrement=False),
    Column("due_on", Date, nullable=False),
)
