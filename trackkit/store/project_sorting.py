"""The order of items, the same on every engine: by a field, then by number; pages go on after an item.

Texts sort by code point with ASCII letters whatever their case, references by the name they are written by. Items
without a value come first; descending is the exact reverse.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, and_, literal, or_, select

from trackkit.domain.errors import Conflict, InvalidInput
from trackkit.domain.project.conditions import NUMBER
from trackkit.domain.project.kind import Kind
from trackkit.domain.project.kinds import KINDS, KindInfo
from trackkit.store.project_references import RECORD
from trackkit.store.project_tables import TABLES, column_name
from trackkit.store.text import folded

_TEXTS: Final = ("text", "long text", "choice")


def sort_key(info: KindInfo, sort: str) -> Any:
    """What items are sorted by; `InvalidInput` names the fields there are."""
    table = TABLES[info.kind]
    if sort == NUMBER:
        return table.c.id
    field = info.fields.get(sort)
    if field is None or field.secret or field.kind == "list":
        known = [NUMBER, *(n for n, f in info.fields.items() if not f.secret and f.kind != "list")]
        raise InvalidInput.of("sort", f"is {sort!r}; {info.titles.lower()} can be sorted by {', '.join(known)}")
    column = table.c[column_name(field)]
    if field.refers_to and field.refers_to != RECORD:
        target = TABLES[Kind(field.refers_to)].alias()
        if not KINDS[Kind(field.refers_to)].named:
            return column
        return select(folded(target.c.name)).where(target.c.id == column).scalar_subquery()
    return folded(column) if field.kind in _TEXTS else column


def in_order(info: KindInfo, key: Any, descending: bool) -> list[Any]:
    """The terms of ORDER BY."""
    number = TABLES[info.kind].c.id
    # Engines place NULL differently, so whether there is a value goes first.
    keys = [number] if key is number else [key.is_not(None), key, number]
    return [term.desc() if descending else term.asc() for term in keys]


def beyond(connection: Connection, info: KindInfo, key: Any, after: int, descending: bool) -> Any:
    """What comes after the item with the number `after`; `Conflict` when its place is no longer known."""
    number = TABLES[info.kind].c.id
    further = number < after if descending else number > after
    if key is number:
        return further
    found = connection.execute(select(key).where(number == after)).first()
    if found is None:
        raise Conflict("The list changed: the item it was to go on after is gone.", "List again from the start.")
    if found[0] is None:
        here = and_(key.is_(None), further)
        return here if descending else or_(here, key.is_not(None))
    value = literal(found[0], key.type)  # a parameter also when it is true or false
    here = and_(key == value, further)
    return or_(here, key < value, key.is_(None)) if descending else or_(here, key > value)
