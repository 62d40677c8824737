"""The e-mails of a project: filed with their records, with the bytes they came or went as, and whom they went to.

What is filed stays as it is, apart from what comes back from recipients. `NotFound` where there is nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, and_, delete, func, insert, or_, select, update

from trackkit.domain.project.kind import Kind
from trackkit.domain.project.kinds import KINDS, EmailOrigin, Standing
from trackkit.domain.tracking.carriers import untagged
from trackkit.domain.tracking.letter import Attachment, Letter
from trackkit.store.new_rows import NewRows
from trackkit.store.project_conditions import text_found
from trackkit.store.project_numbers import take_file_numbers, take_numbers
from trackkit.store.project_tables import TABLES, email_recipients, email_sources, files

_INFO: Final = KINDS[Kind.tracked_email]
emails: Final = TABLES[Kind.tracked_email]
_MADE: Final = ("revision", "created_at", "created_by", "changed_at", "changed_by")
_NEW_EMAILS: Final = NewRows(emails)
_NEW_SOURCES: Final = NewRows(email_sources)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEmail:
    """An e-mail to be filed.

    Parameters
    ----------
    number: of its own, from `take_email_numbers`.
    recipients: addresses; of a sent one, what comes back from each is noted with it.
    import_key: of a received one; the same is filed once.
    html: made safe.
    """

    number: int
    kind: Kind
    record: int
    sent: bool
    origin: EmailOrigin = "person"
    tracked: bool
    answers: int | None = None
    user: str = ""
    standing: Standing = "known"
    sender: str
    recipients: Sequence[str]
    subject: str
    text: str
    cut: str = ""
    html: str = field(default="", repr=False)
    message_id: str
    mailed_on: date | None
    raw: bytes = field(repr=False)
    import_key: str | None = None
    problems: Sequence[str] = ()
    files: Sequence[Attachment] = ()


def written_here(
    letter: Letter,
    raw: bytes,
    *,
    number: int,
    kind: Kind,
    record: int,
    tracked: bool,
    origin: EmailOrigin = "person",
    answers: int | None = None,
    user: str = "",
) -> NewEmail:
    """A letter that goes out as `raw`, as it is filed: its subject without tags."""
    return NewEmail(
        number=number,
        kind=kind,
        record=record,
        sent=True,
        origin=origin,
        tracked=tracked,
        answers=answers,
        user=user,
        sender=letter.author.address,
        recipients=[party.address for party in (*letter.to, *letter.cc)],
        subject=untagged(letter.subject),
        text=letter.text,
        message_id=letter.message_id,
        mailed_on=letter.date.date(),
        raw=raw,
        files=letter.files,
    )


def take_email_numbers(connection: Connection, wanted: int = 1) -> int:
    """The first of so many new numbers of e-mails."""
    return take_numbers(connection, Kind.tracked_email, wanted)


def has_record(connection: Connection, kind: Kind, number: int) -> bool:
    """Whether there is such a record; if so, it stays there until the transaction ends."""
    table = TABLES[kind]
    query = select(table.c.id).where(table.c.id == number).with_for_update(read=True, key_share=True)
    return connection.execute(query).first() is not None


def record_of(kind: Kind, number: int) -> str:
    """How an e-mail names its record."""
    return f"{kind} {number}"


def add_all(connection: Connection, news: Sequence[NewEmail], now: datetime, username: str) -> None:
    """File e-mails; their records have to be there (`has_record`)."""
    if not news:
        return
    made = dict(zip(_MADE, (1, now, username, now, username), strict=True))
    _NEW_EMAILS.add(connection, [_row(new) for new in news], made)
    _NEW_SOURCES.add(connection, [_source(new) for new in news])
    if to := [one for new in news if new.sent for one in _to(new)]:
        connection.execute(insert(email_recipients), to)
    if attached := [(new.number, file) for new in news for file in new.files]:
        first = take_file_numbers(connection, len(attached))
        rows = [_file(first + at, number, file, now, username) for at, (number, file) in enumerate(attached)]
        connection.execute(insert(files), rows)


def _row(new: NewEmail) -> dict[str, Any]:
    return {
        "id": new.number,
        "record": record_of(new.kind, new.record),
        "direction": "sent" if new.sent else "received",
        "origin": new.origin,
        "tracked": new.tracked,
        "answers": new.answers,
        "user": new.user,
        "standing": new.standing,
        "sender": new.sender,
        "recipients": list(new.recipients),
        "subject": new.subject,
        "text": new.text,
        "cut": new.cut,
        "queue_id": "",
        "message_id": new.message_id,
        "mailed_on": new.mailed_on,
    }


def _source(new: NewEmail) -> dict[str, Any]:
    return {
        "email": new.number,
        "import_key": new.import_key,
        "sha256": hashlib.sha256(new.raw).hexdigest(),
        "raw": new.raw,
        "html": new.html,
        "problems": list(new.problems),
    }


def _to(new: NewEmail) -> Iterable[dict[str, Any]]:
    for number, address in enumerate(new.recipients, 1):
        yield {
            "email": new.number,
            "number": number,
            "address": address,
            "outcome": "",
            "status_code": "",
            "hard": None,
            "text": "",
            "at": None,
        }


def _file(number: int, email: int, file: Attachment, now: datetime, username: str) -> dict[str, Any]:
    return {
        "id": number,
        "record_kind": Kind.tracked_email,
        "record_id": email,
        "name": file.name,
        "size": len(file.content),
        "sha256": hashlib.sha256(file.content).hexdigest(),
        "content": file.content,
        "added_at": now,
        "added_by": username,
    }


@dataclass(frozen=True, slots=True)
class RecipientRow:
    """Whom a sent e-mail went to, and what came back from there."""

    number: int
    address: str
    outcome: str
    status_code: str
    hard: bool | None
    text: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class EmailRow:
    """An e-mail as lists show it."""

    number: int
    record: str
    direction: str
    origin: EmailOrigin
    tracked: bool
    answers: int | None
    user: str
    standing: Standing
    sender: str
    addresses: tuple[str, ...]
    """Of a received one, whom it names; of a sent one the same as in `recipients`."""
    recipients: tuple[RecipientRow, ...]
    subject: str
    text: str
    cut: str
    queue_id: str
    message_id: str
    created_at: datetime
    files: int

    @property
    def kind(self) -> Kind:
        """Of its record."""
        return Kind(self.record.partition(" ")[0])

    @property
    def record_number(self) -> int:
        """Of its record."""
        return int(self.record.partition(" ")[2])


def find(connection: Connection, number: int) -> EmailRow | None:
    """The e-mail with that number."""
    row = connection.execute(select(emails).where(emails.c.id == number)).first()
    return _emails(connection, [row])[0] if row else None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which e-mails: of one record, or of all records of some kinds; with a text in them."""

    kinds: Collection[Kind]
    record: str | None = None
    text: str | None = None


