"""Copies the rows of a project database into another one, whatever engines the two are on.

Both sides are reflected, so that it works for every revision of the schema, as long as both have the same one. The
source is read in one transaction and so at one moment, while others go on writing to it. Rows travel in chunks; memory
stays bounded by a chunk (and by the largest attached file).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, MetaData, Table, func, insert, select, text

from trackkit.domain.errors import Unavailable
from trackkit.domain.project.kinds import KINDS
from trackkit.store.database import Store
from trackkit.store.project_tables import counters, files, project, table_name

_CHUNK: Final = 500
_FILES_CHUNK: Final = 1
"""An attached file can be large."""

TEMPLATE_TABLES: Final = tuple(table_name(kind) for kind, info in KINDS.items() if info.templated)
"""What create from template copies (SPEC §2); the rest starts empty and with its counters at the beginning."""


def copy(
    source: Connection,
    target: Connection,
    tables: Sequence[str] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, int]:
    """Copy rows into the empty tables of the same names; how many of each table.

    Parameters
    ----------
    source, target: connections with open transactions; nothing is committed here.
    tables: their names; none = all of the schema, its version apart.
    progress: called with rows done and rows in total; may raise to stop.
    """
    there, here = _reflected(source), _reflected(target)
    wanted = [t.name for t in here.sorted_tables if t.name in there.tables and (tables is None or t.name in tables)]
    total, done, counts = sum(_count(source, there.tables[name]) for name in wanted), 0, {}
    for name in wanted:
        counts[name] = 0
        step = _FILES_CHUNK if name == files.name else _CHUNK
        columns = [column for column in there.tables[name].columns if column.name in here.tables[name].columns]
        left_out = _references_to_others(here.tables[name], wanted)
        rows = source.execute(select(*columns), execution_options={"yield_per": step})
        for part in rows.mappings().partitions():
            target.execute(insert(here.tables[name]), [{**row, **left_out} for row in part])
            counts[name] += len(part)
            done += len(part)
            progress(done, total)
    return counts


def _references_to_others(table: Table, copied: Sequence[str]) -> dict[str, None]:
    """References to tables that are not copied: they become empty."""
    keys = table.foreign_keys
    return {key.parent.name: None for key in keys if key.column.table.name not in copied}


def copy_template(
    source: Connection, target: Connection, progress: Callable[[int, int], None] = lambda done, total: None
) -> dict[str, int]:
    """What a new project takes over from its template, with the counters of just those kinds."""
    counts = copy(source, target, TEMPLATE_TABLES, progress)
    kinds = [kind for kind, info in KINDS.items() if info.templated]
    kept = source.execute(select(counters).where(counters.c.kind.in_(kinds))).mappings().all()
    if kept:
        target.execute(insert(counters), [dict(row) for row in kept])
    return counts


def row_counts(connection: Connection) -> dict[str, int]:
    """Rows of every table of the schema."""
    reflected = _reflected(connection)
    return {table.name: _count(connection, table) for table in reflected.sorted_tables}


def verify(store: Store, expected: Mapping[str, int]) -> None:
    """Read a copy again from its disk and compare; `Unavailable` says what is wrong with it."""

    def work(connection: Connection) -> None:
        if store.is_sqlite:
            found = connection.execute(text("PRAGMA integrity_check")).scalars().all()
            if found != ["ok"]:
                raise Unavailable(f"The copy is damaged: {found[0]}.", "Look at the disk it is on, then try again.")
            broken = connection.execute(text("PRAGMA foreign_key_check")).first()
            if broken is not None:
                raise Unavailable(f"The copy is damaged: rows of {broken[0]} refer to nothing.", "Try again.")
        counted = row_counts(connection)
        for name, number in expected.items():
            if counted.get(name) != number:
                raise Unavailable(
                    f"The copy is not whole: {name} has {counted.get(name)} rows instead of {number}.", "Try again."
                )

    store.read(work)


def _reflected(connection: Connection) -> MetaData:
    """The tables of a project as they are there; tables of others in the same database are left alone."""
    metadata = MetaData()
    ours = set(project.tables)
    metadata.reflect(connection, only=lambda name, _: name in ours)
    return metadata


def _count(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())
