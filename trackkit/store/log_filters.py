"""Rows of saved log filters. One without an owner is shared; the others go with the user who owns them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from trackkit.domain.errors import Conflict
from trackkit.domain.log_filters import filter_key
from trackkit.store.tables import log_filters

_SHARED = "shared"


@dataclass(frozen=True, slots=True)
class FilterRow:
    """A filter as stored; `conditions` are those of `contract.log_filters.FilterConditions` in JSON."""

    id: int
    owner_id: int | None
    name: str
    conditions: Mapping[str, Any]
    saved_by: str
    saved_at: datetime


_COLUMNS = tuple(log_filters.c[name] for name in ("id", "owner_id", "name", "conditions", "saved_by", "saved_at"))


def filters_for(connection: Connection, owner_id: int) -> list[FilterRow]:
    """That user's own, then the shared ones, each by name."""
    mine = log_filters.c.scope.in_([str(owner_id), _SHARED])
    order = (log_filters.c.owner_id.is_(None), log_filters.c.name_key)
    return [FilterRow(*row) for row in connection.execute(select(*_COLUMNS).where(mine).order_by(*order))]


def find_filter(connection: Connection, owner_id: int | None, name: str) -> FilterRow | None:
    """The filter of that name, kept until the transaction ends; no owner = a shared one."""
    wanted = (log_filters.c.scope == _scope(owner_id)) & (log_filters.c.name_key == filter_key(name.strip()))
    row = connection.execute(select(*_COLUMNS).where(wanted).with_for_update()).first()
    return FilterRow(*row) if row else None


def count_filters(connection: Connection, owner_id: int | None) -> int:
    """How many that user has, or how many shared ones there are."""
    query = select(func.count()).select_from(log_filters).where(log_filters.c.scope == _scope(owner_id))
    return int(connection.execute(query).scalar_one())


def put_filter(
    connection: Connection,
    found: FilterRow | None,
    owner_id: int | None,
    name: str,
    conditions: Mapping[str, Any],
    saved_by: str,
    now: datetime,
) -> None:
    """Add it, or write it over the one that was found; `Conflict` when somebody else added it meanwhile."""
    values = {"name": name, "conditions": dict(conditions), "saved_by": saved_by, "saved_at": now}
    if found is not None:
        connection.execute(update(log_filters).where(log_filters.c.id == found.id).values(values))
        return
    key = {"owner_id": owner_id, "scope": _scope(owner_id), "name_key": filter_key(name)}
    try:
        with connection.begin_nested():
            connection.execute(insert(log_filters).values(**values, **key))
    except IntegrityError:
        raise Conflict(f"A filter {name!r} was saved by somebody else meanwhile; nothing was changed.") from None


def delete_filter(connection: Connection, filter_id: int) -> None:
    """Delete it."""
    connection.execute(delete(log_filters).where(log_filters.c.id == filter_id))


def _scope(owner_id: int | None) -> str:
    """Whose names it must differ from: a unique key counts nulls as different."""
    return _SHARED if owner_id is None else str(owner_id)
