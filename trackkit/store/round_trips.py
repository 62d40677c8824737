"""Probe mails that went out to a tracking address, and whether they came back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from trackkit.domain.message import queue_number
from trackkit.store.tables import messages
from trackkit.store.tracking_tables import round_trips


def put(connection: Connection, token: str, mailbox: str, queue_id: str, at: datetime) -> None:
    """A probe was queued."""
    connection.execute(insert(round_trips).values(token=token, mailbox=mailbox, queue_id=queue_id, sent_at=at))


def last_sent(connection: Connection) -> dict[str, datetime]:
    """When the last probe went out, for each account."""
    query = select(round_trips.c.mailbox, func.max(round_trips.c.sent_at).label("at")).group_by(round_trips.c.mailbox)
    return {row.mailbox: row.at for row in connection.execute(query)}


@dataclass(frozen=True, slots=True)
class Missing:
    """A probe that has not come back, nor any that was sent after it. `waits`: it is in the queue still."""

    mailbox: str
    queue_id: str
    sent_at: datetime
    waits: bool


def missing(connection: Connection, until: datetime) -> list[Missing]:
    """Of each account the first probe that was sent up to then and is missing."""
    table = round_trips
    back = (
        select(table.c.mailbox, func.max(table.c.sent_at).label("at"))
        .where(table.c.returned_at.is_not(None))
        .group_by(table.c.mailbox)
        .subquery()
    )
    query = (
        select(table.c.mailbox, table.c.queue_id, table.c.sent_at)
        .outerjoin_from(table, back, back.c.mailbox == table.c.mailbox)
        .where(table.c.returned_at.is_(None), table.c.sent_at <= until)
        .where(back.c.at.is_(None) | (table.c.sent_at > back.c.at))
        .order_by(table.c.sent_at.desc())
    )
    first = {row.mailbox: row for row in connection.execute(query)}
    numbers = [queue_number(row.queue_id) for row in first.values()]
    waiting = set(connection.execute(select(messages.c.id).where(messages.c.id.in_(numbers))).scalars())
    return [
        Missing(row.mailbox, row.queue_id, row.sent_at, queue_number(row.queue_id) in waiting) for row in first.values()
    ]


def purge(connection: Connection, until: datetime) -> None:
    """Forget probes that were sent before then."""
    connection.execute(delete(round_trips).where(round_trips.c.sent_at < until))
