"""Automatic letters: whoever wrote about a record, or submitted a defect, learns that it has arrived.

They are put down in the project, in the transaction that files what they acknowledge, so that nobody gets two: within
the project's `letter_hours` an address gets one, which is seen by the letters that are filed. Whether somebody may get
one at all is decided in `trackkit.domain.tracking.passing_on`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from trackkit.domain.addresses import address_problem
from trackkit.domain.databases import called
from trackkit.domain.errors import InvalidInput, NotFound
from trackkit.domain.log import Severity
from trackkit.domain.notices import may_be_told
from trackkit.domain.project.kind import Kind
from trackkit.domain.project.templates import LETTER, Person
from trackkit.domain.tracking.cookie import Keys, Tracked
from trackkit.domain.tracking.letter import Letter, Party, compose
from trackkit.domain.tracking.way import plain_way, tracked_way
from trackkit.domain.tracking_options import Mailbox, MailSettings, project_mailbox
from trackkit.services import project_templates, tracking_keys
from trackkit.services.environment import Environment
from trackkit.services.project_mail_settings import own_addresses
from trackkit.store import outbox, project_emails, received_emails
from trackkit.store.database import Connection
from trackkit.store.databases import DatabaseRow
from trackkit.store.outbox import Outgoing
from trackkit.store.project_emails import NewEmail

SOURCE: Final = "tracking"
WRITER: Final = "tracking"
"""Who files letters, as the project's tables name it."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What is acknowledged: a record and, of a mail about it, the number it is filed as and its id."""

    kind: Kind
    record: int
    address: str
    answers: int | None = None
    message_id: str = ""


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
    mailbox = project_mailbox(environment.options.current.tracking, settings)
    return Sender(row, settings, mailbox, tracking_keys.current(environment))


def may_get_letters(environment: Environment, settings: MailSettings, address: str) -> bool:
    """Whether letters of a project go to somebody who left an address: it can be written to, is nobody's that is a
    program, and no tracking address."""
    if not settings.letter or address_problem(address) or not may_be_told(address, b""):
        return False
    return not own_addresses(environment)(address)


def put_letter(
    connection: Connection,
    environment: Environment,
    sender: Sender,
    kind: Kind,
    record: int,
    address: str,
    now: datetime,
) -> None:
    """Acknowledge a new record to somebody who left an address, in the transaction that stores it.

    They get a letter if they may (`may_get_letters`) and got none lately.
    """
    since = now - timedelta(hours=sender.settings.letter_hours)
    if not received_emails.got_letters(connection, {address.lower()}, since):
        put_all(connection, environment, sender, [Acknowledgement(kind, record, address)], now)


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
        emails.append(_filed(sender, one, letter, raw, number))
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
    template = settings.letter_template or LETTER
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


def _filed(sender: Sender, one: Acknowledgement, letter: Letter, raw: bytes, number: int) -> NewEmail:
    email = project_emails.written_here(
        letter,
        raw,
        number=number,
        kind=one.kind,
        record=one.record,
        tracked=sender.mailbox is not None,
        origin="letter",
        answers=one.answers,
    )
    return replace(email, recipients=[one.address.lower()])  # as `received_emails.got_letters` looks for it
