"""The mail queue's writing side: enqueue, claim, settle, and the administrators' verbs.

Every change is guarded: a row changes only while it is still in the state it was read in, so that two workers or a
worker and an administrator can never both win. What a change means is decided by `trackkit.domain.delivery.step`;
here it is only written down. The one exception is `claim`, which does the table's ``claim`` row as a single UPDATE.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, bindparam, case, delete, exists, func, insert, or_, select, update

from trackkit.domain.delivery import UNDO_WINDOW, State, Status
from trackkit.domain.message import Envelope, MailType
from trackkit.domain.replies import Outcome
from trackkit.store.tables import attempts, bodies, history, messages, recipients

T = TypeVar("T")

_CHUNK = 500
"""Ids in one IN (…); SQLite and the driver of PostgreSQL both bound the number of parameters."""

_DUE = (State.queued, State.deferred)


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while part := list(islice(rest, _CHUNK)):
        yield part


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to be queued, with what lists show of it."""

    raw: bytes
    envelope: Envelope
    message_id: str
    subject: str
    submitted_by: str
    on_top: Callable[[int], bytes] | None = None
    """Makes of its number what is stored before it; the size is that of the message alone."""


@dataclass(frozen=True, slots=True)
class RecipientStatus:
    """A recipient as the state machine sees it."""

    recipient_id: int
    message_id: int
    address: str
    status: Status


@dataclass(frozen=True, slots=True)
class ClaimedMessage:
    """A message leased to a worker, with the recipients to try."""

    message_id: int
    mail_from: str
    raw: bytes
    recipients: tuple[tuple[int, str], ...]
    """(recipient id, address) of each."""
    submitted_by: str


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One try for one recipient, to be kept."""

    message_id: int
    recipient: str
    started_at: datetime
    ended_at: datetime
    host: str
    outcome: Outcome


_NEW_MESSAGES = insert(messages).returning(messages.c.id, sort_by_parameter_order=True)
_NEW_BODIES, _NEW_RECIPIENTS = insert(bodies), insert(recipients)
"""Made once: to put a statement together takes longer than to carry it out."""


def enqueue(connection: Connection, new: NewMessage, status: Status, now: datetime) -> int:
    """Store a message with its recipients; its number in the queue."""
    return enqueue_all(connection, [new], status, now)[0]


def enqueue_all(connection: Connection, news: Sequence[NewMessage], status: Status, now: datetime) -> list[int]:
    """Store messages with their recipients; their numbers in the queue."""
    if not news:
        return []
    rows = [
        {
            "mail_from": new.envelope.mail_from,
            "message_id": new.message_id,
            "subject": new.subject,
            "size": len(new.raw),
            "queued_at": now,
            "submitted_by": new.submitted_by,
            "attempts": 0,
            "conversation": "",
        }
        for new in news
    ]
    keys = list(connection.execute(_NEW_MESSAGES, rows).scalars())
    numbered = list(zip(keys, news, strict=True))
    connection.execute(
        _NEW_BODIES,
        [{"message_id": key, "raw": new.on_top(key) + new.raw if new.on_top else new.raw} for key, new in numbered],
    )
    row = {"mail_type": MailType.internet, "enhanced_code": "", "text": "", **_columns(status)}
    connection.execute(
        _NEW_RECIPIENTS,
        [{"message_id": key, "address": address, **row} for key, new in numbered for address in new.envelope.rcpt_tos],
    )
    return keys


def claim(
    connection: Connection,
    worker: str,
    now: datetime,
    lease: timedelta,
    limit: int,
    limit_bytes: int,
    besides: Collection[str] = (),
) -> list[ClaimedMessage]:
    """Lease messages that are due to `worker`, the longest due first: at most `limit`, and no more once their sizes
    add up to `limit_bytes` (but at least one). Recipients in one of the domains `besides` are not looked at."""
    r = recipients
    due = (r.c.state.in_(_DUE), r.c.next_attempt_at <= now, *(~_in_domain(domain) for domain in besides))
    chosen = _due_messages(connection, due, limit, limit_bytes)
    if not chosen:
        return []
    locked = select(r.c.id).where(r.c.message_id.in_(chosen), *due).with_for_update(skip_locked=True)
    taken = connection.execute(
        update(r)
        .where(r.c.id.in_(locked))
        .values(state=State.active, worker=worker, leased_until=now + lease)
        .returning(r.c.message_id, r.c.id, r.c.address)
    ).all()
    by_message: dict[int, list[tuple[int, str]]] = {key: [] for key in chosen}
    for message_id, recipient_id, address in taken:
        by_message[message_id].append((recipient_id, address))
    query = select(messages.c.id, messages.c.mail_from, messages.c.submitted_by, bodies.c.raw)
    query = query.join_from(messages, bodies)
    rows = {row.id: row for row in connection.execute(query.where(messages.c.id.in_(chosen)))}
    return [
        ClaimedMessage(key, rows[key].mail_from, rows[key].raw, tuple(sorted(found)), rows[key].submitted_by)
        for key, found in by_message.items()
        if found
    ]


def _in_domain(domain: str) -> ColumnElement[bool]:
    return func.lower(recipients.c.address).endswith(f"@{domain.lower()}", autoescape=True)


def _due_messages(
    connection: Connection, is_due: Sequence[ColumnElement[bool]], limit: int, limit_bytes: int
) -> list[int]:
    r = recipients
    due = (
        select(r.c.message_id, func.min(r.c.next_attempt_at).label("due_at"))
        .where(*is_due)
        .group_by(r.c.message_id)
        .order_by("due_at", r.c.message_id)
        .limit(limit)
        .subquery()
    )
    query = (
        select(messages.c.id, messages.c.size)
        .join(due, due.c.message_id == messages.c.id)
        .order_by(due.c.due_at, messages.c.id)
    )
    chosen: list[int] = []
    total = 0
    for key, size in connection.execute(query):
        if chosen and total + size > limit_bytes:
            break
        chosen.append(key)
        total += size
    return chosen


def renew(connection: Connection, worker: str, message_ids: Sequence[int], until: datetime) -> None:
    """Prolong the worker's leases on these messages."""
    r = recipients
    for part in _chunks(message_ids):
        mine = (r.c.message_id.in_(part), r.c.worker == worker, r.c.state == State.active)
        connection.execute(update(r).where(*mine).values(leased_until=until))


