"""Mails about log entries: when a window is over, what was collected goes into the server's own queue as one mail.

One transaction puts the mail into the queue and empties what was collected: a restart neither mails twice nor forgets.
The mail says that a program made it (RFC 3834 §5), so that nothing answers it. Whatever goes wrong with these mails is
logged with ``mailed=False``, here and in the mail engine, and so never becomes another one.
"""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, make_msgid
from typing import Final

from trackkit.domain import log_digest, options
from trackkit.domain.addresses import address_problem, wire_address
from trackkit.domain.delivery import Event, State, Status, message_state, new_status, step
from trackkit.domain.log import Severity
from trackkit.domain.log_digest import Digest, Earlier, Mailing, Step
from trackkit.domain.log_options import LogOptions
from trackkit.domain.log_text import scrubbed
from trackkit.domain.message import checked_envelope, domain_of
from trackkit.services.environment import Environment
from trackkit.services.mail import DIGESTS, policy
from trackkit.store import new_mail, queue
from trackkit.store.database import Connection
from trackkit.store.new_mail import NewMessage

SOURCE: Final = "log"
_NOTHING_DUE: Final = (Step.nothing, Step.wait)


def mail_log(environment: Environment) -> None:
    """Do what is due about what was collected. Its troubles are logged, never mailed, and it is tried again."""
    try:
        _look(environment)
    except Exception as error:  # noqa: BLE001 - whatever it is: elsewhere it would be mailed, and so come back
        words = "Log entries could not be e-mailed; it is tried again."
        environment.log.write(Severity.error, SOURCE, words, f"{type(error).__name__}: {error}", mailed=False)


def _look(environment: Environment) -> None:
    if environment.digest.present.opened_at is None:
        return  # the usual case
    current = environment.options.current
    log = current.log
    now, window = environment.clock(), timedelta(seconds=log.email_window_seconds)

    def step_now(connection: Connection, digest: Digest) -> Step:
        return log_digest.decide(digest, _mailing(current), _earlier(connection, digest, log), window, now)

    def work(connection: Connection, digest: Digest) -> tuple[tuple[Step, Digest], Digest]:
        due = step_now(connection, digest)
        if due in _NOTHING_DUE:
            return (due, digest), digest
        if due in (Step.forget, Step.skip):
            return (due, digest), log_digest.passed_over(digest)
        told = digest
        if due is Step.supersede:
            told = replace(digest, undelivered=digest.undelivered + digest.earlier_entries)
            _delete_earlier(connection, environment, digest, now)
        number = _enqueue(connection, environment, told, now)
        return (due, digest), log_digest.queued(told, number)

    present = environment.digest.present
    if environment.store.read(lambda connection: step_now(connection, present)) in _NOTHING_DUE:
        return
    done, digest = environment.digest.changing(work)
    if done is Step.skip:
        number = "1 log entry was" if digest.entries == 1 else f"{digest.entries:,} log entries were"
        words = f"{number} not e-mailed: {options.not_mailed(current)}"
        environment.log.write(Severity.warning, SOURCE, words, mailed=False)
    if done is Step.supersede:
        words = "The last mail about log entries had failed, or waited for another address. A new one replaces it."
        environment.log.write(Severity.information, SOURCE, words, mailed=False)
    if done in (Step.send, Step.supersede):
        environment.mail_changed()


def _mailing(current: options.Options) -> Mailing:
    log = current.log
    if log.email_level == "off" or log.email_to is None:
        return Mailing.off
    return Mailing.hindered if options.not_mailed(current) else Mailing.on


def _earlier(connection: Connection, digest: Digest, log: LogOptions) -> Earlier:
    found = queue.states_of(connection, digest.earlier) if digest.earlier is not None else []
    state = message_state(state for _, state in found) if found else State.sent
    if state in (State.sent, State.deleted):
        return Earlier.gone
    elsewhere = state is not State.active and log.email_to not in [address for address, _ in found]
    return Earlier.failed if state is State.failed or elsewhere else Earlier.waits


def _delete_earlier(connection: Connection, environment: Environment, digest: Digest, now: datetime) -> None:
    retry = policy(environment.options.current)
    rows = queue.of_messages(connection, [digest.earlier] if digest.earlier is not None else [])
    changes = [(row, step(row.status, Event.delete, retry, now)) for row in rows]
    queue.set_statuses(connection, [(row, new) for row, new in changes if isinstance(new, Status)])


def _enqueue(connection: Connection, environment: Environment, digest: Digest, now: datetime) -> int:
    message = _message(environment, digest, now)
    log = environment.options.current.log
    to = [log.email_to or ""]
    by_mapi = log.email_address_type == "mapi"
    envelope = checked_envelope(log.email_return_address or "", [] if by_mapi else to, to if by_mapi else [])
    new = NewMessage(message.as_bytes(), envelope, str(message["Message-ID"]), str(message["Subject"])[:200], DIGESTS)
    return new_mail.enqueue(connection, new, new_status(now, policy(environment.options.current)), now)


def _message(environment: Environment, digest: Digest, now: datetime) -> EmailMessage:
    """The mail; without a return address it comes from the address it goes to, which is the only one that is known.

    What is no address of the Internet is not in its header: MAPI is given it beside.
    """
    current = environment.options.current
    log, server = current.log, socket.gethostname() or environment.server_id
    secrets = options.secrets(current)
    window = timedelta(seconds=log.email_window_seconds)
    to = "" if address_problem(log.email_to or "") else log.email_to or ""
    sender, recipient = (wire_address(a) for a in (log.email_return_address or to or "trackkit@trackkit.invalid", to))
    message = EmailMessage(policy=SMTP if (sender + recipient).isascii() else SMTPUTF8)
    message["From"] = f"trackkit <{sender}>"
    if recipient:
        message["To"] = recipient
    message["Subject"] = scrubbed(log_digest.subject(digest, server), secrets)
    message["Date"] = format_datetime(now.astimezone(environment.zone))
    message["Message-ID"] = make_msgid(domain=domain_of(sender) if not sender.endswith("]") else "trackkit.invalid")
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(scrubbed(log_digest.body(digest, server, environment.zone, window), secrets))
    return message
