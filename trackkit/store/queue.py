"""The mail queue's writing side: settle, and the administrators' verbs (`new_mail` enqueues, `queue_claim` claims).

Every change is guarded: a row changes only while it is still in the state it was read in, so that two workers or a
worker and an administrator can never both win. What a change means is decided by `trackkit.domain.delivery.step`;
here it is only written down.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    type_coerce,
    update,
)

from trackkit.domain.delivery import UNDO_WINDOW, State, Status
from trackkit.domain.message import MailType
from trackkit.domain.replies import Outcome
from trackkit.store.prepared import LONGEST, Prepared, listed
from trackkit.store.tables import attempts, history, messages, recipients

T = TypeVar("T")

DUE = (State.queued, State.deferred)
"""The states that wait to be claimed."""


def state_in(*states: State) -> ColumnElement[bool]:
    """The recipient is in one of these states; said so that SQLite finds it by its message. With the state in the clear
    it would go through all that are in that state, however many wait."""
    return type_coerce(recipients.c.state, String).concat(literal_column("''")).in_([state.value for state in states])


def chunks(items: Iterable[T]) -> Iterator[list[T]]:
    """The items, so many at a time as a statement takes."""
    rest = iter(items)
    while part := list(islice(rest, LONGEST)):
        yield part


@dataclass(frozen=True, slots=True)
class RecipientStatus:
    """A recipient as the state machine sees it."""

    recipient_id: int
    message_id: int
    address: str
    status: Status


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One try for one recipient, to be kept."""

    message_id: int
    recipient: str
    started_at: datetime
    ended_at: datetime
    host: str
    outcome: Outcome


def renew(connection: Connection, worker: str, message_ids: Sequence[int], until: datetime) -> None:
    """Prolong the worker's leases on these messages."""
    r = recipients
    for part in chunks(message_ids):
        mine = (r.c.message_id.in_(part), r.c.worker == worker, r.c.state == State.active)
        connection.execute(update(r).where(*mine).values(leased_until=until))


def leased(connection: Connection, worker: str, message_ids: Iterable[int]) -> list[RecipientStatus]:
    """The recipients of these messages that `worker` (still) holds, locked."""
    return [
        row
        for part in chunks(message_ids)
        for row in _found(_LEASED.rows(connection, {"b_worker": worker}, b_keys=part))
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
    return [row for part in chunks(message_ids) for row in _statuses(connection, recipients.c.message_id.in_(part))]


def states_of(connection: Connection, message_id: int) -> list[tuple[str, State]]:
    """Address and state of a message's recipients, not locked; none when it is not in the queue (any more)."""
    query = select(recipients.c.address, recipients.c.state).where(recipients.c.message_id == message_id)
    return [(address, state) for address, state in connection.execute(query)]


def mail_type_of(connection: Connection, recipient_id: int) -> MailType:
    """The type of a recipient's address."""
    query = select(recipients.c.mail_type).where(recipients.c.id == recipient_id)
    found: MailType = connection.execute(query).scalar_one()
    return found


def submitted_by(connection: Connection, username: str, message_ids: Iterable[int]) -> set[int]:
    """Which of these messages that user submitted."""
    return {
        key
        for part in chunks(message_ids)
        for key in connection.execute(
            select(messages.c.id).where(messages.c.id.in_(part), messages.c.submitted_by == username)
        ).scalars()
    }


def purgeable(connection: Connection, now: datetime) -> list[RecipientStatus]:
    """Recipients whose deletion can no longer be undone, locked."""
    return _statuses(connection, recipients.c.state == State.deleted, recipients.c.deleted_at <= now - UNDO_WINDOW)


def _statuses(
    connection: Connection, *conditions: ColumnElement[bool], skip_locked: bool = False
) -> list[RecipientStatus]:
    query = _STATUSES.where(*conditions).order_by(recipients.c.id).with_for_update(skip_locked=skip_locked)
    return _found(connection.execute(query))


def _found(rows: Iterable[Any]) -> list[RecipientStatus]:
    return [RecipientStatus(row[0], row[1], row[2], Status(*row[3:])) for row in rows]


_STATUSES = select(
    *(recipients.c[name] for name in ("id", "message_id", "address", "state", "next_attempt_at", "expires_at")),
    *(recipients.c[name] for name in ("tries", "outcome_unknown", "delete_wanted", "deleted_at", "deleted_from")),
)
_LEASED = Prepared(
    _STATUSES.where(
        recipients.c.message_id.in_(listed("b_keys")),
        recipients.c.worker == bindparam("b_worker"),
        state_in(State.active),
    )
    .order_by(recipients.c.id)
    .with_for_update()
)


STATUS_COLUMNS: Final = (
    *("state", "next_attempt_at", "expires_at", "tries"),
    *("outcome_unknown", "delete_wanted", "deleted_at", "deleted_from"),
)


def status_columns(status: Status) -> dict[str, object]:
    """A status as it is stored."""
    return {name: getattr(status, name) for name in STATUS_COLUMNS}


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
            {
                "b_id": old.recipient_id,
                "b_old": old.status.state,
                **{f"b_{k}": v for k, v in status_columns(new).items()},
            }
            for old, new in changes
        ],
    )


