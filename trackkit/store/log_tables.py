"""The tables of the log database.

A change here needs a migration in `trackkit/store/migrations`; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, SmallInteger, String, Table, Text, text

from trackkit.store.columns import Instant, RowId
from trackkit.store.tables import NAMES

log = MetaData(naming_convention=NAMES)

entries = Table(
    "log_entries",
    log,
    Column("id", RowId, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("source", String(64), nullable=False),
    Column("database", String(256), nullable=False),
    Column("username", String(64), nullable=False),
    Column("client_address", String(64), nullable=False),
    Column("message", Text, nullable=False),
    Column("details", Text, nullable=False),
    Index(None, "severity", "id"),
    Index(None, "at", "severity"),
    Index(None, "source", "id"),
    *(
        Index(None, name, "id", sqlite_where=text(f"{name} <> ''"), postgresql_where=text(f"{name} <> ''"))
        for name in ("database", "username", "client_address")  # most entries have none of these
    ),
    sqlite_autoincrement=True,
)

log_hours = Table(
    "log_hours",
    log,
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("severity", SmallInteger, primary_key=True, autoincrement=False),
    Column("entries", BigInteger, nullable=False),
    Column("first_id", BigInteger, nullable=False),
    Column("last_id", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""How many entries of a level each hour (counted from 1970 in UTC) holds, and between which ids they lie."""
