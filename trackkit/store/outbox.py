"""Mail of a project on its way into the server's queue: rows of the project, and in the main database how far it got.

The numbers of rows are given in the order in which their transactions commit (`project_numbers`), so that one mark says
of all of them whether they are in the queue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Integer, bindparam, delete, func, insert, select, update

from trackkit.domain.message import queue_id
from trackkit.domain.project.kind import Kind
from trackkit.store.prepared import Prepared
from trackkit.store.project_numbers import take_outgoing_numbers
from trackkit.store.project_tables import TABLES, outgoing
from trackkit.store.tables import history, messages
from trackkit.store.tracking_tables import outbox_marks


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A mail that shall go out.

    Parameters
    ----------
    email: its number among the project's e-mails; none = it is not one of them.
    purpose: what it is for, in a word.
    mail_from: envelope sender; empty = the null sender.
    """

    email: int | None
    purpose: str
    mail_from: str
    rcpt_tos: tuple[str, ...]
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Numbered:
    """One that waits in the project."""

    number: int
    mail: Outgoing


_SIZES: Final = Prepared(
    select(outgoing.c.id, func.length(outgoing.c.raw))
    .where(outgoing.c.id > bindparam("b_after"))
    .order_by(outgoing.c.id)
    .limit(bindparam("b_most", type_=Integer))
)
_MARK: Final = Prepared(select(outbox_marks.c.last).where(outbox_marks.c.database_id == bindparam("b_database")))


def put(connection: Connection, mails: Sequence[Outgoing], now: datetime) -> None:
    """Let mails wait in the project, in their order."""
    if not mails:
        return
    first = take_outgoing_numbers(connection, len(mails), now)
    rows = [
        {
            "id": first + at,
            "email": mail.email,
            "purpose": mail.purpose,
            "mail_from": mail.mail_from,
            "rcpt_tos": list(mail.rcpt_tos),
            "raw": mail.raw,
            "created_at": now,
        }
        for at, mail in enumerate(mails)
    ]
    connection.execute(insert(outgoing), rows)


def waiting(connection: Connection, after: int, most: int, octets: int) -> list[Numbered]:
    """Those beyond a mark in their order: `most` of them, and no more than so many octets unless it is one."""
    wanted: list[int] = []
    total = 0
    for number, length in _SIZES.rows(connection, {"b_after": after, "b_most": most}):
        total += length
        if wanted and total > octets:
            break
        wanted.append(number)
    return _read(connection, outgoing.c.id.in_(wanted)) if wanted else []


def _read(connection: Connection, condition: Any) -> list[Numbered]:
    rows = connection.execute(select(outgoing).where(condition).order_by(outgoing.c.id))
    return [Numbered(r.id, Outgoing(r.email, r.purpose, r.mail_from, tuple(r.rcpt_tos), r.raw)) for r in rows]


def left_behind(connection: Connection, mark: int, most: int) -> list[tuple[int, int | None, str | None]]:
    """Number, e-mail and its Message-ID of rows that are in the queue and still here: the server stopped in between."""
    emails = TABLES[Kind.tracked_email]
    query = select(outgoing.c.id, outgoing.c.email, emails.c.message_id).where(outgoing.c.id <= mark)
    query = query.select_from(outgoing.outerjoin(emails, emails.c.id == outgoing.c.email))
    return [tuple(row) for row in connection.execute(query.order_by(outgoing.c.id).limit(most))]


def taken_over(connection: Connection, numbers: Sequence[int], queued: Mapping[int, int]) -> None:
    """Forget rows that are in the queue; `queued` has for e-mails (by number) the numbers of their messages there."""
    emails = TABLES[Kind.tracked_email]
    for email, message in queued.items():
        connection.execute(update(emails).where(emails.c.id == email).values(queue_id=queue_id(message)))
    connection.execute(delete(outgoing).where(outgoing.c.id.in_(numbers)))


def forget_all(connection: Connection) -> None:
    """What waits in a copy of a project waits in the project itself, too, and goes out from there."""
    connection.execute(delete(outgoing))


def mark(connection: Connection, database_id: str) -> int:
    """Up to which number the mail of a project is in the queue; the main database's."""
    found = _MARK.rows(connection, {"b_database": database_id})
    return found[0][0] if found else 0


def move_mark(connection: Connection, database_id: str, present: int, last: int) -> None:
    """The mail of a project is in the queue up to `last`."""
    if present:
        here = outbox_marks.c.database_id == database_id
        connection.execute(update(outbox_marks).where(here).values(last=last))
    else:
        connection.execute(insert(outbox_marks).values(database_id=database_id, last=last))


def queued_as(connection: Connection, message_ids: Sequence[str]) -> dict[str, int]:
    """The numbers that messages have, or had, in the queue, by Message-ID; the main database's."""
    here = select(messages.c.message_id, messages.c.id).where(messages.c.message_id.in_(message_ids))
    gone = select(history.c.message_id, history.c.queue_id).where(history.c.message_id.in_(message_ids))
    return {**_pairs(connection, gone), **_pairs(connection, here)}


def _pairs(connection: Connection, query: Any) -> dict[str, int]:
    return {str(row[0]): int(row[1]) for row in connection.execute(query)}
