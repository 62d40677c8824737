"""The history of mail: pages of it, and deleting its old lines. Nothing here touches the queue.

A line is written by `trackkit.store.queue.add_history`, in the transaction that settles the sending.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, delete, func, select, true

from trackkit.store.tables import history
from trackkit.store.text import holds, text_value


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """A recipient that was sent to."""

    id: int
    queue_id: int
    message_id: str
    mail_from: str
    recipient: str
    subject: str
    queued_at: datetime
    sent_at: datetime
    host: str
    reply: str
    tries: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines; every condition must hold. Texts are found anywhere in theirs."""

    recipient: str | None = None
    mail_from: str | None = None
    message_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def page(connection: Connection, wanted: Wanted, before: int | None, limit: int) -> list[HistoryRow]:
    """Lines that match and are older than `before`, newest first."""
    query = select(history).where(_condition(wanted)).order_by(history.c.id.desc()).limit(limit)
    rows = connection.execute(query if before is None else query.where(history.c.id < before))
    return [HistoryRow(**row._mapping) for row in rows]


def count(connection: Connection, wanted: Wanted, most: int) -> int:
    """How many lines match; it is not counted beyond `most`."""
    some = select(history.c.id).where(_condition(wanted)).limit(most).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one()


def older(connection: Connection, until: datetime, after: int, limit: int) -> list[int]:
    """Ids of lines about mail that was sent before that instant, in order, from behind `after`."""
    query = select(history.c.id).where(history.c.id > after, history.c.sent_at < until)
    return list(connection.execute(query.order_by(history.c.id).limit(limit)).scalars())


def remove(connection: Connection, ids: Sequence[int]) -> int:
    """Delete these lines; how many there still were."""
    return connection.execute(delete(history).where(history.c.id.in_(ids))).rowcount


def _condition(wanted: Wanted) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [true()]
    for name in ("recipient", "mail_from", "message_id"):
        part = getattr(wanted, name)
        if part is not None:
            conditions.append(holds(history.c[name], text_value(part)))
    if wanted.since is not None:
        conditions.append(history.c.sent_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(history.c.sent_at < wanted.until)
    return and_(*conditions)
