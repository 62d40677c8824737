"""Leasing what is due: the table's ``claim`` row (`trackkit.domain.delivery`), done as a single UPDATE.

What it costs does not depend on how many messages wait: the first ones of each state come from the index.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    bindparam,
    func,
    select,
    union_all,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from trackkit.domain.delivery import State
from trackkit.domain.message import MailType
from trackkit.store.columns import Instant
from trackkit.store.queue import DUE, KEYS
from trackkit.store.tables import bodies, messages, recipients


@dataclass(frozen=True, slots=True)
class ClaimedMessage:
    """A message leased to a worker, with the recipients to try."""

    message_id: int
    mail_from: str
    raw: bytes
    recipients: tuple[tuple[int, str, MailType], ...]
    """(recipient id, address, its type) of each."""
    submitted_by: str


ALL_TYPES: Final = frozenset(MailType)

_NOW = bindparam("b_now", type_=Instant)


def claim(
    connection: Connection,
    worker: str,
    now: datetime,
    lease: timedelta,
    limit: int,
    limit_bytes: int,
    besides: Collection[str] = (),
    types: frozenset[MailType] = ALL_TYPES,
) -> list[ClaimedMessage]:
    """Lease messages that are due to `worker`, the longest due first: at most `limit`, fewer where some have many
    recipients (only so many are looked at), and no more once their sizes add up to `limit_bytes` (but at least one).
    Recipients in one of the domains `besides`, and of other types than these, are not looked at."""
    due, leasing = _claiming(besides, types) if besides else _claiming_all(types)
    chosen = _first_due(connection.execute(due, {"b_now": now, "b_limit": limit}), limit_bytes)
    if not chosen:
        return []
    values = {"b_keys": chosen, "b_now": now, "b_worker": worker, "b_until": now + lease}
    by_message: dict[int, list[tuple[int, str, MailType]]] = {key: [] for key in chosen}
    for message_id, recipient_id, address, mail_type in connection.execute(leasing, values):
        by_message[message_id].append((recipient_id, address, mail_type))
    rows = {row[0]: row for row in connection.execute(_WITH_BODY, {"b_keys": chosen})}
    return [
        ClaimedMessage(key, rows[key][1], rows[key][2], tuple(sorted(found)), rows[key][3])
        for key, found in by_message.items()
        if found
    ]


def _claiming(besides: Collection[str], types: frozenset[MailType]) -> tuple[Select[Any], ReturningUpdate[Any]]:
    """What finds the messages that are due, and what leases all of them that is due."""
    r, m = recipients, messages
    not_there = [~_in_domain(domain) for domain in besides]
    if types != ALL_TYPES:
        not_there.append(r.c.mail_type.in_(sorted(types)))
    # A state at a time, so that the index gives the first ones without reading all that are due.
    firsts = [
        select(r.c.message_id, r.c.next_attempt_at)
        .where(r.c.state == state, r.c.next_attempt_at <= _NOW, *not_there)
        .order_by(r.c.next_attempt_at)
        .limit(bindparam("b_limit", type_=Integer))
        .subquery()
        for state in DUE
    ]
    first = union_all(*(select(one) for one in firsts)).subquery()
    due = (
        select(m.c.id, m.c.size)
        .join(first, first.c.message_id == m.c.id)
        .order_by(first.c.next_attempt_at, m.c.id)
        .limit(bindparam("b_limit", type_=Integer))
    )
    locked = select(r.c.id).where(r.c.message_id.in_(KEYS), r.c.state.in_(DUE), r.c.next_attempt_at <= _NOW, *not_there)
    leasing = (
        update(r)
        .where(r.c.id.in_(locked.with_for_update(skip_locked=True)))
        .values(state=State.active, worker=bindparam("b_worker"), leased_until=bindparam("b_until", type_=Instant))
        .returning(r.c.message_id, r.c.id, r.c.address, r.c.mail_type)
    )
    return due, leasing


def _in_domain(domain: str) -> ColumnElement[bool]:
    return func.lower(recipients.c.address).endswith(f"@{domain.lower()}", autoescape=True)


@cache
def _claiming_all(types: frozenset[MailType]) -> tuple[Select[Any], ReturningUpdate[Any]]:
    return _claiming((), types)


_WITH_BODY = (
    select(messages.c.id, messages.c.mail_from, bodies.c.raw, messages.c.submitted_by)
    .join_from(messages, bodies)
    .where(messages.c.id.in_(KEYS))
)


def _first_due(rows: Iterable[Row[int, int]], limit_bytes: int) -> list[int]:
    """The messages, each once, until their sizes add up to the limit."""
    chosen: dict[int, None] = {}
    total = 0
    for key, size in rows:
        if key in chosen:
            continue
        if chosen and total + size > limit_bytes:
            break
        chosen[key] = None
        total += size
    return list(chosen)
