"""Compacting a project database: indexes rebuilt, the space of deleted rows given back; and how large one is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, text

from trackkit.store.database import Store
from trackkit.store.project_tables import project

_SIZE: Final = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"


def size(store: Store) -> int:
    """Octets that the database takes."""
    return store.read(_size)


def _size(connection: Connection) -> int:
    if connection.dialect.name == "sqlite":
        return int(connection.execute(text(_SIZE)).scalar_one())
    names = [f"{connection.dialect.identifier_preparer.quote(name)}" for name in project.tables]
    query = text(
        "SELECT coalesce(sum(pg_total_relation_size(to_regclass(name))), 0) FROM unnest(CAST(:names AS text[])) AS name"
    )
    return int(connection.execute(query, {"names": names}).scalar_one())


def compact(store: Store, progress: Callable[[int, int, str], None]) -> tuple[int, int]:
    """Compact; octets before and after. Who writes meanwhile waits; nothing is lost if it is broken off.

    Parameters
    ----------
    progress: called with steps done, steps in total, and what comes next; may raise to stop between steps.
    """
    before = size(store)
    tables = sorted(project.tables)
    total = len(tables) + 1
    for done, name in enumerate(tables):
        progress(done, total, f"Rebuilding the indexes of {name}")
        store.alone(lambda connection, name=name: _reindex(connection, name))  # type: ignore[misc]
    progress(len(tables), total, "Giving space back")
    store.alone(_vacuum)
    progress(total, total, "Compacted")
    return before, size(store)


def _reindex(connection: Connection, name: str) -> None:
    quoted = connection.dialect.identifier_preparer.quote(name)
    if connection.dialect.name == "sqlite":
        connection.execute(text(f"REINDEX {quoted}"))
    else:
        connection.execute(text(f"VACUUM (FULL, ANALYZE) {quoted}"))  # rebuilds the indexes as well


def _vacuum(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.execute(text("VACUUM"))
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
        connection.execute(text("PRAGMA optimize"))
