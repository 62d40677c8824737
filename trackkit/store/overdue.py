"""Which records are late, and of which of them somebody was told."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

from sqlalchemy import Connection, and_, delete, insert, or_, select

from trackkit.domain.project.kind import Kind
from trackkit.store.project_tables import TABLES, overdue_told


def untold(
    connection: Connection, kind: Kind, today: date, done: Collection[str], limit: int
) -> list[tuple[int, date]]:
    """Records that were due before today, are in none of the statuses `done`, and of whose due date nobody was told:
    number and due date, the oldest first."""
    table, told = TABLES[kind], overdue_told
    of_it = and_(told.c.record_kind == kind, told.c.record == table.c.id)
    query = (
        select(table.c.id, table.c.due_on)
        .outerjoin_from(table, told, of_it)
        .where(table.c.due_on < today, table.c.status.not_in(done))
        .where(or_(told.c.due_on.is_(None), told.c.due_on != table.c.due_on))
        .order_by(table.c.due_on, table.c.id)
        .limit(limit)
    )
    return [(row.id, row.due_on) for row in connection.execute(query)]


def note(connection: Connection, kind: Kind, records: Sequence[tuple[int, date]]) -> None:
    """Somebody was told of these; they are not told of again while the due date stays."""
    if not records:
        return
    numbers = [number for number, _ in records]
    connection.execute(
        delete(overdue_told).where(overdue_told.c.record_kind == kind, overdue_told.c.record.in_(numbers))
    )
    rows = [{"record_kind": kind, "record": number, "due_on": due_on} for number, due_on in records]
    connection.execute(insert(overdue_told), rows)
