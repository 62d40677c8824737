"""The search index of the server log on PostgreSQL: a table of its own with a trigram index (pg_trgm).

Filled afterwards like the one on SQLite, and for the same reason: a trigram index on the log itself makes whoever
appends wait. It holds the texts in lower case once more. Its tables are made and dropped at will and are in no
migration, because the extension may be missing or not allowed; `SearchBroken` says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from trackkit.domain.errors import Unavailable
from trackkit.store.database import Store
from trackkit.store.log_search import Candidates, SearchBroken

_VERSION: Final = 1
_ANALYZED_EVERY: Final = 100_000
"""Entries after which the planner is told anew how common which texts are."""

_TABLES: Final = (
    "DROP TABLE IF EXISTS log_search, log_search_state",
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    'CREATE TABLE log_search (id bigint PRIMARY KEY, text text COLLATE "C" NOT NULL)',
    "CREATE INDEX log_search_text ON log_search USING gin (text gin_trgm_ops)",
    "CREATE TABLE log_search_state (version int NOT NULL, covered bigint NOT NULL, filled bigint NOT NULL)",
    f"INSERT INTO log_search_state VALUES ({_VERSION}, 0, 0)",  # noqa: S608 - a constant
)
_SAFE: Final = text(
    "SELECT coalesce(max(id), 0), CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint), "
    "CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint) FROM log_entries"
)
_NEXT: Final = text(
    "SELECT count(*), max(id) FROM ("
    "SELECT id FROM log_entries WHERE id > :covered AND id <= :safe ORDER BY id LIMIT :most) AS next"
)
_FILL: Final = text(
    'INSERT INTO log_search (id, text) SELECT id, lower((message || chr(10) || details) COLLATE "C") '
    "FROM log_entries WHERE id > :covered AND id <= :last"
)

_FIND: Final = 'SELECT id FROM log_search WHERE text LIKE lower(:pattern COLLATE "C") AND id >= :first AND id <= :last '
_OLDEST_FIRST: Final = "ORDER BY id LIMIT :most"
_NEWEST_FIRST: Final = "ORDER BY id DESC LIMIT :most"


@dataclass(frozen=True)
class _PostgresqlCandidates:
    connection: Connection
    covered: int

    def ids(self, part: str, first_id: int, last_id: int, limit: int, *, oldest_first: bool) -> list[int]:
        stored = part.replace("\x00", "\N{SYMBOL FOR NULL}")
        plain = stored.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        query = text(_FIND + (_OLDEST_FIRST if oldest_first else _NEWEST_FIRST))
        values = {"pattern": f"%{plain}%", "first": first_id, "last": last_id, "most": limit}
        try:
            return list(self.connection.scalars(query, values))
        except DBAPIError as error:
            raise SearchBroken(str(error.orig)) from error


class PostgresqlSearch:
    """The index of the log in the database of `store`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen = (0, 0)
        """The newest id at the last look, and the transaction that could still have added a lower one then."""
        self._safe = 0

    def prepare(self, newest_id: int) -> str:
        """See `SearchIndex`."""
        with _working():
            there = self._store.read(lambda c: c.scalar(text("SELECT to_regclass('log_search_state') IS NOT NULL")))
            if there:
                version, covered = self._store.read(
                    lambda c: c.execute(text("SELECT version, covered FROM log_search_state")).one()
                )
                if version == _VERSION and covered <= newest_id:
                    return ""
                reason = (
                    "it was of another log" if version == _VERSION else f"it was made by another version ({version})"
                )
        self.reset()
        return reason if there else ""

    @contextmanager
    def reading(self, connection: Connection) -> Iterator[Candidates]:
        """See `SearchIndex`; it is read in the same transaction as the log."""
        try:
            covered = connection.execute(text("SELECT covered FROM log_search_state")).scalar_one()
        except DBAPIError as error:
            raise SearchBroken(str(error.orig)) from error
        yield _PostgresqlCandidates(connection, covered)

    def fill(self, at_most: int, *, at_least: int = 1) -> int:
        """See `SearchIndex`.

        Of transactions that run at the same time the later id can be there first. An id therefore counts as reached
        only when everything that was under way when it was first seen has ended.
        """
        with _working():
            newest, ahead, running = self._store.read(lambda c: c.execute(_SAFE).one())
            if running >= self._seen[1]:
                self._safe = max(self._safe, self._seen[0])
                self._seen = (newest, ahead)
            return self._store.write(lambda connection: self._take_in(connection, at_most, at_least))

    def _take_in(self, connection: Connection, at_most: int, at_least: int) -> int:
        covered, filled = connection.execute(text("SELECT covered, filled FROM log_search_state FOR UPDATE")).one()
        found, last = connection.execute(_NEXT, {"covered": covered, "safe": self._safe, "most": at_most}).one()
        if found < at_least:
            return 0
        connection.execute(_FILL, {"covered": covered, "last": last})
        connection.execute(
            text("UPDATE log_search_state SET covered = :last, filled = filled + :found"),
            {"last": last, "found": found},
        )
        if (filled + found) // _ANALYZED_EVERY != filled // _ANALYZED_EVERY:
            connection.execute(text("ANALYZE log_search"))
        return int(found)

    def filled(self) -> tuple[int, int]:
        """See `SearchIndex`."""
        with _working():
            covered, filled = self._store.read(
                lambda c: c.execute(text("SELECT covered, filled FROM log_search_state")).one()
            )
        return covered, filled

    def reset(self) -> None:
        """See `SearchIndex`."""

        def work(connection: Connection) -> None:
            for statement in _TABLES:
                connection.execute(text(statement))

        with _working():
            self._store.write(work)


@contextmanager
def _working() -> Iterator[None]:
    try:
        yield
    except (DBAPIError, Unavailable) as error:
        raise SearchBroken(str(error.orig) if isinstance(error, DBAPIError) else error.message) from error
