"""Items of a project: rows of the table of their kind, with references as the keys they are written by.

Fails with `InvalidInput` for a reference to what is not there, and with `Conflict` when a name is taken, somebody else
changed the item meanwhile, or something refers to what shall be deleted. A unit of work that fails changes nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, and_, delete, func, insert, or_, select, update

from trackkit.domain.declared import Declaration, Group
from trackkit.domain.errors import Conflict, InvalidInput
from trackkit.domain.project.conditions import NUMBER, Condition
from trackkit.domain.project.kinds import KINDS, Kind, KindInfo
from trackkit.store.project_conditions import as_sql, text_found
from trackkit.store.project_references import References, clear_references
from trackkit.store.project_tables import TABLES, column_name, counters, files
from trackkit.store.text import folded

_SYSTEM: Final = ("revision", "created_at", "created_by", "changed_at", "changed_by")
_CHUNK: Final = 1000


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An item as stored. `values` holds no secrets; `set_secrets` names those that are set."""

    kind: Kind
    number: int
    key: str
    values: dict[str, Any]
    set_secrets: tuple[str, ...]
    files: int
    revision: int
    created_at: datetime
    created_by: str
    changed_at: datetime
    changed_by: str


def key_of_name(name: str) -> str:
    """The form in which names are compared: upper and lower case mean the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name.strip()).casefold())


def find(connection: Connection, info: KindInfo, key: str, *, lock: bool = False) -> ItemRow | None:
    """The item with that key; `lock` keeps it as it is until the transaction ends."""
    table = TABLES[info.kind]
    if info.named:
        condition = table.c.name_key == key_of_name(key)
    elif key.isascii() and key.isdigit() and len(key) <= 18:
        condition = table.c.id == int(key)
    else:
        return None
    query = select(table).where(condition)
    row = connection.execute(query.with_for_update() if lock else query).first()
    return _items(connection, info, [row])[0] if row else None


def page(
    connection: Connection,
    info: KindInfo,
    conditions: Sequence[Condition] = (),
    text: str | None = None,
    sort: str = NUMBER,
    descending: bool = False,
    after: int | None = None,
    limit: int = 200,
) -> list[ItemRow]:
    """Items that fulfil all conditions, sorted by a field and then by number; those without a value come first.

    Parameters
    ----------
    text: found in one of the texts of the item.
    after: the number of the item after which to go on; `Conflict` when it is gone.
    """
    table = TABLES[info.kind]
    query = _selected(select(table), info, conditions, text)
    order = table.c.id if sort == NUMBER else _sortable(info, sort)
    if after is not None:
        query = query.where(_beyond(connection, info, order, after, descending))
    # A field without a value sorts as NULL, which engines place differently: so whether it has one goes first.
    keys = [table.c.id] if sort == NUMBER else [order.is_not(None), order, table.c.id]
    query = query.order_by(*(key.desc() if descending else key.asc() for key in keys)).limit(limit)
    return _items(connection, info, connection.execute(query).all())


def count(connection: Connection, info: KindInfo, conditions: Sequence[Condition] = (), text: str | None = None) -> int:
    """How many items `page` would list."""
    query = _selected(select(func.count()).select_from(TABLES[info.kind]), info, conditions, text)
    return int(connection.execute(query).scalar_one())


def _selected(query: Select[Any], info: KindInfo, conditions: Sequence[Condition], text: str | None) -> Select[Any]:
    for condition in conditions:
        query = query.where(as_sql(info, condition))
    return query if text is None else query.where(text_found(info, text))


def _sortable(info: KindInfo, sort: str) -> Any:
    field = info.fields.get(sort)
    if field is None or field.secret or field.kind == "list":
        known = [NUMBER, *(n for n, f in info.fields.items() if not f.secret and f.kind != "list")]
        raise InvalidInput.of("sort", f"is {sort!r}; {info.titles.lower()} can be sorted by {', '.join(known)}")
    column = TABLES[info.kind].c[column_name(field)]
    return folded(column) if field.kind in ("text", "long text") and not column.name.endswith("_id") else column


def _beyond(connection: Connection, info: KindInfo, order: Any, after: int, descending: bool) -> Any:
    """What comes after the item with that number, in the order of the page."""
    table = TABLES[info.kind]
    if order is table.c.id:
        return table.c.id < after if descending else table.c.id > after
    found = connection.execute(select(order).where(table.c.id == after)).first()
    if found is None:
        raise Conflict("The list changed: the item it was to go on after is gone.", "List again from the start.")
    value, number = found[0], table.c.id
    if value is None:
        later = order.is_(None) & (number < after if descending else number > after)
        return later if descending else or_(later, order.is_not(None))
    here = order == value
    later = or_(
        order < value if descending else order > value, and_(here, number < after if descending else number > after)
    )
    return or_(later, order.is_(None)) if descending else later


def add(
    connection: Connection,
    info: KindInfo,
    model: Group,
    hashes: Mapping[str, str | None],
    now: datetime,
    username: str,
) -> ItemRow:
    """Add an item; `hashes` holds what is kept of its secrets."""
    (number,) = add_many(connection, info, [(model, hashes)], now, username)
    return _existing(connection, info, number)


def add_many(
    connection: Connection,
    info: KindInfo,
    models: Sequence[tuple[Group, Mapping[str, str | None]]],
    now: datetime,
    username: str,
    on_rows: Callable[[int], None] = lambda rows: None,
) -> list[int]:
    """Add items in their order and number them; `on_rows` hears how many are in. `InvalidInput` names ``row.field``.

    With a single item the field alone is named.
    """
    table, references = TABLES[info.kind], References(connection)
    first = _take_numbers(connection, info.kind, len(models))
    system = {"revision": 1, "created_at": now, "created_by": username, "changed_at": now, "changed_by": username}
    for start in range(0, len(models), _CHUNK):
        chunk = models[start : start + _CHUNK]
        if info.named:
            _refuse_taken(connection, info, [str(model.name) for model, _ in chunk])  # type: ignore[attr-defined]
        rows = []
        for offset, (model, hashes) in enumerate(chunk):
            row = f"{start + offset + 1}." if len(models) > 1 else ""
            columns = _columns(info, model, hashes, references, row)
            rows.append({"id": first + start + offset, **columns, **system})
        connection.execute(insert(table), rows)
        on_rows(start + len(chunk))
    return list(range(first, first + len(models)))


def edit(
    connection: Connection,
    info: KindInfo,
    number: int,
    model: Group,
    hashes: Mapping[str, str | None],
    revision: int | None,
    now: datetime,
    username: str,
) -> ItemRow:
    """Change an item to what `model` says; secrets change only where `hashes` names them.

    `Conflict` unless it still has the `revision` that was seen (none = no check).
    """
    table = TABLES[info.kind]
    present = _existing(connection, info, number, lock=True)
    if revision is not None and present.revision != revision:
        raise Conflict(
            f"{info.title} {present.key} was changed by {present.changed_by} meanwhile; nothing of yours was changed.",
            "Look at it as it is now, then change it again.",
        )
    if info.named and key_of_name(model.name) != key_of_name(present.key):  # type: ignore[attr-defined]
        _refuse_taken(connection, info, [str(model.name)])  # type: ignore[attr-defined]
    columns = _columns(info, model, hashes, References(connection), "")
    columns |= {"revision": present.revision + 1, "changed_at": now, "changed_by": username}
    connection.execute(update(table).where(table.c.id == number).values(columns))
    return _existing(connection, info, number)


def remove(connection: Connection, info: KindInfo, number: int) -> None:
    """Delete an item with its files; what refers to it is cleared, or keeps it from being deleted (`Conflict`)."""
    present = _existing(connection, info, number, lock=True)
    clear_references(connection, info, number, f"{info.title} {present.key}")
    if info.record:
        connection.execute(delete(files).where(files.c.record_kind == info.kind, files.c.record_id == number))
    connection.execute(delete(TABLES[info.kind]).where(TABLES[info.kind].c.id == number))


def _existing(connection: Connection, info: KindInfo, number: int, *, lock: bool = False) -> ItemRow:
    table = TABLES[info.kind]
    query = select(table).where(table.c.id == number)
    row = connection.execute(query.with_for_update() if lock else query).one()
    return _items(connection, info, [row])[0]


def _take_numbers(connection: Connection, kind: Kind, wanted: int) -> int:
    """The first of `wanted` new numbers; the counter's row stays locked until the transaction ends."""
    mine = counters.c.kind == kind
    last = connection.execute(select(counters.c.last).where(mine).with_for_update()).scalar()
    if last is None:
        connection.execute(insert(counters).values(kind=kind, last=wanted))
        return 1
    connection.execute(update(counters).where(mine).values(last=last + wanted))
    return int(last) + 1


