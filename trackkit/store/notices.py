"""What notifications to senders need to know of messages, and remember of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, update

from trackkit.store.tables import messages


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message of the queue, as a notification names it."""

    message_id: str
    subject: str
    queued_at: datetime
    warned_at: datetime | None
    """When its sender was told that it is late."""


def waiting(connection: Connection, keys: Iterable[int]) -> dict[int, Waiting]:
    """These messages, locked: two workers that settle parts of one at once tell of its delay once."""
    m = messages
    query = select(m.c.id, m.c.message_id, m.c.subject, m.c.queued_at, m.c.warned_at)
    query = query.where(m.c.id.in_(sorted(keys))).order_by(m.c.id).with_for_update(key_share=True)
    return {row[0]: Waiting(*row[1:]) for row in connection.execute(query)}


def note_warnings(connection: Connection, keys: Collection[int], at: datetime) -> None:
    """Remember whose senders were told that they are late."""
    if not keys:
        return
    connection.execute(update(messages).where(messages.c.id.in_(sorted(keys))).values(warned_at=at))