def note_deletion(connection: Connection, recipient_ids: Iterable[int], job_id: int | None) -> None:
    """Keep which act has deleted these recipients, or will when their attempt has ended; none = no act any more."""
    for part in chunks(recipient_ids):
        connection.execute(update(recipients).where(recipients.c.id.in_(part)).values(deletion=job_id))


def set_address(connection: Connection, recipient_id: int, address: str) -> None:
    """Give a recipient another address, of which nothing is known yet. Its row is locked by who calls this."""
    r = recipients
    known: dict[str, Any] = dict.fromkeys(("verdict", "stage", "failure", "smtp_code", "reason"))
    known |= {"enhanced_code": "", "text": ""}
    connection.execute(update(r).where(r.c.id == recipient_id).values(address=address, **known))


def set_outcomes(connection: Connection, outcomes: Mapping[int, Outcome]) -> None:
    """Keep the last outcome of each recipient (by id)."""
    if not outcomes:
        return
    r = recipients
    names = ("verdict", "stage", "failure", "smtp_code", "enhanced_code", "text", "reason")
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


def reply_words(outcome: Outcome) -> str:
    """What the host said when it accepted, as the history keeps it."""
    return f"{outcome.smtp_code} {outcome.text}"


def add_history(connection: Connection, sent: Sequence[tuple[RecipientStatus, AttemptRow, int]]) -> None:
    """A line of history for each (recipient, its try, number of tries)."""
    rows = [
        {
            "b_key": r.message_id,
            "b_recipient": r.address,
            "b_sent_at": a.ended_at,
            "b_host": a.host,
            "b_reply": reply_words(a.outcome),
            "b_tries": tries,
        }
        for r, a, tries in sent
    ]
    if rows:
        _NEW_HISTORY.many(connection, rows)


OF_THE_MESSAGE = ("message_id", "mail_from", "subject", "queued_at")
_OF_THE_TRY = ("recipient", "sent_at", "host", "reply", "tries")
"""A line of history, after its `queue_id`."""

_NEW_HISTORY = Prepared(
    insert(history).from_select(
        ["queue_id", *OF_THE_MESSAGE, *_OF_THE_TRY],
        select(
            messages.c.id,
            *(messages.c[name] for name in OF_THE_MESSAGE),
            *(bindparam(f"b_{name}", type_=history.c[name].type) for name in _OF_THE_TRY),
        ).where(messages.c.id == bindparam("b_key")),
    )
)


def remove_recipients(connection: Connection, recipient_ids: Iterable[int]) -> None:
    """Remove recipients whose deletion is final."""
    for part in chunks(recipient_ids):
        connection.execute(delete(recipients).where(recipients.c.id.in_(part)))


def remove_sent(connection: Connection, sent: Iterable[tuple[int, int]]) -> set[int]:
    """Remove the messages of these (message id, recipient id), who have just been sent to, if nobody else waits for
    them; which."""
    removed: set[int] = set()
    for part in chunks(sent):
        keys = list({message_id for message_id, _ in part})
        gone = _REMOVE_SENT.rows(connection, {}, b_keys=keys, b_sent=[recipient_id for _, recipient_id in part])
        removed.update(key for (key,) in gone)
    return removed


_REMOVE_SENT = Prepared(
    delete(messages)
    .where(
        messages.c.id.in_(listed("b_keys")),
        ~exists().where(
            recipients.c.message_id == messages.c.id,
            recipients.c.state != State.sent,
            recipients.c.id.not_in(listed("b_sent")),
        ),
    )
    .returning(messages.c.id)
)


def remove_finished(connection: Connection, message_ids: Iterable[int]) -> None:
    """Remove those of these messages of which every recipient was sent to or is gone."""
    unfinished = exists().where(recipients.c.message_id == messages.c.id, recipients.c.state != State.sent)
    for part in chunks(message_ids):
        connection.execute(delete(messages).where(messages.c.id.in_(part), ~unfinished))


def next_due_at(connection: Connection, types: Collection[MailType] = ()) -> datetime | None:
    """When the next recipient is due, of these types where some are named; none when nothing waits."""
    r = recipients
    query = select(func.min(r.c.next_attempt_at)).where(r.c.state.in_(DUE))
    due: datetime | None = connection.execute(
        query.where(r.c.mail_type.in_(list(types))) if types else query
    ).scalar_one()
    return due