def leased(connection: Connection, worker: str, message_ids: Iterable[int]) -> list[RecipientStatus]:
    """The recipients of these messages that `worker` (still) holds, locked."""
    condition = (recipients.c.worker == worker, recipients.c.state == State.active)
    return [
        row
        for part in _chunks(message_ids)
        for row in _statuses(connection, recipients.c.message_id.in_(part), *condition)
    ]


def holders(connection: Connection) -> set[str]:
    """Who holds leases."""
    query = select(recipients.c.worker).where(recipients.c.state == State.active).distinct()
    return {worker for worker in connection.execute(query).scalars() if worker is not None}


def stale(connection: Connection, now: datetime, gone: Iterable[str]) -> list[RecipientStatus]:
    """Active recipients whose lease is over, or whose holder is gone, locked; not those somebody works on just now."""
    r = recipients.c
    over = or_(r.leased_until <= now, r.worker.in_(list(gone)))
    return _statuses(connection, r.state == State.active, over, skip_locked=True)


def of_messages(connection: Connection, message_ids: Iterable[int]) -> list[RecipientStatus]:
    """Every recipient of these messages, locked."""
    return [row for part in _chunks(message_ids) for row in _statuses(connection, recipients.c.message_id.in_(part))]


def states_of(connection: Connection, message_id: int) -> list[tuple[str, State]]:
    """Address and state of a message's recipients, not locked; none when it is not in the queue (any more)."""
    query = select(recipients.c.address, recipients.c.state).where(recipients.c.message_id == message_id)
    return [(address, state) for address, state in connection.execute(query)]


