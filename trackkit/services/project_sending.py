"""Sending e-mail about a record, and answering one: filed and on its way in one transaction of the project.

The mail is in the server's queue when this returns, or will be as soon as the queue's database is there again. What is
refused changes nothing: `Conflict` while something is not set up, `InvalidInput` for whom or what cannot be sent.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from trackkit.contract import project_mail as contract
from trackkit.domain.errors import InvalidInput, MessageTooLarge, NotFound, NotLoggedIn, Problem
from trackkit.domain.project.kind import Kind, named_record
from trackkit.domain.project.kinds import KINDS
from trackkit.domain.text import line_of
from trackkit.domain.tracking.carriers import untagged
from trackkit.domain.tracking.cookie import Tracked
from trackkit.domain.tracking.letter import Attachment, Letter, Party, compose
from trackkit.domain.tracking.sending import Known, Own, addressees, answer_to, refuse_unready, sender
from trackkit.domain.tracking.way import Way, plain_way, tracked_way
from trackkit.services import project_outbox, tracking_keys
from trackkit.services.environment import Call
from trackkit.services.project_emails import email_of, view
from trackkit.services.project_files import checked_name
from trackkit.services.project_items import project_of
from trackkit.services.project_login import identity_of
from trackkit.services.project_mail_settings import mailbox_of_project, own_addresses
from trackkit.services.project_stores import OpenProject
from trackkit.services.project_templates import person_of, rendered
from trackkit.store import outbox, project_emails, project_items
from trackkit.store.database import Connection
from trackkit.store.outbox import Outgoing
from trackkit.store.project_emails import EmailRow
from trackkit.store.project_items import ItemRow

_THREAD: Final = 50
"""E-mails of a thread that its next one refers to, at most; a letter names fewer."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What shall be sent."""

    kind: Kind
    record: int
    to: Sequence[str]
    cc: Sequence[str]
    files: Sequence[Attachment]
    words: Callable[[Connection], tuple[str, str]]
    """Subject and text."""
    answers: EmailRow | None = None


_WayOf = Callable[[int, str, int], Way]
"""Of the number of an e-mail, its author's address and how many it goes to."""


def send_email(call: Call, request: contract.SendEmail) -> contract.EmailView:
    """Send an e-mail about a record."""
    kind, number = named_record(request.record)
    project = project_of(call, kind, "send_mail")
    if request.template is not None:
        project_of(call, kind, "view")  # a template can say whatever stands in the record

    def words(connection: Connection) -> tuple[str, str]:
        return _words(connection, project, request, kind, number, call.actor.username)

    wanted = _Wanted(kind, number, request.to, request.cc, _checked_files(request.files), words)
    return _send(call, project, wanted, tracked=request.tracked)


def reply_to_email(call: Call, request: contract.ReplyToEmail) -> contract.EmailView:
    """Answer an e-mail, in its thread."""
    row, project = email_of(call, request.number, "reply_to_mail")
    text = _storable(request.text)
    to = request.to or ((row.sender,) if row.direction == "received" else row.addresses)
    if not any(to):
        raise InvalidInput.of("to", f"is needed: e-mail {row.number} names nobody to answer")
    wanted = _Wanted(
        row.kind,
        row.record_number,
        to,
        (),
        _checked_files(request.files),
        lambda _: (answer_to(row.subject), text),
        row,
    )
    return _send(call, project, wanted, tracked=row.tracked)


def _words(
    connection: Connection, project: OpenProject, request: contract.SendEmail, kind: Kind, number: int, username: str
) -> tuple[str, str]:
    """Subject and text, from the template where they are not given."""
    subject, text = request.subject or "", request.text or ""
    if request.template is not None and not (subject.strip() and text.strip()):
        me = person_of(connection, username)
        made = rendered(connection, project.row, request.template, kind, number, me)
        subject, text = subject if subject.strip() else made.subject, text if text.strip() else made.text
    missing = [name for name, given in (("subject", subject), ("text", text)) if not given.strip()]
    if missing:
        raise InvalidInput(
            "The e-mail was refused; nothing was sent.",
            "Give them, or a template.",
            problems=[Problem(name, "is empty") for name in missing],
        )
    return untagged(line_of(subject)), _storable(text)


def _storable(text: str) -> str:
    if "\x00" in text or any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        raise InvalidInput.of("text", "holds characters that no mail can carry (NUL or half a character)")
    return text


