"""Leasing what is due: the table's ``claim`` row (`trackkit.domain.delivery`).

First `due` finds what could be leased, reading only; then `lease` takes those of it that nobody has taken meanwhile, as
a single UPDATE a few hundred recipients; then `contents` gets the messages themselves. So only what has to be in the
writer's turn is in it. What it costs does not depend on how many messages wait: the first ones of each state come from
the index.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    bindparam,
    func,
    select,
    union_all,
    update,
)

from trackkit.domain.delivery import State
from trackkit.domain.message import MailType
from trackkit.store.columns import Instant
from trackkit.store.prepared import LONGEST, Prepared, listed
from trackkit.store.queue import DUE, chunks, state_in
from trackkit.store.tables import bodies, messages, recipients


@dataclass(frozen=True, slots=True)
class DueMessage:
    """A message that is due, with those of its recipients that are."""

    message_id: int
    recipients: tuple[tuple[int, str, MailType], ...]
    """(recipient id, address, its type) of each."""


class Content(NamedTuple):
    """What is sent of a message."""

    mail_from: str
    raw: bytes
    submitted_by: str


ALL_TYPES: Final = frozenset(MailType)

_NOW = bindparam("b_now", type_=Instant)


def due(
    connection: Connection,
    now: datetime,
    limit: int,
    limit_bytes: int,
    besides: Collection[str] = (),
    types: frozenset[MailType] = ALL_TYPES,
) -> list[DueMessage]:
    """Messages that are due, the longest due first: at most `limit`, fewer where some have many recipients (only so
    many are looked at), and no more once their sizes add up to `limit_bytes` (but at least one). Recipients in one of
    the domains `besides`, and of other types than these, are not looked at."""
    first, all_of = _finding(frozenset(besides), types)
    chosen = _first_due(first.rows(connection, {"b_now": now, "b_limit": min(limit, LONGEST)}), limit_bytes)
    by_message: dict[int, list[tuple[int, str, MailType]]] = {key: [] for key in chosen}
    if chosen:
        for message_id, *recipient in all_of.rows(connection, {"b_now": now}, b_keys=chosen):
            by_message[message_id].append(tuple(recipient))
    return [DueMessage(key, tuple(found)) for key, found in by_message.items()]


def lease(
    connection: Connection, worker: str, now: datetime, until: datetime, wanted: Sequence[DueMessage]
) -> list[DueMessage]:
    """Lease these to `worker`; those that could be, with the recipients that could be.

    Parameters
    ----------
    until: the end of the lease; no other lease of this worker ends at that instant.
    """
    ids = [key for message in wanted for key, _, _ in message.recipients]
    values = {"b_now": now, "b_worker": worker, "b_until": until}
    leased = sum(_LEASE.changed(connection, values, b_ids=part) for part in chunks(ids))
    if leased == len(ids):
        return list(wanted)
    mine = {"b_worker": worker, "b_until": until}
    held = {key for part in chunks(ids) for (key,) in _HELD.rows(connection, mine, b_ids=part)}
    return list(_only(held, wanted))


def contents(connection: Connection, keys: Sequence[int]) -> dict[int, Content]:
    """The messages by number."""
    return {row[0]: Content(*row[1:]) for part in chunks(keys) for row in _CONTENTS.rows(connection, {}, b_keys=part)}


def _only(held: Collection[int], wanted: Iterable[DueMessage]) -> Iterator[DueMessage]:
    for message in wanted:
        found = tuple(one for one in message.recipients if one[0] in held)
        if found:
            yield replace(message, recipients=found)


@lru_cache(maxsize=64)
def _finding(besides: frozenset[str], types: frozenset[MailType]) -> tuple[Prepared, Prepared]:
    """What finds the messages that are due, and all of them that is due."""
    r, m = recipients, messages
    not_there = [~_in_domain(domain) for domain in sorted(besides)]
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
    found = (
        select(m.c.id, m.c.size)
        .join(first, first.c.message_id == m.c.id)
        .order_by(first.c.next_attempt_at, m.c.id)
        .limit(bindparam("b_limit", type_=Integer))
    )
    all_of = (
        select(r.c.message_id, r.c.id, r.c.address, r.c.mail_type)
        .where(r.c.message_id.in_(listed("b_keys")), state_in(*DUE), r.c.next_attempt_at <= _NOW, *not_there)
        .order_by(r.c.id)
    )
    return Prepared(found), Prepared(all_of)


def _in_domain(domain: str) -> ColumnElement[bool]:
    return func.lower(recipients.c.address).endswith(f"@{domain.lower()}", autoescape=True)


_FREE = (
    select(recipients.c.id)
    .where(recipients.c.id.in_(listed("b_ids")), state_in(*DUE), recipients.c.next_attempt_at <= _NOW)
    .with_for_update(skip_locked=True)
)
_LEASE = Prepared(
    update(recipients)
    .where(recipients.c.id.in_(_FREE))
    .values(state=State.active, worker=bindparam("b_worker"), leased_until=bindparam("b_until", type_=Instant))
)
_HELD = Prepared(
    select(recipients.c.id).where(
        recipients.c.id.in_(listed("b_ids")),
        recipients.c.worker == bindparam("b_worker"),
        recipients.c.leased_until == bindparam("b_until", type_=Instant),
        state_in(State.active),
    )
)
_CONTENTS = Prepared(
    select(messages.c.id, messages.c.mail_from, bodies.c.raw, messages.c.submitted_by)
    .join_from(messages, bodies)
    .where(messages.c.id.in_(listed("b_keys")))
)


def _first_due(rows: Iterable[tuple[int, int]], limit_bytes: int) -> list[int]:
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
