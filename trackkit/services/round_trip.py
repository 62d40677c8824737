"""The synthetic round trip: a probe mail goes out by the usual way to a tracking address, and the import notes when it
comes back. What does not come back is told by health, and the log (`tracking_health`).

Probe and queued mail are one transaction. The chore sends one to each account as often as
`tracking.round_trip_hours` says; a probe has a null envelope sender, so that nothing answers it.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Final

from trackkit.contract import tracking as contract
from trackkit.domain.addresses import ascii_domain
from trackkit.domain.delivery import new_status
from trackkit.domain.errors import Conflict
from trackkit.domain.message import Envelope, domain_of, queue_id
from trackkit.domain.tracking import probe
from trackkit.domain.tracking.letter import Letter, Party, compose
from trackkit.domain.tracking_options import Mailbox, mailbox_of
from trackkit.services.environment import Call, Environment
from trackkit.services.fetching import accounts
from trackkit.services.mail import policy
from trackkit.services.notices import server_name
from trackkit.services.project_mail_settings import mailbox_of_project
from trackkit.store import new_mail, round_trips
from trackkit.store.database import Connection
from trackkit.store.new_mail import NewMessage

SUBMITTER: Final = "trackkit/probe"
"""Who submits probes; no user can have that name, because names hold no slash."""

_KEPT: Final = timedelta(days=30)


def send_probe(call: Call, request: contract.OfProject) -> contract.RoundTripView:
    """Send a probe to the server's tracking address, or to a project's."""
    environment = call.environment
    mailbox = _mailbox(environment, request.database)
    if not environment.options.current.sending.is_set_up:
        raise Conflict(
            "No mail can leave by SMTP; no probe was sent.", "Enter the mail host (sending.smtp.host), and test it."
        )

    def work(connection: Connection) -> str:
        probe_id = _send(connection, environment, mailbox, call.now)
        call.audit(connection, contract.ROUND_TRIP.name, mailbox.key, after={"queue_id": probe_id})
        return probe_id

    queued = environment.store.write(work)
    environment.mail_changed()
    return contract.RoundTripView(mailbox=mailbox.key, queue_id=queued, sent_at=call.now, returned_at=None)


def _mailbox(environment: Environment, database: str | None) -> Mailbox:
    """The account to which the probe goes; `Conflict` when there is none."""
    options = environment.options.current.tracking
    if database is None:
        found, whose = mailbox_of(options) if options.enabled else None, "for the server"
    else:
        row = environment.projects.row(database)
        found, whose = mailbox_of_project(environment, row), f"for {row.name}"
    if found is None:
        raise Conflict(f"E-mail tracking is off {whose}; no probe was sent.", "Set up e-mail tracking first.")
    return found


def send_due(environment: Environment) -> None:
    """Send a probe to each account to which none went for as long as the option says. A chore."""
    options, now = environment.options.current, environment.clock()
    hours = options.tracking.round_trip_hours
    if hours is None or not options.tracking.enabled or not options.sending.is_set_up:
        return
    mailboxes = [account.mailbox for account in accounts(environment)]

    def due(connection: Connection) -> list[Mailbox]:
        last = round_trips.last_sent(connection)
        return [one for one in mailboxes if one.key not in last or now - last[one.key] >= timedelta(hours=hours)]

    def work(connection: Connection) -> None:
        for mailbox in due(connection):
            _send(connection, environment, mailbox, now)
        round_trips.purge(connection, now - _KEPT)

    if environment.store.read(due):
        environment.store.write(work)
        environment.mail_changed()


def _send(connection: Connection, environment: Environment, mailbox: Mailbox, now: datetime) -> str:
    """Queue a probe and remember it; its id in the queue."""
    token = secrets.token_hex(16)
    own_id = probe.message_id(token, ascii_domain(domain_of(mailbox.address)))
    letter = Letter(
        author=Party(f"MAILER-DAEMON@{server_name()}", "trackkit"),
        to=(Party(mailbox.address),),
        subject="Probe of the way to the tracking address and back",
        text="This mail was sent by trackkit to itself. It is removed when it arrives.\n",
        date=now.astimezone(environment.zone),
        message_id=own_id,
        automatic="auto-generated",
    )
    new = NewMessage(compose(letter), Envelope("", (mailbox.address,)), own_id, letter.subject, SUBMITTER)
    number = new_mail.enqueue(connection, new, new_status(now, policy(environment.options.current)), now)
    round_trips.put(connection, token, mailbox.key, queue_id(number), now)
    return queue_id(number)
