"""How often each row of the diagnosis matched, and replies that no recogniser knows.

Several processes add to the same rows, each once a minute and in the order of the keys, so that none waits for another
that waits for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from trackkit.domain.replies import Stage
from trackkit.store.diagnosis_tables import diagnosis_counts, unknown_replies


@dataclass(frozen=True, slots=True)
class Matched:
    """A row of the diagnosis: how many tries ended in it, and when it matched last."""

    cause: str
    tries: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class UnknownReply:
    """Replies that are alike; `text` and `host` are the last one's."""

    key: str
    smtp_code: int | None
    enhanced_code: str
    text: str
    stage: Stage
    host: str
    tries: int
    first_at: datetime
    last_at: datetime


def add(connection: Connection, matched: Sequence[Matched]) -> None:
    """Add to what was counted before."""
    t = diagnosis_counts
    new = _insert(connection, t)
    for one in matched:
        values = {"tries": t.c.tries + one.tries, "last_at": one.last_at}
        connection.execute(new.values(**asdict(one)).on_conflict_do_update(index_elements=["cause"], set_=values))


def add_unknown(connection: Connection, replies: Sequence[UnknownReply], kept: int) -> None:
    """Add to what is known of these replies; only the latest `kept` stay."""
    t = unknown_replies
    new = _insert(connection, t)
    for one in replies:
        values = {"tries": t.c.tries + one.tries, "last_at": one.last_at, "text": one.text, "host": one.host}
        connection.execute(new.values(**asdict(one)).on_conflict_do_update(index_elements=["key"], set_=values))
    if replies:
        latest = select(t.c.key).order_by(t.c.last_at.desc(), t.c.key).limit(kept)
        connection.execute(delete(t).where(t.c.key.not_in(latest.subquery().select())))


def all_matched(connection: Connection) -> dict[str, Matched]:
    """By cause."""
    return {row.cause: Matched(**row._mapping) for row in connection.execute(select(diagnosis_counts))}


def all_unknown(connection: Connection) -> list[UnknownReply]:
    """The latest first."""
    t = unknown_replies
    return [UnknownReply(**row._mapping) for row in connection.execute(select(t).order_by(t.c.last_at.desc(), t.c.key))]


def _insert(connection: Connection, table: Table) -> Any:
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)