def submitted_by(connection: Connection, username: str, message_ids: Iterable[int]) -> set[int]:
    """Which of these messages that user submitted."""
    return {
        key
        for part in _chunks(message_ids)
        for key in connection.execute(
            select(messages.c.id).where(messages.c.id.in_(part), messages.c.submitted_by == username)
        ).scalars()
    }


def purgeable(connection: Connection, now: datetime) -> list[RecipientStatus]:
    """Recipients whose deletion can no longer be undone, locked."""
    return _statuses(connection, recipients.c.state == State.deleted, recipients.c.deleted_at <= now - UNDO_WINDOW)


def _statuses(connection: Connection, *conditions: object, skip_locked: bool = False) -> list[RecipientStatus]:
    r = recipients
    query = select(
        r.c.id,
        r.c.message_id,
        r.c.address,
        r.c.state,
        r.c.next_attempt_at,
        r.c.expires_at,
        r.c.tries,
        r.c.outcome_unknown,
        r.c.delete_wanted,
        r.c.deleted_at,
        r.c.deleted_from,
    ).where(*conditions)  # type: ignore[arg-type]
    rows = connection.execute(query.order_by(r.c.id).with_for_update(skip_locked=skip_locked))
    return [RecipientStatus(row[0], row[1], row[2], Status(*row[3:])) for row in rows]


def _columns(status: Status) -> dict[str, object]:
    return {
        "state": status.state,
        "next_attempt_at": status.next_attempt_at,
        "expires_at": status.expires_at,
        "tries": status.tries,
        "outcome_unknown": status.outcome_unknown,
        "delete_wanted": status.delete_wanted,
        "deleted_at": status.deleted_at,
        "deleted_from": status.deleted_from,
    }


def set_statuses(connection: Connection, changes: Sequence[tuple[RecipientStatus, Status]]) -> None:
    """Write new statuses over the ones they were decided from; one that changed meanwhile is left as it is."""
    if not changes:
        return
    r = recipients
    values: dict[str, Any] = {
        "state": bindparam("b_state"),
        "next_attempt_at": bindparam("b_next_attempt_at"),
        "expires_at": bindparam("b_expires_at"),
        "tries": bindparam("b_tries"),
        "outcome_unknown": bindparam("b_outcome_unknown"),
        "delete_wanted": bindparam("b_delete_wanted"),
        "deleted_at": bindparam("b_deleted_at"),
        "deleted_from": bindparam("b_deleted_from"),
    }
    statement = update(r).where(r.c.id == bindparam("b_id"), r.c.state == bindparam("b_old")).values(values)
    connection.execute(
        statement,
        [
            {"b_id": old.recipient_id, "b_old": old.status.state, **{f"b_{k}": v for k, v in _columns(new).items()}}
            for old, new in changes
        ],
    )


def set_address(connection: Connection, recipient_id: int, address: str) -> None:
    """Give a recipient another address, of which nothing is known yet. Its row is locked by who calls this."""
    r = recipients
    known = {"verdict": None, "stage": None, "failure": None, "smtp_code": None, "enhanced_code": "", "text": ""}
    connection.execute(update(r).where(r.c.id == recipient_id).values(address=address, **known))


def set_outcomes(connection: Connection, outcomes: Mapping[int, Outcome]) -> None:
    """Keep the last outcome of each recipient (by id)."""
    if not outcomes:
        return
    r = recipients
    names = ("verdict", "stage", "failure", "smtp_code", "enhanced_code", "text")
    statement = update(r).where(r.c.id == bindparam("b_id")).values({name: bindparam(f"b_{name}") for name in names})
    connection.execute(
        statement,
        [{"b_id": key, **{f"b_{n}": getattr(outcome, n) for n in names}} for key, outcome in outcomes.items()],
    )


