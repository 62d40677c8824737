"""References between items: written as keys, stored as row ids, and what becomes of them when an item is deleted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Connection, select, update

from trackkit.domain.declared import Declaration
from trackkit.domain.errors import Conflict, InvalidInput
from trackkit.domain.project.kind import Kind, named_record
from trackkit.domain.project.kinds import KINDS, KindInfo
from trackkit.domain.text import is_one_line
from trackkit.store.project_tables import TABLES, column_name, key_of_name, number_of_key

_NAMED: Final = 5
"""So many of those that still refer to something are named."""

RECORD: Final = "record"
"""What `refers_to` says where any record fits."""


class References:
    """Keys to row ids and back, each looked up once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ids: dict[tuple[Kind, str], int | None] = {}
        self._keys: dict[tuple[Kind, int], str] = {}

    def stored(self, field: Declaration, value: Any, row: str) -> Any:
        """The stored form of a reference; `InvalidInput` at the field (behind `row`) when nothing has that key."""
        if field.kind == "list":
            return sorted({self._id(field, Kind(field.refers_to), key, row) for key in value})
        if value is None:
            return None
        if field.refers_to == RECORD:
            kind, number = named_record(value, f"{row}{field.name}")
            return f"{kind} {self._id(field, kind, str(number), row)}"
        return self._id(field, Kind(field.refers_to), value, row)

    def _id(self, field: Declaration, kind: Kind, key: str, row: str) -> int:
        info, table = KINDS[kind], TABLES[kind]
        known = key_of_name(key) if info.named else key.strip()
        if (kind, known) not in self._ids:
            possible = is_one_line(key.strip()) if info.named else number_of_key(key) is not None
            condition = table.c.name_key == known if info.named else table.c.id == number_of_key(key)
            # What is referred to must not be deleted before this is written; foreign keys see to only some references.
            query = select(table.c.id).where(condition).with_for_update(read=True, key_share=True)
            self._ids[kind, known] = self._connection.execute(query).scalar() if possible else None
        found = self._ids[kind, known]
        if found is None:
            raise InvalidInput.of(f"{row}{field.name}", f"is {key!r}; there is no such {info.title.lower()}")
        return found

    def prepare(self, field: Declaration, stored: Iterable[Any]) -> None:
        """Look up the keys of many stored references at once."""
        if not field.refers_to or field.refers_to == RECORD:
            return
        kind = Kind(field.refers_to)
        if not KINDS[kind].named:
            return
        lists = field.kind == "list"
        wanted = {number for value in stored if value is not None for number in (value if lists else (value,))}
        wanted -= {number for known, number in self._keys if known is kind}
        table = TABLES[kind]
        numbers = sorted(wanted)
        for start in range(0, len(numbers), 500):
            part = numbers[start : start + 500]
            for number, name in self._connection.execute(select(table.c.id, table.c.name).where(table.c.id.in_(part))):
                self._keys[kind, number] = name

    def shown(self, field: Declaration, stored: Any) -> Any:
        """The keys of a stored reference, looked up before by `prepare`."""
        if field.refers_to == RECORD or stored is None:
            return stored
        kind = Kind(field.refers_to)
        if field.kind == "list":
            return tuple(self._keys[kind, number] for number in stored if (kind, number) in self._keys)
        return self._keys[kind, stored] if KINDS[kind].named else str(stored)


def clear_references(connection: Connection, info: KindInfo, number: int, words: str) -> None:
    """Prepare the deletion of an item: empty what refers to it, or `Conflict` where that must not be."""
    for other, referring in KINDS.items():
        for field in referring.fields.values():
            if field.refers_to == info.kind and field.kind == "list":
                _clear_list(connection, other, field, number)
            elif field.refers_to == info.kind:
                _clear(connection, other, field, number, words)
            elif field.refers_to == RECORD and info.record:
                _clear(connection, other, field, f"{info.kind} {number}", words)


def _clear(connection: Connection, kind: Kind, field: Declaration, stored: int | str, words: str) -> None:
    table = TABLES[kind]
    column = table.c[column_name(field)]
    if field.on_delete == "clear":
        connection.execute(update(table).where(column == stored).values({column.name: None}))
        return
    query = select(table.c.name if KINDS[kind].named else table.c.id).where(column == stored).order_by(table.c.id)
    names = [str(name) for name in connection.execute(query.limit(_NAMED + 1)).scalars()]
    if names:
        more = " and more" if len(names) > _NAMED else ""
        what = (KINDS[kind].title if len(names) == 1 else KINDS[kind].titles).lower()
        raise Conflict(
            f"{words} cannot be deleted: {what} {', '.join(names[:_NAMED])}{more} still refer to it. "
            "Nothing was changed.",
            "Delete or change those first.",
        )


def _clear_list(connection: Connection, kind: Kind, field: Declaration, number: int) -> None:
    table = TABLES[kind]
    column = table.c[column_name(field)]
    for row_id, stored in connection.execute(select(table.c.id, column)).all():
        if number in stored:
            left = [other for other in stored if other != number]
            connection.execute(update(table).where(table.c.id == row_id).values({column.name: left}))
