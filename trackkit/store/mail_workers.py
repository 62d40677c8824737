"""The mail workers of this server, each with its last sign and the connections it may still have open.

A lease in the queue names its holder, `holder_of`. Whoever claims locks its own row, whoever takes a worker for lost
changes it: so nobody gets a lease after it was taken for lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, text, update

from trackkit.store.columns import EPOCH
from trackkit.store.tables import mail_workers


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """A worker, there or lost."""

    life: int
    name: str
    joined_at: datetime
    seen_at: datetime
    connections: int
    lost_at: datetime | None


def holder_of(name: str, life: int) -> str:
    """How the leases of a worker name it."""
    return f"{name}:{life}"


def never_idle(connection: Connection) -> None:
    """Locks of this transaction hinder nobody for long: PostgreSQL ends it when its process stops in the middle of it.

    Else a worker whose machine is suspended or cut off could stop the mail of all.
    """
    if connection.dialect.name != "sqlite":
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = '10s'"))


def join(connection: Connection, name: str, now: datetime) -> int:
    """Add a worker; its life."""
    values = {"name": name, "joined_at": now, "seen_at": now, "connections": 0}
    life: int = connection.execute(insert(mail_workers).values(values).returning(mail_workers.c.id)).scalar_one()
    return life


def leave(connection: Connection, life: int) -> None:
    """Remove a worker that ends in order."""
    connection.execute(delete(mail_workers).where(mail_workers.c.id == life))


def forget(connection: Connection, name: str | None) -> None:
    """Remove every life of that name, or of any (none): whoever says so knows that they are over."""
    those = () if name is None else (mail_workers.c.name == name,)
    connection.execute(delete(mail_workers).where(*those))


def forget_lost(connection: Connection, before: datetime) -> None:
    """Remove those that were lost before that."""
    connection.execute(delete(mail_workers).where(mail_workers.c.lost_at < before))


def is_there(connection: Connection, life: int) -> bool:
    """Whether a worker is there, and stays so until the transaction ends."""
    w = mail_workers.c
    query = select(w.id).where(w.id == life, w.lost_at.is_(None)).with_for_update(read=True)
    return connection.execute(query).first() is not None


def present(connection: Connection, *, lock: bool = False) -> list[WorkerRow]:
    """The workers that are there, the oldest first."""
    query = select(mail_workers).where(mail_workers.c.lost_at.is_(None)).order_by(mail_workers.c.id)
    rows = connection.execute(query.with_for_update() if lock else query)
    return [WorkerRow(*row) for row in rows]


def lost(connection: Connection, since: datetime) -> list[WorkerRow]:
    """Those that were lost since then, the last one first."""
    w = mail_workers.c
    rows = connection.execute(select(mail_workers).where(w.lost_at >= since).order_by(w.lost_at.desc()))
    return [WorkerRow(*row) for row in rows]


def set_sign(connection: Connection, life: int, now: datetime, connections: int) -> None:
    """A worker is there, and may have so many connections open."""
    values = {"seen_at": now, "connections": connections}
    connection.execute(update(mail_workers).where(mail_workers.c.id == life).values(values))


def set_lost(connection: Connection, lives: Iterable[int], now: datetime) -> None:
    """These are lost; what they had open is nobody's any more."""
    values = {"lost_at": now, "connections": 0}
    connection.execute(update(mail_workers).where(mail_workers.c.id.in_(list(lives))).values(values))


def clock(connection: Connection) -> datetime:
    """The time on the database's machine (PostgreSQL)."""
    seconds = connection.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one()
    return EPOCH.fromtimestamp(float(seconds), EPOCH.tzinfo)
