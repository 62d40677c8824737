"""New rows, many in a statement: whoever writes waits for Python's lock after each row and each statement.

The keys of rows that others point to are reserved before, since a statement that returns them returns row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Connection, Dialect, Table, bindparam, insert, text

from trackkit.store.prepared import Prepared, run_plain, writing

_NONE: Final[Mapping[str, Any]] = {}
_TOGETHER: Final = 20
"""Rows in a statement, at most."""
_FIRST: Final = "_0"
"""Ends the names of the first row's parameters, where they have names."""


class NewRows:
    """INSERTs into `table`, of all its columns but those `left_out`."""

    def __init__(self, table: Table, *left_out: str) -> None:
        columns = [column for column in table.c if column.name not in left_out]
        self._types = {column.name: column.type for column in columns}
        self._of = itemgetter(*self._types)
        self._writing: dict[str, list[tuple[str, Callable[[Any], Any]]]] = {}
        self._one = Prepared(insert(table).values([{c.name: bindparam(f"{c.name}{_FIRST}") for c in columns}]))
        self._several: dict[tuple[str, int], str] = {}
        """Statements by the database's dialect and the number of rows."""

    def add(self, connection: Connection, rows: Sequence[Mapping[str, Any]], same: Mapping[str, Any] = _NONE) -> None:
        """Insert rows; each has a value for every column that has none in `same`, which all of them have."""
        writes = self._writes(connection.dialect)
        alike = dict(same)
        for name, write in writes:
            if name in alike:
                alike[name] = write(alike[name])
        writes = [(name, write) for name, write in writes if name not in alike]
        for at in range(0, len(rows), _TOGETHER):
            values: list[Any] = []
            for row in rows[at : at + _TOGETHER]:
                whole = {**row, **alike}
                for name, write in writes:
                    whole[name] = write(whole[name])
                values += self._of(whole)
            self._insert(connection, len(values) // len(self._types), values)

    def _insert(self, connection: Connection, rows: int, values: list[Any]) -> None:
        dialect = connection.dialect
        if (dialect.name, rows) not in self._several:
            # Put together from that of one row: SQLAlchemy takes milliseconds for each number of them.
            head, row = self._one.text(dialect).split(" VALUES ")
            each = [row.replace(f"{_FIRST})s", f"_{number})s") for number in range(rows)]
            self._several[dialect.name, rows] = f"{head} VALUES {', '.join(each)}"
        text = self._several[dialect.name, rows]
        if dialect.positional:
            run_plain(connection, text, values)
        else:
            names = (f"{name}_{number}" for number in range(rows) for name in self._types)
            run_plain(connection, text, dict(zip(names, values, strict=True)))

    def _writes(self, dialect: Dialect) -> list[tuple[str, Callable[[Any], Any]]]:
        """What makes of the values of some columns what the database's driver takes."""
        found = self._writing.get(dialect.name)
        if found is None:
            all_of_them = ((name, writing(type_, dialect)) for name, type_ in self._types.items())
            found = self._writing[dialect.name] = [(name, write) for name, write in all_of_them if write is not None]
        return found


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