def add_attempts(connection: Connection, rows: Sequence[AttemptRow]) -> None:
    """Keep tries."""
    if not rows:
        return
    connection.execute(
        insert(attempts),
        [
            {
                "message_id": a.message_id,
                "recipient": a.recipient,
                "started_at": a.started_at,
                "ended_at": a.ended_at,
                "host": a.host,
                "verdict": a.outcome.verdict,
                "stage": a.outcome.stage,
                "failure": a.outcome.failure,
                "smtp_code": a.outcome.smtp_code,
                "enhanced_code": a.outcome.enhanced_code,
                "text": a.outcome.text,
            }
            for a in rows
        ],
    )


def note_attempts(connection: Connection, conversations: Mapping[int, str], tries: Mapping[int, int]) -> None:
    """Keep the last conversation about each message (by id), and how often it was tried: as often as that one of its
    recipients which was tried most, since its recipients may be tried apart."""
    if not conversations:
        return
    m = messages
    most = case((m.c.attempts < bindparam("b_tries"), bindparam("b_tries")), else_=m.c.attempts)
    values: dict[str, Any] = {"attempts": most, "conversation": bindparam("b_conversation")}
    connection.execute(
        update(m).where(m.c.id == bindparam("b_id")).values(values),
        [{"b_id": key, "b_conversation": text, "b_tries": tries[key]} for key, text in conversations.items()],
    )


def add_history(connection: Connection, sent: Sequence[tuple[RecipientStatus, AttemptRow, int]]) -> None:
    """A line of history for each (recipient, its try, number of tries)."""
    m = messages
    columns = (m.c.id, m.c.mail_from, m.c.message_id, m.c.subject, m.c.queued_at)
    about = {
        row.id: row
        for part in _chunks({r.message_id for r, _, _ in sent})
        for row in connection.execute(select(*columns).where(m.c.id.in_(part)))
    }
    rows = [
        {
            "queue_id": r.message_id,
            "message_id": about[r.message_id].message_id,
            "mail_from": about[r.message_id].mail_from,
            "recipient": r.address,
            "subject": about[r.message_id].subject,
            "queued_at": about[r.message_id].queued_at,
            "sent_at": a.ended_at,
            "host": a.host,
            "reply": f"{a.outcome.smtp_code} {a.outcome.text}",
            "tries": tries,
        }
        for r, a, tries in sent
    ]
    if rows:
        connection.execute(insert(history), rows)


def remove_recipients(connection: Connection, recipient_ids: Iterable[int]) -> None:
    """Remove recipients whose deletion is final."""
    for part in _chunks(recipient_ids):
        connection.execute(delete(recipients).where(recipients.c.id.in_(part)))


def finished_by(connection: Connection, sent: Mapping[int, int]) -> set[int]:
    """Which messages nobody else waits for.

    Parameters
    ----------
    sent: by message, how many of its recipients, locked, have just been sent to; their states are not written yet.
    """
    r = recipients
    waiting = select(r.c.message_id, func.count()).group_by(r.c.message_id)
    return {
        key
        for part in _chunks(sent)
        for key, count in connection.execute(waiting.where(r.c.message_id.in_(part), r.c.state != State.sent))
        if count == sent[key]
    }


def remove_messages(connection: Connection, message_ids: Iterable[int]) -> None:
    """Remove messages with all that belongs to them."""
    for part in _chunks(message_ids):
        connection.execute(delete(messages).where(messages.c.id.in_(part)))


def remove_finished(connection: Connection, message_ids: Iterable[int]) -> None:
    """Remove those of these messages of which every recipient was sent to or is gone."""
    unfinished = exists().where(recipients.c.message_id == messages.c.id, recipients.c.state != State.sent)
    for part in _chunks(message_ids):
        connection.execute(delete(messages).where(messages.c.id.in_(part), ~unfinished))


def next_due_at(connection: Connection) -> datetime | None:
    """When the next recipient is due; none when nothing waits."""
    r = recipients
    due: datetime | None = connection.execute(
        select(func.min(r.c.next_attempt_at)).where(r.c.state.in_(_DUE))
    ).scalar_one()
    return due
