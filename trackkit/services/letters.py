"""Automatic letters: whoever wrote about a record, or submitted a defect, learns that it has arrived.

They are put down in the project, in the transaction that files what they acknowledge, so that nobody gets two: within
the project's `letter_hours` an address gets one, which is seen by the letters that are filed. Whether somebody may get
one at all is decided in `trackkit.domain.tracking.passing_on`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from trackkit.domain.addresses import address_problem
from trackkit.domain.databases import called
from trackkit.domain.errors import InvalidInput, NotFound
from trackkit.domain.log import Severity
from trackkit.domain.notices import may_be_told
from trackkit.domain.project.kind import Kind
from trackkit.domain.project.templates import Person
from trackkit.domain.tracking import carriers
from trackkit.domain.tracking.cookie import Keys, Tracked
from trackkit.domain.tracking.letter import Letter, Party, compose
from trackkit.domain.tracking.way import plain_way, tracked_way
from trackkit.domain.tracking_options import Mailbox, MailSettings, mailbox_of
from trackkit.services import project_templates, tracking_keys
from trackkit.services.environment import Environment
from trackkit.store import outbox, project_emails, received_emails
from trackkit.store.database import Connection
from trackkit.store.databases import DatabaseRow
from trackkit.store.outbox import Outgoing
from trackkit.store.project_emails import NewEmail

SOURCE: Final = "tracking"
WRITER: Final = "tracking"
"""Who files letters, as the project's tables name it."""

_TEMPLATE: Final = "Letter"


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What is acknowledged: a record and, of a mail about it, the number it is filed as, its id and subject."""

    kind: Kind
    record: int
    address: str
    answers: int | None = None
    message_id: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Sender:
    """In whose name a project's letters go out."""

    row: DatabaseRow
    settings: MailSettings
    mailbox: Mailbox | None
    """None = answers to them are not tracked."""
    keys: Keys


def sender_of(environment: Environment, row: DatabaseRow, settings: MailSettings) -> Sender:
    """In whose name the letters of a project go out."""
    options = environment.options.current.tracking
    mailbox = mailbox_of(options, settings.mailbox) if options.enabled and settings.tracking else None
    return Sender(row, settings, mailbox, tracking_keys.current(environment))


def may_get_one(connection: Connection, sender: Sender, address: str, now: datetime) -> bool:
    """Whether an address gets a letter for something else than a mail: it can be written to, is nobody's that is a
    program or tracks, and got none lately."""
    if not sender.settings.letter or address_problem(address) or not may_be_told(address, b""):
        return False
    if sender.mailbox is not None and sender.mailbox.is_own(address):
        return False
    since = now - timedelta(hours=sender.settings.letter_hours)
    return not received_emails.got_letters(connection, {address.lower()}, since)


def put_letter(
    connection: Connection,
    environment: Environment,
    sender: Sender,
    kind: Kind,
    record: int,
    address: str,
    now: datetime,
) -> bool:
    """Acknowledge a new record to somebody who left an address, in the transaction that stores it; whether they get a
    letter."""
    if not may_get_one(connection, sender, address, now):
        return False
    put_all(connection, environment, sender, [Acknowledgement(kind, record, address)], now)
    return True


def put_all(
    connection: Connection, environment: Environment, sender: Sender, wanted: Sequence[Acknowledgement], now: datetime
) -> None:
    """File letters and let them wait in the project. A template that cannot be used costs the letter, and is logged."""
    if not wanted:
        return
    number = project_emails.take_email_numbers(connection, len(wanted))
    emails, mails = [], []
    for one in wanted:
        try:
            letter = _letter(connection, environment, sender, one, number, now)
        except (InvalidInput, NotFound) as error:
            words = f"The automatic letter of {sender.row.name} could not be written: {error}"
            environment.log.write(Severity.warning, SOURCE, words, database=sender.row.name)
            continue
        raw = compose(letter)
        emails.append(_email(sender, one, letter, raw, number))
        mails.append(Outgoing(number, "letter", "", (one.address,), raw))
        number += 1
    project_emails.add_all(connection, emails, now, WRITER)
    outbox.put(connection, mails, now)


def _letter(
    connection: Connection,
    environment: Environment,
    sender: Sender,
    one: Acknowledgement,
    number: int,
    now: datetime,
) -> Letter:
    settings, mailbox = sender.settings, sender.mailbox
    author = Party(settings.notification_address or (mailbox.address if mailbox else ""), settings.notification_name)
    if not author.address:
        raise NotFound("the project has no notification account.")
    me = Person(author.name or called(sender.row.name), author.name, author.address)
    template = settings.letter_template or _TEMPLATE
    written = project_templates.rendered(connection, sender.row, template, one.kind, one.record, me)
    way = plain_way(author.address, f"letter.{number}.{sender.row.database_id}")
    if mailbox is not None:
        named = Tracked(sender.row.database_id, one.kind, one.record, number, 1)
        way = tracked_way(mailbox, sender.keys, environment.server_id, named)
    return Letter(
        author=author,
        to=(Party(one.address),),
        reply_to=way.back,
        subject=way.subject(written.subject),
        text=written.text,
        date=now.astimezone(environment.zone),
        message_id=way.message_id,
        references=(one.message_id,),
        automatic="auto-replied" if one.answers else "auto-generated",
    )


def _email(sender: Sender, one: Acknowledgement, letter: Letter, raw: bytes, number: int) -> NewEmail:
    return NewEmail(
        number=number,
        kind=one.kind,
        record=one.record,
        sent=True,
        origin="letter",
        tracked=sender.mailbox is not None,
        answers=one.answers,
        sender=letter.author.address,
        recipients=[one.address.lower()],
        subject=carriers.untagged(letter.subject),
        text=letter.text,
        message_id=letter.message_id,
        mailed_on=letter.date.date(),
        raw=raw,
    )
