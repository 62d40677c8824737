"""How fetching mail goes, for whoever looks; and fetching it at once."""

from __future__ import annotations

from typing import Final

from trackkit.contract import tracking as contract
from trackkit.contract.operation import Nothing
from trackkit.domain.errors import Conflict, Unavailable
from trackkit.domain.tracking.mailbox import WORDS, Trouble
from trackkit.services import tracking_keys
from trackkit.services.environment import Call
from trackkit.services.fetching import Account, accounts
from trackkit.store import inbox_listing, mailboxes
from trackkit.store.database import Connection
from trackkit.store.mailboxes import MailboxRow

_LONGEST_POLL: Final = 60.0
"""Seconds that somebody who asks waits."""

_ROUND_TRIPS: Final = 20


def status(call: Call, request: Nothing) -> contract.TrackingStatus:
    """Mailboxes, what came in, probe mails, keys."""
    environment = call.environment

    def work(connection: Connection) -> tuple[dict[str, MailboxRow], dict[str, int], list[inbox_listing.RoundTripRow]]:
        trips = inbox_listing.round_trips_of(connection, _ROUND_TRIPS)
        return mailboxes.every(connection), inbox_listing.counts(connection), trips

    rows, counts, trips = environment.store.read(work)
    keys = tracking_keys.current(environment)
    return contract.TrackingStatus(
        enabled=environment.options.current.tracking.enabled,
        mailboxes=tuple(_view(account, rows.get(account.mailbox.key)) for account in accounts(environment)),
        counts=counts,
        round_trips=tuple(
            contract.RoundTripView(
                mailbox=trip.mailbox, queue_id=trip.queue_id, sent_at=trip.sent_at, returned_at=trip.returned_at
            )
            for trip in trips
        ),
        key_id=keys.current,
        keys=len(keys.secrets),
    )


def poll(call: Call, request: contract.OfProject) -> contract.Polled:
    """Fetch mail now; answered when it is filed, or takes long."""
    environment = call.environment
    found = accounts(environment)
    if request.database is not None:
        name = environment.projects.row(request.database).name
        found = [account for account in found if name in account.databases]
    if not found:
        whose = f"of {request.database} is" if request.database is not None else "is"
        raise Conflict(f"No e-mail {whose} tracked; nothing was fetched.", "Set up e-mail tracking first.")
    poll_now = environment.fetching.poll_now
    if poll_now is None:
        raise Unavailable("The server is starting or stopping; nothing was fetched.", "Try again in a moment.")
    fetched = poll_now([account.mailbox.key for account in found], _LONGEST_POLL)
    return contract.Polled(
        mailboxes=tuple(
            contract.PolledMailbox(mailbox=one.mailbox, fetched=one.fetched, removed=one.removed, words=one.words)
            for one in fetched
        )
    )


def _view(account: Account, row: MailboxRow | None) -> contract.MailboxView:
    said = WORDS[Trouble(row.failure)] if row is not None and row.failure else None
    return contract.MailboxView(
        mailbox=account.mailbox.key,
        databases=account.databases,
        address=account.mailbox.address,
        polled_at=row.polled_at if row else None,
        succeeded_at=row.succeeded_at if row else None,
        failing_since=row.failing_since if row else None,
        failure=row.failure if row else "",
        words=said.words.format(text=row.text) if said and row else "",
        advice=said.advice if said else "",
        conversation=row.conversation if row else "",
        waiting=row.waiting if row else 0,
        waiting_since=row.waiting_since if row else None,
    )
