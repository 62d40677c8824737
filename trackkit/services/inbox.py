"""The inbox: every mail that was fetched, and what became of it; throwing away what is in quarantine."""

from __future__ import annotations

from base64 import b64encode

from trackkit.contract import inbox as contract
from trackkit.domain.errors import Conflict, NotFound
from trackkit.domain.log import Severity
from trackkit.domain.text import counted
from trackkit.services.environment import Call, Environment
from trackkit.services.fetching import SOURCE
from trackkit.store import databases
from trackkit.store import inbox_listing as inbox
from trackkit.store.database import Connection
from trackkit.store.inbox_listing import InboxRow, Wanted

_SHOWN: int = 20
"""Ids that an audit record names."""


def list_inbox(call: Call, request: contract.ListInbox) -> contract.Inbox:
    """A page of it, newest first."""
    environment = call.environment
    database_id = None
    if request.database is not None:
        database_id = environment.projects.row(request.database).database_id
    wanted = Wanted(tuple(request.states), database_id, request.text)

    def work(connection: Connection) -> tuple[list[InboxRow], int, dict[str, str]]:
        rows = inbox.page(connection, wanted, request.after, request.limit + 1)
        return rows, inbox.count(connection, wanted), _names(connection)

    rows, total, names = environment.store.read(work)
    items = tuple(_view(row, names) for row in rows[: request.limit])
    next_after = items[-1].inbox_id if len(rows) > request.limit else None
    return contract.Inbox(items=items, next_after=next_after, total=total)


def show_mail(call: Call, request: contract.NamedInboxMail) -> contract.InboxMail:
    """One of it."""
    return mail_of(call.environment, request.inbox_id)


def mail_of(environment: Environment, inbox_id: int) -> contract.InboxMail:
    """A mail as it stands now; `NotFound`."""

    def work(connection: Connection) -> tuple[InboxRow | None, dict[str, str]]:
        return inbox.find(connection, inbox_id), _names(connection)

    row, names = environment.store.read(work)
    if row is None:
        raise missing(inbox_id)
    return _view(row, names)


def raw_mail(call: Call, request: contract.NamedInboxMail) -> contract.RawInboxMail:
    """Its bytes."""
    raw = raw_of(call.environment, request.inbox_id)
    return contract.RawInboxMail(inbox_id=request.inbox_id, message=b64encode(raw))


def raw_of(environment: Environment, inbox_id: int) -> bytes:
    """The bytes of a mail as they were fetched; `NotFound`, `Conflict` when they are elsewhere."""
    raw = environment.store.read(lambda connection: inbox.raw(connection, inbox_id))
    if raw is not None:
        return raw
    row = mail_of(environment, inbox_id)
    where = (
        f"It was filed with {row.record} of {row.database}: read it there."
        if row.record
        else ("It was left at the host, or thrown away long ago.")
    )
    raise Conflict(f"The bytes of mail {inbox_id} are not in the inbox.", where)


def discard(call: Call, request: contract.InboxIds) -> contract.Discarded:
    """Throw away what of these is in quarantine."""

    def work(connection: Connection) -> int:
        found = inbox.discard(connection, request.inbox_ids, call.now)
        if found:
            shown = ", ".join(map(str, found[:_SHOWN])) + (" …" if len(found) > _SHOWN else "")
            after = {"discarded": str(len(found))}
            call.audit(connection, contract.DISCARD.name, f"inbox {shown}", after=after)
        return len(found)

    number = call.environment.store.write(work)
    if number:
        call.log(Severity.information, SOURCE, f"{counted(number, 'quarantined mail')} discarded.")
    return contract.Discarded(discarded=number)


def _names(connection: Connection) -> dict[str, str]:
    return {row.database_id: row.name for row in databases.all_databases(connection)}


def missing(inbox_id: int) -> NotFound:
    """There is no such mail."""
    return NotFound(f"There is no mail {inbox_id} in the inbox (any more).")


def _view(row: InboxRow, names: dict[str, str]) -> contract.InboxMail:
    filed = row.record_kind is not None and row.record is not None
    return contract.InboxMail(
        inbox_id=row.id,
        mailbox=row.mailbox,
        fetched_at=row.fetched_at,
        state=row.state,
        rule=row.rule,
        reason=row.reason,
        kind=row.kind,
        author=row.author,
        subject=row.subject,
        size=row.size,
        sha256=row.sha256,
        database=names.get(row.database_id or "", ""),
        record=f"{row.record_kind} {row.record}" if filed else "",
        email=row.email,
        kept=row.kept,
    )
