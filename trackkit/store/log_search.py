"""The search index of the server log: which entries may hold a text, found without reading them all.

An index is filled afterwards, in batches, so that whoever writes to the log never waits for it; it knows the entries
up to an id, `Candidates.covered`, and what comes later is looked through. What it finds are candidates: deleted
entries stay in it, and it may err on the side of too many, so that each is compared with the filter.

On SQLite it lies in a file of its own beside the log: trigrams of message and details (FTS5), no text. The file can
be deleted at any time; one that is damaged, was made by another version or for another log is made anew.

`SearchBroken` is raised when the index cannot be used; the log is read without it then.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import Connection

SHORTEST: Final = 3
"""Characters a text needs to be found by trigrams."""

_VERSION: Final = 1
_TRIGRAMS: Final = 12
"""Of a long text so many are looked for: enough to leave few candidates."""

_BUSY_SECONDS: Final = 20.0
_TABLES: Final = (
    # Neither text nor positions nor lengths are kept: a third of the size and half of the time it takes with them.
    "CREATE VIRTUAL TABLE texts USING fts5(message, details, content='', columnsize=0, detail=none, tokenize=trigram)",
    "CREATE TABLE state (covered INTEGER NOT NULL, filled INTEGER NOT NULL)",
    "INSERT INTO state VALUES (0, 0)",
    f"PRAGMA user_version={_VERSION}",
)

_FIND: Final = "SELECT rowid FROM texts WHERE texts MATCH ? AND rowid >= ? AND rowid <= ? "
_OLDEST_FIRST: Final = "ORDER BY rowid LIMIT ?"
_NEWEST_FIRST: Final = "ORDER BY rowid DESC LIMIT ?"


class SearchBroken(Exception):
    """The search index cannot be used, and why.

    `is_damaged`: what it holds cannot be read; else it may be usable again later.
    """

    def __init__(self, why: str, *, is_damaged: bool = False) -> None:
        super().__init__(why)
        self.is_damaged = is_damaged


class Candidates(Protocol):
    """The index at one moment."""

    @property
    def covered(self) -> int:
        """Entries with ids up to this one are in it."""

    def ids(self, part: str, first_id: int, last_id: int, limit: int, *, oldest_first: bool) -> list[int]:
        """The first `limit` entries between those ids that may hold the text, in the order of their ids."""


class SearchIndex(Protocol):
    """A search index on one of the two databases."""

    def prepare(self, newest_id: int) -> str:
        """Make it if need be; why it was made anew, ``""`` when it is as it was. `SearchBroken`: it cannot be made.

        `newest_id` is the highest id the log has ever given out; an index that knows more is of another log.
        """

    def reading(self, connection: Connection) -> AbstractContextManager[Candidates]:
        """The index for one unit of work on the log, which `connection` is in."""

    def fill(self, at_most: int, *, at_least: int = 1) -> int:
        """Take in the next `at_most` entries; how many it were. Nothing is done for fewer than `at_least`."""

    def filled(self) -> tuple[int, int]:
        """Up to which id it knows the log, and how many entries were taken in since it was made."""

    def reset(self) -> None:
        """Make it anew, empty."""


def searchable(part: str) -> bool:
    """Whether an index can find that text."""
    return len(part) >= SHORTEST


def trigrams(part: str) -> list[str]:
    """Every three characters that follow each other, each once; of a long text only the first few."""
    return list(dict.fromkeys(part[at : at + 3] for at in range(len(part) - 2)))[:_TRIGRAMS]


@dataclass(frozen=True)
class _SqliteCandidates:
    connection: sqlite3.Connection
    covered: int

    def ids(self, part: str, first_id: int, last_id: int, limit: int, *, oldest_first: bool) -> list[int]:
        stored = part.replace("\x00", "\N{SYMBOL FOR NULL}")
        quoted = " AND ".join('"' + three.replace('"', '""') + '"' for three in trigrams(stored))
        query = _FIND + (_OLDEST_FIRST if oldest_first else _NEWEST_FIRST)
        try:
            return [row[0] for row in self.connection.execute(query, (quoted, first_id, last_id, limit))]
        except sqlite3.Error as error:
            raise _broken(error) from error


class SqliteSearch:
    """The index in the file at `path` of the log in the file at `log`."""

    def __init__(self, path: Path, log: Path) -> None:
        self._path = path
        self._log = log.resolve().as_uri() + "?mode=ro"

    def prepare(self, newest_id: int) -> str:
        """See `SearchIndex`."""
        if not self._path.exists():
            self.reset()
            return ""
        try:
            with self._connection() as connection:
                version = connection.execute("PRAGMA user_version").fetchone()[0]
                if version == _VERSION:
                    covered = connection.execute("SELECT covered FROM state").fetchone()[0]
                    # Looks into it; such a table cannot be read without a text to look for.
                    connection.execute("SELECT rowid FROM texts WHERE texts MATCH 'the' LIMIT 1").fetchone()
                    if covered <= newest_id:
                        return ""
        except SearchBroken as error:
            reason = f"it was damaged ({error})"
        else:
            reason = "it was of another log" if version == _VERSION else f"it was made by another version ({version})"
        self.reset()
        return reason

    @contextmanager
    def reading(self, connection: Connection) -> Iterator[Candidates]:
        """See `SearchIndex`; the index is read as it is at the beginning."""
        with self._connection() as own:
            own.execute("BEGIN")
            covered = own.execute("SELECT covered FROM state").fetchone()[0]
            yield _SqliteCandidates(own, covered)

    def fill(self, at_most: int, *, at_least: int = 1) -> int:
        """See `SearchIndex`. The log is only read, as it is at the beginning; no text passes through Python."""
        with self._connection() as connection:
            connection.execute("ATTACH ? AS log", (self._log,))
            connection.execute("BEGIN")
            covered = connection.execute("SELECT covered FROM state").fetchone()[0]
            found, last = connection.execute(
                "SELECT count(*), max(id) FROM (SELECT id FROM log.log_entries WHERE id > ? ORDER BY id LIMIT ?)",
                (covered, at_most),
            ).fetchone()
            if found < at_least:
                return 0
            connection.execute(
                "INSERT INTO texts (rowid, message, details) "
                "SELECT id, message, details FROM log.log_entries WHERE id > ? AND id <= ? ORDER BY id",
                (covered, last),
            )
            connection.execute("UPDATE state SET covered = ?, filled = filled + ?", (last, found))
            connection.execute("COMMIT")
        return int(found)

    def filled(self) -> tuple[int, int]:
        """See `SearchIndex`."""
        with self._connection() as connection:
            covered, filled = connection.execute("SELECT covered, filled FROM state").fetchone()
        return covered, filled

    def reset(self) -> None:
        """See `SearchIndex`. Who reads the old file goes on reading it."""
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        with self._connection(create=True) as connection:
            connection.execute("BEGIN")
            for statement in _TABLES:
                connection.execute(statement)
            connection.execute("COMMIT")

    @contextmanager
    def _connection(self, *, create: bool = False) -> Iterator[sqlite3.Connection]:
        """A connection for one use. The index can always be made again, so that commits need not wait for the disk."""
        address = self._path.resolve().as_uri() + f"?mode={'rwc' if create else 'rw'}"
        try:
            with closing(sqlite3.connect(address, timeout=_BUSY_SECONDS, isolation_level=None, uri=True)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=NORMAL")
                yield connection
        except sqlite3.Error as error:
            raise _broken(error) from error


def _broken(error: sqlite3.Error) -> SearchBroken:
    passing = isinstance(error, sqlite3.OperationalError)  # locked, no space, not to be opened
    return SearchBroken(str(error), is_damaged=isinstance(error, sqlite3.DatabaseError) and not passing)
