"""How entries of the server log that match a filter are found: by which index, between which ids.

The order is always that of the ids, whatever jumps the clock made. A range of time becomes a range of ids by the
summary, which may be too wide and never too narrow; the times themselves are compared as well. One index leads, that
of the condition with the fewest entries as counted beforehand; the other conditions are written so that no planner is
tempted to use theirs and sort.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    and_,
    func,
    literal_column,
    or_,
    select,
    true,
    type_coerce,
    union_all,
)

from trackkit.domain.log import LogFilter, Severity
from trackkit.store import log_summary
from trackkit.store.columns import microseconds
from trackkit.store.log_tables import entries
from trackkit.store.text import holds, text_value

SMALL: Final = 20_000
"""So many entries are looked through one by one without further thought."""

Found = Select[Any] | CompoundSelect[Any]
"""A query of entries."""

_NAMES: Final = ("username", "client_address", "database", "source")


@dataclass(frozen=True, slots=True)
class Plan:
    """How to find the entries: at most `rows` of them, counted no further than `SMALL`, lie on the way."""

    wanted: LogFilter
    first_id: int
    last_id: int
    by: str | None
    """The column whose index leads: ``severity``, one of a name, or none: the entries one after the other."""
    rows: int

    @property
    def is_small(self) -> bool:
        """Whether looking through everything on the way takes no time worth speaking of."""
        return self.rows <= SMALL

    def between(self, first_id: int, last_id: int) -> Plan:
        """The same for a part of the ids."""
        return Plan(self.wanted, max(self.first_id, first_id), min(self.last_id, last_id), by=self.by, rows=self.rows)

    def select(self, *columns: Any) -> Select[Any]:
        """A query of these columns, in no order."""
        return select(*columns).where(condition(self.wanted, self.by), self.ids)

    def page(self, limit: int, *, oldest_first: bool, columns: Sequence[Any]) -> Found:
        """The first `limit` of them in the order of their ids; columns of `entries`, ``id`` among them.

        Levels are read each by itself, in order, and merged: one index for several of them would need sorting. Each is
        limited by itself, too: PostgreSQL would else read all of them before it sorts.
        """
        order = entries.c.id.asc() if oldest_first else entries.c.id.desc()
        if self.by != "severity" or len(self.wanted.severities) == 1:
            return self.select(*columns).order_by(order).limit(limit)
        levels = (
            select(*columns)
            .where(entries.c.severity == int(s), condition(self.wanted, "levels"), self.ids)
            .order_by(order)
            .limit(limit)
            .subquery()
            for s in self.wanted.severities
        )
        parts = [select(level) for level in levels]
        key: ColumnElement[int] = literal_column("id")
        return union_all(*parts).order_by(key.asc() if oldest_first else key.desc()).limit(limit)

    @property
    def ids(self) -> ColumnElement[bool]:
        """Between its ids."""
        return and_(entries.c.id >= self.first_id, entries.c.id <= self.last_id)


def plan(connection: Connection, wanted: LogFilter) -> Plan | None:
    """How to find what matches; none when nothing does."""
    if wanted.since is not None and wanted.until is not None and wanted.since >= wanted.until:
        return None
    if wanted.since is None and wanted.until is None and not _some_levels(wanted):
        known = log_summary.everything(connection)
    else:
        known = log_summary.bounds(connection, wanted.severities, wanted.since, wanted.until)
    if known is None:
        return None
    best = Plan(wanted, known.first_id, known.last_id, "severity" if _some_levels(wanted) else None, known.entries)
    for name in _NAMES:
        if best.is_small:
            break
        if getattr(wanted, name):
            number = _probe(connection, name, best)
            if number < best.rows and (number <= SMALL or best.by in (None, "severity")):
                best = Plan(wanted, known.first_id, known.last_id, name, number)
    return best


def is_by_summary(wanted: LogFilter) -> bool:
    """Whether the summary knows everything the filter asks for."""
    return wanted.text is None and all(getattr(wanted, name) is None for name in _NAMES)


def only_name(wanted: LogFilter) -> str | None:
    """The one name that is all the filter asks for, and whose index therefore can count; none = there is more."""
    given = [name for name in _NAMES if getattr(wanted, name) is not None]
    more = wanted.text is not None or wanted.since is not None or wanted.until is not None or _some_levels(wanted)
    return given[0] if len(given) == 1 and getattr(wanted, given[0]) and not more else None


def condition(wanted: LogFilter, by: str | None = None) -> ColumnElement[bool]:
    """What an entry has to fulfil; only the condition on `by` may use an index. ``levels``: that is seen to."""
    conditions: list[ColumnElement[bool]] = []
    if _some_levels(wanted) and by != "levels":
        level = entries.c.severity if by == "severity" else entries.c.severity + literal_column("0")
        conditions.append(level.in_([int(s) for s in wanted.severities]))
    at = type_coerce(entries.c.at, BigInteger) + literal_column("0")
    if wanted.since is not None:
        conditions.append(at >= microseconds(wanted.since))
    if wanted.until is not None:
        conditions.append(at < microseconds(wanted.until))
    for name in _NAMES:
        value = getattr(wanted, name)
        if value is not None:
            conditions.append(_equal(name, value, leading=name == by))
    if wanted.text is not None:
        part = text_value(wanted.text)
        conditions.append(or_(holds(entries.c.message, part), holds(entries.c.details, part)))
    return and_(true(), *conditions)


def _some_levels(wanted: LogFilter) -> bool:
    return set(wanted.severities) != set(Severity)


def _equal(name: str, value: str, *, leading: bool) -> ColumnElement[bool]:
    column: Column[str] = entries.c[name]
    if not leading:
        return column + literal_column("''") == text_value(value)
    if name == "source":
        return column == text_value(value)
    return and_(column == text_value(value), column != literal_column("''"))  # what its index is restricted to


def _probe(connection: Connection, name: str, within: Plan) -> int:
    """How many entries have that name, counted no further than one over `SMALL`."""
    value = _equal(name, getattr(within.wanted, name), leading=True)
    some = select(literal_column("1")).select_from(entries).where(value, within.ids).limit(SMALL + 1).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one()
