"""How fetching from each mailbox goes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from trackkit.store.tracking_tables import mailboxes


@dataclass(frozen=True, slots=True)
class MailboxRow:
    """See the columns of `tracking_tables.mailboxes`."""

    mailbox: str
    polled_at: datetime | None
    succeeded_at: datetime | None
    failing_since: datetime | None
    failure: str
    text: str
    conversation: str
    waiting: int
    waiting_since: datetime | None


def every(connection: Connection) -> dict[str, MailboxRow]:
    """Those that were ever fetched from, by account."""
    return {row.mailbox: MailboxRow(**row._mapping) for row in connection.execute(select(mailboxes))}


def begun(connection: Connection, mailbox: str, at: datetime) -> None:
    """It is tried now."""
    if not _set(connection, mailbox, polled_at=at):
        new = {"mailbox": mailbox, "failure": "", "text": "", "conversation": "", "waiting": 0, "polled_at": at}
        connection.execute(insert(mailboxes).values(new))


def waits(connection: Connection, mailbox: str, waiting: int, at: datetime) -> None:
    """So many messages are there to be fetched."""
    row = _row(connection, mailbox)
    since = (row.waiting_since if row else None) or at
    _set(connection, mailbox, waiting=waiting, waiting_since=since if waiting else None)


def succeeded(connection: Connection, mailbox: str, left: int, at: datetime) -> bool:
    """It was fetched from, and so many messages were not; whether that had failed before."""
    row = _row(connection, mailbox)
    since = (row.waiting_since if row else None) or at
    values: dict[str, Any] = {"failing_since": None, "failure": "", "text": "", "conversation": "", "waiting": left}
    _set(connection, mailbox, succeeded_at=at, waiting_since=since if left else None, **values)
    return row is not None and row.failing_since is not None


def failed(connection: Connection, mailbox: str, failure: str, text: str, conversation: str, at: datetime) -> bool:
    """It could not be fetched from; whether that is new."""
    row = _row(connection, mailbox)
    since = (row.failing_since if row else None) or at
    _set(connection, mailbox, failing_since=since, failure=failure, text=text, conversation=conversation)
    return row is None or row.failing_since is None


def forget(connection: Connection, kept: Collection[str]) -> None:
    """Of accounts that are not fetched from any more, nothing has to be known."""
    connection.execute(delete(mailboxes).where(mailboxes.c.mailbox.not_in(list(kept))))


def _row(connection: Connection, mailbox: str) -> MailboxRow | None:
    found = connection.execute(select(mailboxes).where(mailboxes.c.mailbox == mailbox)).first()
    return MailboxRow(**found._mapping) if found else None


def _set(connection: Connection, mailbox: str, **values: Any) -> bool:
    return bool(connection.execute(update(mailboxes).where(mailboxes.c.mailbox == mailbox).values(values)).rowcount)