def _checked_files(files: Sequence[contract.NewFile]) -> list[Attachment]:
    return [Attachment(checked_name(file.name), file.content) for file in files]


def _send(call: Call, project: OpenProject, wanted: _Wanted, *, tracked: bool) -> contract.EmailView:
    environment, row = call.environment, project.row
    mailbox = mailbox_of_project(environment, row)
    refuse_unready(environment.options.current, row.settings.sending, tracked, mailbox is not None, row.name)
    keys = tracking_keys.current(environment)
    own = own_addresses(environment)

    def way(number: int, author: str, recipients: int) -> Way:
        if not tracked or mailbox is None:
            return plain_way(author, secrets.token_hex(16))
        one = 1 if recipients == 1 else 0
        named = Tracked(row.database_id, wanted.kind, wanted.record, number, one)
        return tracked_way(mailbox, keys, environment.server_id, named)

    number = project.write(lambda connection: _filed(call, connection, wanted, own, way))
    project_outbox.flush(environment, row)
    done = project.read(lambda connection: project_emails.find(connection, number))
    if done is None:
        raise NotFound(f"E-mail {number} was sent, and deleted meanwhile.")
    return view(done)


def _filed(call: Call, connection: Connection, wanted: _Wanted, own: Own, way_of: _WayOf) -> int:
    """File the e-mail and put it on its way; its number."""
    if not project_emails.has_record(connection, wanted.kind, wanted.record):
        title = KINDS[wanted.kind].title.lower()
        raise NotFound(f"There is no {title} {wanted.record} in this project; nothing was sent.")
    author, to = sender(_user(call, connection), own), _addressees(connection, wanted, own)
    subject, text = wanted.words(connection)
    number = project_emails.take_email_numbers(connection)
    addresses = tuple(party.address for parties in to.values() for party in parties)
    way = way_of(number, author.address, len(addresses))
    letter = Letter(
        author=author,
        to=to["to"],
        cc=to.get("cc", ()),
        reply_to=way.back,
        subject=way.subject(subject),
        text=text,
        date=call.now.astimezone(call.environment.zone),
        message_id=way.message_id,
        references=_references(connection, wanted.answers),
        files=wanted.files,
    )
    raw = compose(letter)
    _refuse_large(call, raw)
    email = project_emails.written_here(
        letter,
        raw,
        number=number,
        kind=wanted.kind,
        record=wanted.record,
        tracked=bool(way.tag),
        answers=wanted.answers.number if wanted.answers else None,
        user=call.actor.username,
    )
    project_emails.add_all(connection, [email], call.now, call.actor.username)
    outbox.put(connection, [Outgoing(number, "sent", way.back, addresses, raw)], call.now)
    return number


def _user(call: Call, connection: Connection) -> Known:
    """Who sends."""
    row = project_items.by_number(connection, KINDS[Kind.user], identity_of(call).user_number)
    if row is None:
        raise NotLoggedIn("Your project session has ended.", "The account was deleted.")
    return _known(row)


def _addressees(connection: Connection, wanted: _Wanted, own: Own) -> dict[str, list[Party]]:
    given = [*(("to", text) for text in wanted.to), *(("cc", text) for text in wanted.cc)]
    return addressees(given, lambda name: _people(connection, name), own)


def _people(connection: Connection, name: str) -> list[Known]:
    """The users and customers of that name."""
    rows = [project_items.find(connection, KINDS[kind], name) for kind in (Kind.user, Kind.customer)]
    return [_known(row) for row in rows if row is not None]


def _known(row: ItemRow) -> Known:
    shown = row.values.get("full_name") or row.key
    return Known(KINDS[row.kind].title.lower(), row.key, Party(row.values["email"], shown))


def _references(connection: Connection, answered: EmailRow | None) -> list[str]:
    """The message ids of the thread that is answered."""
    if answered is None:
        return []
    thread = project_emails.thread_of(connection, answered.number, _THREAD)
    if not thread:
        raise NotFound(f"There is no e-mail {answered.number} in this project any more; nothing was sent.")
    return [row.message_id for row in thread]


def _refuse_large(call: Call, raw: bytes) -> None:
    limit = call.environment.options.current.sending.timing.largest_message
    if len(raw) > limit:
        raise MessageTooLarge(
            f"The e-mail would have {len(raw):,} bytes; at most {limit:,} are sent. Nothing was sent.",
            "Attach less.",
            problems=[Problem("files", "are too large")],
        )
