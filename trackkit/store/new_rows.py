"""New rows, many in a statement: whoever writes waits for Python's lock after each row and each statement.

The keys of rows that others point to are reserved before, since a statement that returns them returns row by row.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Table, bindparam, insert, text

from trackkit.store.prepared import Prepared

_NONE: Final[Mapping[str, Any]] = {}
_TOGETHER: Final = 20
"""Rows in a statement, at most."""


class NewRows:
    """INSERTs into `table`, of all its columns but those `left_out`; in each statement all rows have the `same` values
    in some of them, which are written once."""

    def __init__(self, table: Table, *left_out: str, same: Collection[str] = ()) -> None:
        columns = [column for column in table.c if column.name not in left_out]
        self._table, self._columns = table, columns
        self._names = [column.name for column in columns if column.name not in same]
        self._alike = {c.name: bindparam(c.name, type_=c.type) for c in columns if c.name in same}
        self._several: dict[int, Prepared] = {}

    def add(self, connection: Connection, rows: Sequence[Mapping[str, Any]], same: Mapping[str, Any] = _NONE) -> None:
        """Insert rows; each has a value for every column that has none in `same`."""
        for at in range(0, len(rows), _TOGETHER):
            part = rows[at : at + _TOGETHER]
            values: dict[str, Any] = {
                f"{name}_{number}": row[name] for number, row in enumerate(part) for name in self._names
            }
            self._inserting(len(part)).changed(connection, {**values, **same})

    def _inserting(self, size: int) -> Prepared:
        """What inserts so many rows."""
        if size not in self._several:
            # Only in the first row do parameters take on the types of their columns by themselves.
            values = [
                {c.name: self._alike.get(c.name, bindparam(f"{c.name}_{number}", type_=c.type)) for c in self._columns}
                for number in range(size)
            ]
            self._several[size] = Prepared(insert(self._table).values(values))
        return self._several[size]


def reserved(connection: Connection, table: Table, number: int) -> list[int]:
    """So many new keys of `table`, in order, which nobody else gets.

    On SQLite that holds in a write transaction, and for tables that never give a key twice (`sqlite_autoincrement`).
    """
    if connection.dialect.name == "sqlite":
        found = _LAST.rows(connection, {"name": table.name})
        last: int = found[0][0] if found else 0
        return list(range(last + 1, last + 1 + number))
    return sorted(key for (key,) in _NEXT.rows(connection, {"name": table.name, "number": number}))


_LAST: Final = Prepared(text("SELECT seq FROM sqlite_sequence WHERE name = :name"))
_NEXT: Final = Prepared(text("SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :number)"))
"""https://www.sqlite.org/autoinc.html; https://www.postgresql.org/docs/current/functions-sequence.html"""
