"""The mail queue's reading side: counts by state and cause, one message. Listings: `queue_listing`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, case, func, literal, select

from trackkit.domain.delivery import State
from trackkit.domain.message import MailType
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict
from trackkit.domain.reply_codes import SENDER_DOMAIN
from trackkit.store.tables import attempts, bodies, messages, recipients

_RANK = {state: rank for rank, state in enumerate(State)}


@dataclass(frozen=True, slots=True)
class RecipientRow:
    """A recipient with its last outcome."""

    id: int
    message_id: int
    address: str
    mail_type: MailType
    state: State
    tries: int
    next_attempt_at: datetime
    expires_at: datetime
    outcome_unknown: bool
    last: Outcome | None


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message of the queue with its recipients."""

    id: int
    mail_from: str
    message_id: str
    subject: str
    size: int
    queued_at: datetime
    submitted_by: str
    attempts: int
    conversation: str
    warned_at: datetime | None
    recipients: tuple[RecipientRow, ...]


@dataclass(frozen=True, slots=True)
class CauseRow:
    """Messages that share what a diagnosis depends on, with one of their recipients as an example."""

    state: State
    last: Outcome | None
    messages: int
    oldest_queued_at: datetime
    example: str
    next_attempt_at: datetime
    mail_type: MailType
    is_due: bool
    """At the instant that was asked about."""


def one(connection: Connection, key: int) -> MessageRow | None:
    """One message."""
    found = with_recipients(connection, select(messages).where(messages.c.id == key))
    return found[0] if found else None


def raw(connection: Connection, key: int) -> bytes | None:
    """A message's bytes."""
    return connection.execute(select(bodies.c.raw).where(bodies.c.message_id == key)).scalar_one_or_none()


def with_recipients(connection: Connection, query: Select[Any]) -> list[MessageRow]:
    """The messages that `query` (of the table of messages) finds, in its order."""
    rows = connection.execute(query).all()
    found: dict[int, list[RecipientRow]] = {row.id: [] for row in rows}
    for recipient in _recipients(connection, list(found)):
        found[recipient.message_id].append(recipient)
    return [MessageRow(**row._mapping, recipients=tuple(found[row.id])) for row in rows]


def _recipients(connection: Connection, keys: Sequence[int]) -> Iterable[RecipientRow]:
    r = recipients
    for start in range(0, len(keys), 500):
        query = select(r).where(r.c.message_id.in_(keys[start : start + 500])).order_by(r.c.id)
        for row in connection.execute(query):
            yield RecipientRow(
                row.id,
                row.message_id,
                row.address,
                row.mail_type,
                row.state,
                row.tries,
                row.next_attempt_at,
                row.expires_at,
                row.outcome_unknown,
                _outcome(row),
            )


def _outcome(row: Any) -> Outcome | None:
    if row.verdict is None:
        return None
    return Outcome(row.verdict, row.stage, row.failure, row.smtp_code, row.enhanced_code, row.text, reason=row.reason)


def states(connection: Connection) -> dict[State, int]:
    """How many messages are in each state; states without any are left out."""
    rank = case(dict(_RANK), value=recipients.c.state)
    per_message = select(func.min(rank).label("rank")).group_by(recipients.c.message_id).subquery()
    rows = connection.execute(select(per_message.c.rank, func.count()).group_by(per_message.c.rank))
    members = list(State)
    return {members[rank]: number for rank, number in rows}


def before_deletion() -> ColumnElement[State]:
    """A recipient's state, of a deleted one that before."""
    return func.coalesce(recipients.c.deleted_from, recipients.c.state, type_=recipients.c.state.type)


def about_senders_domain() -> ColumnElement[bool]:
    """Whether the enhanced code is, as `is_about_senders_domain`; all else it says to a diagnosis is in the reason."""
    return func.substr(recipients.c.enhanced_code, 3) == SENDER_DOMAIN


def causes(connection: Connection, *, of_deleted: bool = False, due_at: datetime | None = None) -> list[CauseRow]:
    """The unsent recipients grouped by what their diagnosis depends on.

    Parameters
    ----------
    of_deleted: the deleted ones instead, as they were before.
    due_at: tells those apart that are due then; none = it makes no difference.
    """
    r = recipients
    state = before_deletion().label("state") if of_deleted else r.c.state
    there = r.c.state == State.deleted if of_deleted else r.c.state.not_in([State.sent, State.deleted])
    is_due = case((r.c.next_attempt_at <= due_at, 1), else_=0) if due_at is not None else literal(0)
    of_domain = case((about_senders_domain(), 1), else_=0).label("of_senders_domain")
    grouped = (state, r.c.verdict, r.c.stage, r.c.failure, r.c.smtp_code, r.c.reason, r.c.mail_type)
    query = (
        select(
            *grouped,
            is_due.label("is_due"),
            of_domain,
            func.count(r.c.message_id.distinct()).label("messages"),
            func.min(messages.c.queued_at).label("oldest"),
            func.min(r.c.address).label("example"),
            func.min(r.c.enhanced_code).label("enhanced_code"),
            func.min(r.c.text).label("text"),
            func.min(r.c.next_attempt_at).label("next_attempt_at"),
        )
        .join_from(r, messages)
        .where(there)
        .group_by(*grouped, "of_senders_domain", *(("is_due",) if due_at is not None else ()))
    )
    return [
        CauseRow(
            row.state,
            _outcome(row),
            row.messages,
            row.oldest,
            row.example,
            row.next_attempt_at,
            row.mail_type,
            bool(row.is_due),
        )
        for row in connection.execute(query)
    ]


@dataclass(frozen=True, slots=True)
class AttemptView:
    """A try as it was kept."""

    recipient: str
    started_at: datetime
    ended_at: datetime
    host: str
    verdict: Verdict
    stage: Stage
    failure: Failure | None
    smtp_code: int | None
    enhanced_code: str
    text: str


def attempts_of(connection: Connection, key: int, limit: int) -> list[AttemptView]:
    """The last tries of a message, newest first."""
    a = attempts
    query = select(
        a.c.recipient,
        a.c.started_at,
        a.c.ended_at,
        a.c.host,
        a.c.verdict,
        a.c.stage,
        a.c.failure,
        a.c.smtp_code,
        a.c.enhanced_code,
        a.c.text,
    ).where(a.c.message_id == key)
    return [AttemptView(**row._mapping) for row in connection.execute(query.order_by(a.c.id.desc()).limit(limit))]
