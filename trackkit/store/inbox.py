"""Mail that was fetched from mailboxes: what of it is still at the host, and what became of it.

A mail is known by its identity at the host (`inbox.uidl`: the host's unique-id, or what `trackkit.mail.maildrop` uses
where there is none) until the host has certainly let go of it; so that what was left there, or could not be deleted,
is not taken for new. Bytes leave a row only where they are in a project, at the host, or were thrown away long ago.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, select, update

from trackkit.domain.tracking.inbox import InboxState
from trackkit.store.new_rows import NewRows, reserved
from trackkit.store.prepared import LONGEST, Prepared, listed
from trackkit.store.tracking_tables import inbox


@dataclass(frozen=True, slots=True)
class Known:
    """A mail that is here and may still be at the host, too."""

    id: int
    uidl: str
    size: int
    state: InboxState
    rule: str
    kept: bool
    """Its bytes are in the row."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A mail as it came from the host.

    Parameters
    ----------
    sha256: empty where it did not come whole.
    raw: none = it is larger than what is taken.
    state, rule, reason: how it is recorded before anybody decides about it.
    row: of one that was known, whose bytes are not here; none = it is new.
    """

    uidl: str
    sha256: str
    size: int
    raw: bytes | None
    state: InboxState = InboxState.fetched
    rule: str = ""
    reason: str = ""
    row: int | None = None


_NEW: Final = NewRows(inbox, "database_id", "record_kind", "record", "email")
_KNOWN: Final = (
    select(inbox.c.id, inbox.c.uidl, inbox.c.size, inbox.c.state, inbox.c.rule, inbox.c.raw.is_not(None))
    .where(inbox.c.uidl.is_not(None))
    .order_by(inbox.c.id)
)
_AT_HOST: Final = Prepared(_KNOWN.where(inbox.c.mailbox == bindparam("b_mailbox")))
_NOW: Final = Prepared(_KNOWN.where(inbox.c.id.in_(listed("b_ids"))))
_GONE: Final = Prepared(update(inbox).where(inbox.c.id.in_(listed("b_ids"))).values(uidl=None))
_LEFT: Final = Prepared(
    update(inbox).where(inbox.c.id.in_(listed("b_ids")), inbox.c.state == bindparam("b_state")).values(raw=None)
)


def has_fetched(connection: Connection, mailbox: str) -> bool:
    """Whether there is mail of this account that nobody has decided about."""
    query = select(inbox.c.id).where(inbox.c.state == InboxState.fetched, inbox.c.mailbox == mailbox).limit(1)
    return connection.execute(query).first() is not None


def undecided_mailboxes(connection: Connection) -> set[str]:
    """The accounts of mail that nobody has decided about."""
    return set(
        connection.execute(select(inbox.c.mailbox).where(inbox.c.state == InboxState.fetched).distinct()).scalars()
    )


def at_host(connection: Connection, mailbox: str) -> list[Known]:
    """What came from this account and may still be there."""
    return [Known(*row) for row in _AT_HOST.rows(connection, {"b_mailbox": mailbox})]


def standing(connection: Connection, ids: Sequence[int]) -> list[Known]:
    """How these stand now, those that may still be at the host."""
    return [Known(*row) for part in _parts(ids) for row in _NOW.rows(connection, {}, b_ids=part)]


def store(connection: Connection, mailbox: str, arrived: Sequence[Arrived], at: datetime) -> list[int]:
    """Put mails down; the numbers of their rows, in order."""
    new = [one for one in arrived if one.row is None]
    keys = iter(reserved(connection, inbox, len(new)) if new else ())
    ids = [next(keys) if one.row is None else one.row for one in arrived]
    rows = [
        {
            "id": key,
            "uidl": one.uidl,
            "sha256": one.sha256,
            "size": one.size,
            "raw": one.raw,
            "state": one.state,
            "rule": one.rule,
            "reason": one.reason,
        }
        for key, one in zip(ids, arrived, strict=True)
        if one.row is None
    ]
    _NEW.add(
        connection,
        rows,
        {
            "mailbox": mailbox,
            "fetched_at": at,
            "kind": "",
            "author": "",
            "subject": "",
            "tries": 0,
            "decided_at": None,
        },
    )
    for one in arrived:
        if one.row is not None:
            values = {"sha256": one.sha256, "size": one.size, "raw": one.raw, "fetched_at": at, "tries": 0}
            values |= {"state": one.state, "rule": one.rule, "reason": one.reason}
            connection.execute(update(inbox).where(inbox.c.id == one.row).values(values))
    return ids


def gone(connection: Connection, ids: Sequence[int]) -> None:
    """The host has certainly let go of these."""
    for part in _parts(ids):
        _GONE.changed(connection, {}, b_ids=part)


def left(connection: Connection, ids: Sequence[int]) -> None:
    """These stay at the host: whoever wants one gets it there."""
    for part in _parts(ids):
        _LEFT.changed(connection, {"b_state": InboxState.untracked}, b_ids=part)


def _parts(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    return (ids[at : at + LONGEST] for at in range(0, len(ids), LONGEST))
