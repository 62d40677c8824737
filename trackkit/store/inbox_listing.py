"""The inbox as people see it, and what they and time throw away of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, func, or_, select, true, update

from trackkit.domain.project.kind import Kind
from trackkit.domain.tracking.inbox import InboxState
from trackkit.store.text import holds, text_value
from trackkit.store.tracking_tables import inbox, round_trips

_SHOWN = [column for column in inbox.c if column.name not in ("raw", "uidl", "tries", "decided_at")]


@dataclass(frozen=True, slots=True)
class InboxRow:
    """A mail, without its bytes; `kept`: they are here."""

    id: int
    mailbox: str
    sha256: str
    size: int
    fetched_at: datetime
    state: InboxState
    rule: str
    reason: str
    kind: str
    author: str
    subject: str
    database_id: str | None
    record_kind: Kind | None
    record: int | None
    email: int | None
    kept: bool


@dataclass(frozen=True, slots=True)
class RoundTripRow:
    """A probe mail."""

    mailbox: str
    queue_id: str
    sent_at: datetime
    returned_at: datetime | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which mails; every condition must hold. `states`: none = all. `text`: in author, subject or reason."""

    states: Sequence[InboxState] = ()
    database_id: str | None = None
    text: str | None = None


def page(connection: Connection, wanted: Wanted, after: int | None, limit: int) -> list[InboxRow]:
    """Mails that match, newest first, those older than `after`."""
    query = _query().where(_condition(wanted)).order_by(inbox.c.id.desc()).limit(limit)
    rows = connection.execute(query if after is None else query.where(inbox.c.id < after))
    return [InboxRow(**row._mapping) for row in rows]


def count(connection: Connection, wanted: Wanted) -> int:
    """How many match."""
    return connection.execute(select(func.count()).select_from(inbox).where(_condition(wanted))).scalar_one()


def counts(connection: Connection) -> dict[str, int]:
    """How many there are in each state."""
    rows = connection.execute(select(inbox.c.state, func.count()).group_by(inbox.c.state))
    return {state.value: number for state, number in rows}


def find(connection: Connection, inbox_id: int) -> InboxRow | None:
    """One of them."""
    row = connection.execute(_query().where(inbox.c.id == inbox_id)).first()
    return InboxRow(**row._mapping) if row else None


def raw(connection: Connection, inbox_id: int) -> bytes | None:
    """The bytes of one, if they are here."""
    return connection.execute(select(inbox.c.raw).where(inbox.c.id == inbox_id)).scalar()


def oldest_undecided(connection: Connection) -> datetime | None:
    """When the first mail was fetched that nobody has decided about."""
    query = select(func.min(inbox.c.fetched_at)).where(inbox.c.state == InboxState.fetched)
    return connection.execute(query).scalar()


def round_trips_of(connection: Connection, limit: int) -> list[RoundTripRow]:
    """The last probe mails, newest first."""
    columns = (round_trips.c.mailbox, round_trips.c.queue_id, round_trips.c.sent_at, round_trips.c.returned_at)
    rows = connection.execute(select(*columns).order_by(round_trips.c.sent_at.desc()).limit(limit))
    return [RoundTripRow(*row) for row in rows]


def discard(connection: Connection, ids: Sequence[int], at: datetime) -> list[int]:
    """Throw away those that are in quarantine; their ids."""
    there = (inbox.c.id.in_(list(ids)), inbox.c.state == InboxState.quarantined)
    found = list(connection.execute(select(inbox.c.id).where(*there).with_for_update()).scalars())
    if found:
        values = {"state": InboxState.discarded, "decided_at": at}
        connection.execute(update(inbox).where(inbox.c.id.in_(found)).values(values))
    return sorted(found)


def purge(connection: Connection, bytes_until: datetime, rows_until: datetime) -> None:
    """Throw away bytes and rows of what the host has let go of, and that was decided about before these.

    What is not decided about, or in quarantine, is never touched.
    """
    over = (inbox.c.uidl.is_(None), inbox.c.state.not_in([InboxState.fetched, InboxState.quarantined]))
    connection.execute(delete(inbox).where(*over, inbox.c.decided_at < rows_until))
    stale = (*over, inbox.c.decided_at < bytes_until, inbox.c.raw.is_not(None))
    connection.execute(update(inbox).where(*stale).values(raw=None))


def _query() -> Select[Any]:
    return select(*_SHOWN, inbox.c.raw.is_not(None).label("kept"))


def _condition(wanted: Wanted) -> ColumnElement[bool]:
    found: list[ColumnElement[bool]] = [true()]
    if wanted.states:
        found.append(inbox.c.state.in_(wanted.states))
    if wanted.database_id is not None:
        found.append(inbox.c.database_id == wanted.database_id)
    if wanted.text is not None:
        text = text_value(wanted.text)
        found.append(or_(*(holds(column, text) for column in (inbox.c.author, inbox.c.subject, inbox.c.reason))))
    return and_(*found)
