"""Numbers of items, of attached files and of outgoing mail: counted up in the database, never given twice, not even at
the same moment.

Whoever took one holds the counter's row until the transaction ends.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Table, Text, bindparam, cast, func
from sqlalchemy.dialects import postgresql, sqlite

from trackkit.domain.project.kind import Kind
from trackkit.store.prepared import Prepared
from trackkit.store.project_tables import counters, facts

_LAST_FILE: Final = "last_file"
_LAST_OUTGOING: Final = "last_outgoing"


def take_numbers(connection: Connection, kind: Kind, wanted: int) -> int:
    """The first of `wanted` new numbers of a kind."""
    ((last,),) = _taking(connection.dialect.name).rows(connection, {"b_kind": kind, "b_wanted": wanted})
    return int(last) - wanted + 1


@cache
def _taking(dialect: str) -> Prepared:
    wanted = bindparam("b_wanted", type_=counters.c.last.type)
    new = _insert(dialect, counters).values(kind=bindparam("b_kind", type_=counters.c.kind.type), last=wanted)
    taken = new.on_conflict_do_update(index_elements=["kind"], set_={"last": counters.c.last + wanted})
    return Prepared(taken.returning(counters.c.last))


def take_file_numbers(connection: Connection, wanted: int) -> int:
    """The first of `wanted` new numbers for attached files."""
    return _count_up(connection, _LAST_FILE, wanted) - wanted + 1


def take_outgoing_numbers(connection: Connection, wanted: int, now: datetime) -> int:
    """The first of `wanted` new numbers for mail on its way out; transactions that take some commit in their order.

    None is below the microseconds of the clock: the main database remembers which ones it has, also when the files of
    the project are put back from an older copy, with an older counter in them.
    """
    lowest = int(now.timestamp() * 1_000_000)
    return _count_up(connection, _LAST_OUTGOING, wanted, lowest) - wanted + 1


def _count_up(connection: Connection, name: str, wanted: int, lowest: int = 1) -> int:
    first = lowest + wanted - 1
    larger = func.max if connection.dialect.name == "sqlite" else func.greatest
    following = larger(cast(facts.c.value, BigInteger) + wanted, first)
    new = _insert(connection.dialect.name, facts).values(name=name, value=str(first))
    taken = new.on_conflict_do_update(index_elements=["name"], set_={"value": cast(following, Text)})
    return int(connection.execute(taken.returning(facts.c.value)).scalar_one())


def _insert(dialect: str, table: Table) -> Any:
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
