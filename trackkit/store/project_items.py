"""Items of a project: rows of the table of their kind, with references as the keys they are written by.

Fails with `InvalidInput` for a reference to what is not there, and with `Conflict` when a name is taken, somebody else
changed the item meanwhile, or something refers to what shall be deleted. A unit of work that fails changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, func, insert, select, update
from sqlalchemy import delete as delete_rows
from sqlalchemy.exc import IntegrityError

from trackkit.domain.declared import Declaration, Group
from trackkit.domain.errors import Conflict, InvalidInput, NotFound, Problem
from trackkit.domain.project.conditions import NUMBER, Condition
from trackkit.domain.project.kind import Kind
from trackkit.domain.project.kinds import KINDS, KindInfo
from trackkit.domain.text import is_one_line
from trackkit.store.project_conditions import as_sql, text_found
from trackkit.store.project_numbers import take_numbers
from trackkit.store.project_references import References, clear_references
from trackkit.store.project_sorting import beyond, in_order, sort_key
from trackkit.store.project_tables import TABLES, column_name, files, key_of_name, number_of_key

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


def find(connection: Connection, info: KindInfo, key: str, *, lock: bool = False) -> ItemRow | None:
    """The item with that key; `lock` keeps it as it is until the transaction ends."""
    table = TABLES[info.kind]
    if not info.named:
        number = number_of_key(key)
        return None if number is None else by_number(connection, info, number, lock=lock)
    if not is_one_line(key.strip()):  # no name is like that, and not every engine takes it
        return None
    return _first(connection, info, select(table).where(table.c.name_key == key_of_name(key)), lock)


def by_number(connection: Connection, info: KindInfo, number: int, *, lock: bool = False) -> ItemRow | None:
    """The item with that number."""
    table = TABLES[info.kind]
    return _first(connection, info, select(table).where(table.c.id == number), lock)


def _first(connection: Connection, info: KindInfo, query: Select[Any], lock: bool) -> ItemRow | None:
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
    key = sort_key(info, sort)
    query = _selected(select(TABLES[info.kind]), info, conditions, text)
    if after is not None:
        query = query.where(beyond(connection, info, key, after, descending))
    query = query.order_by(*in_order(info, key, descending)).limit(limit)
    return _items(connection, info, connection.execute(query).all())


def count(connection: Connection, info: KindInfo, conditions: Sequence[Condition] = (), text: str | None = None) -> int:
    """How many items `page` would list."""
    query = _selected(select(func.count()).select_from(TABLES[info.kind]), info, conditions, text)
    return int(connection.execute(query).scalar_one())


def _selected(query: Select[Any], info: KindInfo, conditions: Sequence[Condition], text: str | None) -> Select[Any]:
    for condition in conditions:
        query = query.where(as_sql(info, condition))
    return query if text is None else query.where(text_found(info, text))


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
    on_row: Callable[[int], None] | None = None,
) -> list[int]:
    """Add items in their order; their numbers. `on_row` hears now and then how many are in, and may raise to stop.

    `InvalidInput` names every reference that fits nothing, as ``row.field``, rows counted from 1 (with a single item
    just ``field``); `Conflict` the first name that is taken.
    """
    many, references = len(models) > 1, References(connection)
    first = take_numbers(connection, info.kind, len(models))
    system = {"revision": 1, "created_at": now, "created_by": username, "changed_at": now, "changed_by": username}
    problems: list[Problem] = []
    for start in range(0, len(models), _CHUNK):
        rows = []
        for at, (model, hashes) in enumerate(models[start : start + _CHUNK], start):
            columns, refused = _columns(info, model, hashes, references, f"{at + 1}." if many else "")
            problems += refused
            rows.append({"id": first + at, **columns, **system})
        if problems:  # the rest is read only to name whatever else is refused
            continue
        if info.named:
            _refuse_taken(connection, info, [row["name"] for row in rows], start if many else None)
        with _undisturbed(info.titles):
            connection.execute(insert(TABLES[info.kind]), rows)
        if on_row is not None:
            on_row(start + len(rows))
    if problems:
        raise _refused(info, problems)
    return list(range(first, first + len(models)))


def reference_problems(
    connection: Connection, info: KindInfo, rows: Iterable[tuple[int, Mapping[str, Any]]]
) -> list[Problem]:
    """The references among the values of rows that fit nothing, as ``row.field``; what else is wrong is left aside."""
    references = References(connection)
    problems: list[Problem] = []
    for number, values in rows:
        for name, field in info.fields.items():
            if field.refers_to and values.get(name) is not None:
                try:
                    references.stored(field, values[name], f"{number}.")
                except InvalidInput as error:
                    problems += error.problems
    return problems


@contextmanager
def _undisturbed(what: str) -> Iterator[None]:
    """What was checked can be changed by somebody else before it is written; then the engine itself refuses."""
    try:
        yield
    except IntegrityError:
        raise Conflict(
            f"{what}: somebody else changed something that this depends on meanwhile; nothing was changed.",
            "Look at it as it is now, then try again.",
        ) from None


def _refused(info: KindInfo, problems: Sequence[Problem]) -> InvalidInput:
    return InvalidInput(f"{info.title} refused; nothing was changed.", problems=problems)


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
        _refuse_taken(connection, info, [str(model.name)], None)  # type: ignore[attr-defined]
    columns, problems = _columns(info, model, hashes, References(connection), "")
    if problems:
        raise _refused(info, problems)
    columns |= {"revision": present.revision + 1, "changed_at": now, "changed_by": username}
    with _undisturbed(f"{info.title} {present.key}"):
        connection.execute(update(table).where(table.c.id == number).values(columns))
    return _existing(connection, info, number)


def delete(connection: Connection, info: KindInfo, number: int) -> None:
    """Delete an item with its files; what refers to it is cleared, or keeps it from being deleted (`Conflict`)."""
    present = _existing(connection, info, number, lock=True)
    clear_references(connection, info, number, f"{info.title} {present.key}")
    if info.record:
        connection.execute(delete_rows(files).where(files.c.record_kind == info.kind, files.c.record_id == number))
    table = TABLES[info.kind]
    with _undisturbed(f"{info.title} {present.key}"):
        connection.execute(delete_rows(table).where(table.c.id == number))


def _existing(connection: Connection, info: KindInfo, number: int, *, lock: bool = False) -> ItemRow:
    found = by_number(connection, info, number, lock=lock)
    if found is None:
        raise NotFound(f"There is no {info.title.lower()} with the number {number} (any more); nothing was changed.")
    return found


def _refuse_taken(connection: Connection, info: KindInfo, names: Sequence[str], start: int | None) -> None:
    """`Conflict` for the first name that is taken, among `names` or in the database; `start` = rows before them."""
    table, keys = TABLES[info.kind], [key_of_name(name) for name in names]
    taken = {row[0] for row in connection.execute(select(table.c.name_key).where(table.c.name_key.in_(keys)))}
    for at, key in enumerate(keys):
        if key in taken:
            where = "name" if start is None else f"{start + at + 1}.name"
            raise Conflict(
                f"There is a {info.title.lower()} {names[at]!r} already; nothing was changed.",
                "Names that differ only in case are the same.",
                problems=[Problem(where, "is taken")],
            )
        taken.add(key)


def _columns(
    info: KindInfo, model: Group, hashes: Mapping[str, str | None], references: References, row: str
) -> tuple[dict[str, Any], list[Problem]]:
    """The values by column, and which of them fit nothing."""
    found: dict[str, Any] = {}
    problems: list[Problem] = []
    if info.named:
        found["name_key"] = key_of_name(model.name)  # type: ignore[attr-defined]
    for name, field in info.fields.items():
        value, column = getattr(model, name), column_name(field)
        if field.secret:
            if name in hashes:
                found[column] = hashes[name]
        elif field.refers_to:
            try:
                found[column] = references.stored(field, value, row)
            except InvalidInput as error:
                problems += error.problems
        else:
            found[column] = list(value) if field.kind == "list" else value
    return found, problems


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
    if not is_one_line(username.strip()):
        return None
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