def _refuse_taken(connection: Connection, info: KindInfo, names: Sequence[str]) -> None:
    table, keys = TABLES[info.kind], [key_of_name(name) for name in names]
    twice = next((name for at, name in enumerate(names) if len(set(keys)) < len(keys) and keys[at] in keys[:at]), None)
    taken = twice or connection.execute(select(table.c.name).where(table.c.name_key.in_(keys)).limit(1)).scalar()
    if taken is not None:
        raise Conflict(
            f"There is a {info.title.lower()} {taken!r} already; nothing was changed.",
            "Names that differ only in case are the same.",
        )


def _columns(
    info: KindInfo, model: Group, hashes: Mapping[str, str | None], references: References, row: str
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if info.named:
        found["name_key"] = key_of_name(model.name)  # type: ignore[attr-defined]
    for name, field in info.fields.items():
        value, column = getattr(model, name), column_name(field)
        if field.secret:
            if name in hashes:
                found[column] = hashes[name]
        elif field.refers_to:
            found[column] = references.stored(field, value, row)
        else:
            found[column] = list(value) if field.kind == "list" else value
    return found


def _items(connection: Connection, info: KindInfo, rows: Iterable[Row[Any]]) -> list[ItemRow]:
    found: list[Mapping[str, Any]] = [dict(row._mapping) for row in rows]
    references = References(connection)
    for field in info.fields.values():
        references.prepare(field, [row[column_name(field)] for row in found])
    attached = _file_counts(connection, info, [row["id"] for row in found])
    return [_item(info, row, references, attached.get(row["id"], 0)) for row in found]


def _item(info: KindInfo, row: Mapping[str, Any], references: References, attached: int) -> ItemRow:
    values = {n: _shown(f, row[column_name(f)], references) for n, f in info.fields.items() if not f.secret}
    secrets = tuple(n for n, f in info.fields.items() if f.secret and row[column_name(f)] is not None)
    key = str(row["name"]) if info.named else str(row["id"])
    return ItemRow(info.kind, row["id"], key, values, secrets, attached, *(row[name] for name in _SYSTEM))


def _shown(field: Declaration, stored: Any, references: References) -> Any:
    if field.refers_to:
        return references.shown(field, stored)
    return tuple(stored) if field.kind == "list" else stored


def _file_counts(connection: Connection, info: KindInfo, numbers: Sequence[int]) -> dict[int, int]:
    if not info.record or not numbers:
        return {}
    query = (
        select(files.c.record_id, func.count())
        .where(files.c.record_kind == info.kind, files.c.record_id.between(min(numbers), max(numbers)))
        .group_by(files.c.record_id)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


@dataclass(frozen=True, slots=True)
class LoginRow:
    """What a log-in needs to know of a user."""

    number: int
    name: str
    active: bool
    password_hash: str | None
    commands: tuple[str, ...]


def login_row(connection: Connection, username: str) -> LoginRow | None:
    """The user of that name, whatever its case, with the commands of all their groups."""
    return _login(connection, TABLES[Kind.user].c.name_key == key_of_name(username))


def login_row_by_number(connection: Connection, number: int) -> LoginRow | None:
    """The user with that number."""
    return _login(connection, TABLES[Kind.user].c.id == number)


def _login(connection: Connection, condition: Any) -> LoginRow | None:
    users, groups = TABLES[Kind.user], TABLES[Kind.group]
    row = connection.execute(select(users).where(condition)).first()
    if row is None:
        return None
    mine = connection.execute(select(groups.c.commands).where(groups.c.id.in_(row.groups_ids)))
    given = {command for (commands,) in mine for command in commands}
    return LoginRow(row.id, row.name, row.active, row.password_hash, tuple(sorted(given)))


def all_items(connection: Connection, kind: Kind) -> list[ItemRow]:
    """Every item of a kind; for kinds of which there are few."""
    return _items(connection, KINDS[kind], connection.execute(select(TABLES[kind]).order_by(TABLES[kind].c.id)).all())
