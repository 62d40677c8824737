"""Statements that every message needs, put together once and run on the driver's own cursor.

SQLAlchemy takes several times as long to carry such a statement to the database as the database takes to run it. What
it knows about the statement is kept: its text in the database's dialect, how values of its column types are written
and read. Values come and go as with SQLAlchemy; rows are plain tuples.

Fails as SQLAlchemy does, with `sqlalchemy.exc.DBAPIError` and what is derived from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sqlalchemy import BindParameter, Connection, Dialect, bindparam
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import ClauseElement
from sqlalchemy.types import TypeEngine

_SIZES: Final = (0, 1, 10, 50, 100, 200, 500)
"""For lists of which lengths a statement is put together; shorter ones are filled up with their last value."""

LONGEST: Final = _SIZES[-1]
"""Values in a list; SQLite and the driver of PostgreSQL both bound the number of parameters."""

T = TypeVar("T")
_Process = Callable[[Any], Any]


def listed(name: str) -> BindParameter[Any]:
    """Stands for a list of keys in a statement: ``column.in_(listed("b_keys"))``."""
    return bindparam(name, expanding=True)


class Prepared:
    """A statement; its parameters are its bound ones by name, and the lists that `listed` stands for."""

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._forms: dict[tuple[str, tuple[int, ...]], _Form] = {}

    def rows(self, connection: Connection, values: Mapping[str, Any], **lists: Sequence[int]) -> list[tuple[Any, ...]]:
        """Run it and read everything it returns. A list has at least one key, and at most `LONGEST`."""
        form = self._form(connection.dialect, lists)
        return form.read(_run(connection, form.text, form.bound(values, lists), _all))

    def changed(self, connection: Connection, values: Mapping[str, Any], **lists: Sequence[int]) -> int:
        """Run it; how many rows of its table it changed. Lists as for `rows`."""
        form = self._form(connection.dialect, lists)
        return _run(connection, form.text, form.bound(values, lists), _changed)

    def text(self, dialect: Dialect) -> str:
        """The statement as the database is told it."""
        return self._form(dialect, {}).text

    def many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run it once for each of `rows`; nothing is read."""
        form = self._form(connection.dialect, {})
        _run(connection, form.text, [form.bound(row, {}) for row in rows], _changed, many=True)

    def _form(self, dialect: Dialect, lists: Mapping[str, Sequence[int]]) -> _Form:
        sizes = tuple([next(size for size in _SIZES if size >= len(values)) for values in lists.values()])
        form = self._forms.get((dialect.name, sizes))
        if form is None:
            form = _form(self._statement, dialect, dict(zip(lists, sizes, strict=True)))
            self._forms[dialect.name, sizes] = form
        return form


def run_plain(connection: Connection, text: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> None:
    """Run a statement without results; `values` are as the driver takes them (`writing`)."""
    _run(connection, text, values, _changed)


@dataclass(frozen=True, slots=True)
class _Form:
    """A statement for one kind of database, with lists of certain lengths."""

    text: str
    order: Sequence[str] | None
    """The names of its parameters; none where the driver takes them by name."""
    writing: Mapping[str, _Process | None]
    fixed: Mapping[str, Any]
    """What stands in the statement itself."""
    members: Mapping[str, Sequence[str]]
    """The parameters that each list became."""
    reading: Sequence[tuple[int, _Process]]

    def bound(self, values: Mapping[str, Any], lists: Mapping[str, Sequence[int]]) -> Any:
        """The parameters of one run, as the driver takes them."""
        found = dict(self.fixed)
        for name, value in values.items():
            write = self.writing[name]
            found[name] = value if write is None else write(value)
        for name, keys in lists.items():
            members = self.members[name]
            found.update(dict.fromkeys(members[len(keys) :], keys[-1]))
            found.update(zip(members, keys, strict=False))
        return found if self.order is None else [found[name] for name in self.order]

    def read(self, rows: list[Any]) -> list[tuple[Any, ...]]:
        """The rows as values of their columns' types."""
        if not self.reading:
            return rows
        changed = []
        for row in rows:
            values = list(row)
            for place, process in self.reading:
                values[place] = process(values[place])
            changed.append(tuple(values))
        return changed


def _form(statement: ClauseElement, dialect: Dialect, sizes: Mapping[str, int]) -> _Form:
    compiled: Any = statement.compile(dialect=dialect)
    lists = {name: [0] * size for name, size in sizes.items()}
    given = {name: None for name, bind in compiled.binds.items() if bind.required and name not in lists}
    put_together = compiled.construct_expanded_state({**given, **lists})
    members = {name: put_together.parameter_expansion[name] for name in lists}
    of_lists = {member for names in members.values() for member in names}
    writing: dict[str, _Process | None] = {
        name: put_together.processors.get(name) or _writes(compiled.binds.get(name), dialect)
        for name in put_together.parameters
    }
    fixed = {
        name: value if (write := writing[name]) is None else write(value)
        for name, value in put_together.parameters.items()
        if name not in given and name not in of_lists
    }
    reading = [
        (place, process)
        for place, column in enumerate(getattr(statement, "exported_columns", ()))
        if (process := column.type.dialect_impl(dialect).result_processor(dialect, None)) is not None
    ]
    order = tuple(put_together.positiontup) if compiled.positional else None
    return _Form(put_together.statement, order, writing, fixed, members, reading)


def writing(kind: TypeEngine[Any], dialect: Dialect) -> _Process | None:
    """What makes of a value of that type what the driver takes; none = it does so itself."""
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _writes(bind: BindParameter[Any] | None, dialect: Dialect) -> _Process | None:
    return None if bind is None else writing(bind.type, dialect)


def _all(cursor: Any) -> list[Any]:
    rows: list[Any] = cursor.fetchall()
    return rows


def _changed(cursor: Any) -> int:
    number: int = cursor.rowcount
    return number


def _run(connection: Connection, text: str, parameters: Any, found: Callable[[Any], T], *, many: bool = False) -> T:
    """Execute a statement, and take of its cursor what is wanted: reading can fail as running can."""
    cursor = connection.connection.cursor()
    try:
        (cursor.executemany if many else cursor.execute)(text, parameters)
        return found(cursor)
    except connection.dialect.loaded_dbapi.Error as error:
        kind = connection.dialect.loaded_dbapi.Error
        raise DBAPIError.instance(text, None, error, kind, hide_parameters=True, dialect=connection.dialect) from error
    finally:
        cursor.close()