def page(connection: Connection, wanted: Wanted, after: int | None, limit: int) -> list[EmailRow]:
    """E-mails in their order for a record, else the newest first; those that come after the number `after`."""
    query = _selected(select(emails), wanted)
    if after is not None:
        query = query.where(emails.c.id > after if wanted.record else emails.c.id < after)
    query = query.order_by(emails.c.id if wanted.record else emails.c.id.desc()).limit(limit)
    return _emails(connection, connection.execute(query).all())


def count(connection: Connection, wanted: Wanted) -> int:
    """How many there are."""
    query = _selected(select(func.count()).select_from(emails), wanted)
    return int(connection.execute(query).scalar_one())


def _selected(query: Select[Any], wanted: Wanted) -> Select[Any]:
    if wanted.record is not None:
        query = query.where(emails.c.record == wanted.record)
    else:
        query = query.where(or_(*(emails.c.record.startswith(f"{kind} ", autoescape=True) for kind in wanted.kinds)))
    return query if wanted.text is None else query.where(text_found(_INFO, wanted.text))


def _emails(connection: Connection, rows: Sequence[Row[Any]]) -> list[EmailRow]:
    numbers = [row.id for row in rows]
    attached, to = _file_counts(connection, numbers), _recipients(connection, numbers)
    return [
        EmailRow(
            number=row.id,
            record=row.record,
            direction=row.direction,
            origin=row.origin,
            tracked=row.tracked,
            answers=row.answers,
            user=row.user,
            standing=row.standing,
            sender=row.sender,
            addresses=tuple(row.recipients),
            recipients=tuple(to.get(row.id, ())),
            subject=row.subject,
            text=row.text,
            cut=row.cut,
            queue_id=row.queue_id,
            message_id=row.message_id,
            created_at=row.created_at,
            files=attached.get(row.id, 0),
        )
        for row in rows
    ]


def _file_counts(connection: Connection, numbers: Sequence[int]) -> dict[int, int]:
    query = select(files.c.record_id, func.count()).where(_files_of(numbers)).group_by(files.c.record_id)
    return {row[0]: row[1] for row in connection.execute(query)}


def _files_of(numbers: Sequence[int]) -> Any:
    return and_(files.c.record_kind == Kind.tracked_email, files.c.record_id.in_(numbers))


def _recipients(connection: Connection, numbers: Sequence[int]) -> Mapping[int, list[RecipientRow]]:
    query = select(email_recipients).where(email_recipients.c.email.in_(numbers))
    found: dict[int, list[RecipientRow]] = {}
    for email, *about in connection.execute(query.order_by(email_recipients.c.email, email_recipients.c.number)):
        found.setdefault(email, []).append(RecipientRow(*about))
    return found


@dataclass(frozen=True, slots=True)
class SourceRow:
    """What an e-mail was made of. An e-mail of before 0.4 has no bytes."""

    sha256: str
    size: int
    html: str
    problems: tuple[str, ...]


def source(connection: Connection, number: int) -> SourceRow:
    """What is known of the bytes of an e-mail."""
    table = email_sources
    query = select(table.c.sha256, func.length(table.c.raw), table.c.html, table.c.problems)
    row = connection.execute(query.where(table.c.email == number)).first()
    return SourceRow(row[0], row[1], row[2], tuple(row[3])) if row else SourceRow("", 0, "", ())


def raw(connection: Connection, number: int) -> bytes | None:
    """The bytes of an e-mail, if they are here."""
    found = connection.execute(select(email_sources.c.raw).where(email_sources.c.email == number)).scalar()
    return None if found is None else bytes(found)


def replies(connection: Connection, number: int) -> list[int]:
    """The numbers of the e-mails that answer this one."""
    return list(
        connection.execute(select(emails.c.id).where(emails.c.answers == number).order_by(emails.c.id)).scalars()
    )


def thread_of(connection: Connection, number: int, most: int) -> list[EmailRow]:
    """An e-mail and those it answers, one after the other, at most so many; the e-mail last."""
    found: list[EmailRow] = []
    following: int | None = number
    while following is not None and len(found) < most and following not in {one.number for one in found}:
        row = find(connection, following)
        if row is None:
            break
        found.append(row)
        following = row.answers
    return found[::-1]


def remove(connection: Connection, number: int) -> None:
    """Delete an e-mail with its bytes and files; answers to it stay, and answer nothing that is there."""
    connection.execute(update(emails).where(emails.c.answers == number).values(answers=None))
    connection.execute(delete(files).where(_files_of([number])))
    connection.execute(delete(emails).where(emails.c.id == number))
