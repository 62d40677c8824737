"""Opening the store of a project database, and making one that was not there, in one transaction."""

from __future__ import annotations

from pathlib import Path
from typing import Final, TypeVar

from pydantic import SecretStr
from sqlalchemy import inspect, text
from sqlalchemy.exc import DatabaseError

from trackkit.domain.databases import Place
from trackkit.domain.errors import InvalidInput, Unavailable
from trackkit.store import database
from trackkit.store.database import Connection, Store, Work
from trackkit.store.migrate import Standing, standing, upgrade_on

T = TypeVar("T")

CONNECT_SECONDS: Final = 5
_FILLING: Final = 0x7472616B66
_HEADER: Final = b"SQLite format 3\x00"
"""https://www.sqlite.org/fileformat.html §1.3"""


def open_file(path: Path, place: Place) -> Store:
    """The store in a file that is there. WAL only below the data folder: it does not work across a network."""
    return database.sqlite(path, journal="WAL" if place is Place.relative else "DELETE", create=False)


def open_url(url: str, password: SecretStr | None) -> Store:
    """The store in a PostgreSQL database."""
    return database.postgresql(url, password, connect_timeout=CONNECT_SECONDS)


def fill_file(path: Path, work: Work[T], revision: str = "heads") -> T:
    """Make a project database in a new file with what `work` puts into it; everything is synced to disk.

    Parameters
    ----------
    revision: of the schema; another one than this version's only for what an older one wrote.
    """
    store = database.sqlite(path, journal="DELETE")
    try:
        return store.write(lambda connection: _fill(connection, work, revision))
    finally:
        store.close()


def fill_url(url: str, password: SecretStr | None, work: Work[T], revision: str = "heads") -> T:
    """Make a project database in an empty PostgreSQL database; `InvalidInput` when it is not empty."""
    store = open_url(url, password)
    try:
        return store.write(lambda connection: _fill(connection, work, revision))
    finally:
        store.close()


def _fill(connection: Connection, work: Work[T], revision: str = "heads") -> T:
    if connection.dialect.name == "postgresql":  # two that fill one database: the second waits, then finds tables
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _FILLING})
    if inspect(connection).get_table_names():
        raise InvalidInput.of("name", "is not empty: the PostgreSQL database holds tables; nothing was changed")
    upgrade_on(connection, "project", revision)
    return work(connection)


def examine(store: Store) -> Standing:
    """How a database stands to this version; `InvalidInput` when it is damaged or no database at all."""

    def work(connection: Connection) -> Standing:
        if store.is_sqlite:
            found = connection.execute(text("PRAGMA integrity_check(1)")).scalar()
            if found != "ok":
                raise InvalidInput.of("name", f"is damaged: {found}", "Restore a backup of it.")
        return standing(connection, "project")

    try:
        return store.read(work)
    except (Unavailable, DatabaseError) as error:
        if not store.is_sqlite:
            raise
        raise InvalidInput.of("name", f"is damaged or no trackkit database: {error}", "Restore a backup.") from None


def looks_like_a_database(path: Path) -> bool:
    """Whether a file begins as SQLite's files do."""
    with path.open("rb") as file:
        return file.read(len(_HEADER)) == _HEADER
