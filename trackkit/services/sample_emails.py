"""The e-mails of the sample database: a customer's question with its answer, and one that waits for an answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from trackkit.domain.project.kind import named_record
from trackkit.domain.tracking.letter import Letter, Party, compose
from trackkit.store import project_emails
from trackkit.store.database import Connection
from trackkit.store.project_emails import NewEmail

_DESK: Final = Party("support@sample.invalid", "Dóra Kovács")
_NORTHWIND: Final = Party("orders@northwind.invalid", "Northwind Traders")
_MAPLE: Final = Party("shop@maple.invalid", "Maple Books")


@dataclass(frozen=True, slots=True)
class _Mail:
    """One of them; `days` before the first start, `answers` the how-manieth of them, counted from 1."""

    record: str
    author: Party
    to: Party
    subject: str
    text: str
    message_id: str
    days: int
    user: str = ""
    answers: int | None = None


_MAILS: Final = (
    _Mail(
        "defect 4",
        _NORTHWIND,
        _DESK,
        "Labels print too low",
        "Since Monday every label is one line too low.\n",
        "<labels-1@northwind.invalid>",
        5,
    ),
    _Mail(
        "defect 4",
        _DESK,
        _NORTHWIND,
        "Re: Labels print too low",
        "Which printer do you use?\n",
        "<labels-2@sample.invalid>",
        4,
        user="dora",
        answers=1,
    ),
    _Mail(
        "defect 7",
        _MAPLE,
        _DESK,
        "Our telephone number",
        "The form refuses +1 555 0100.\n",
        "<phone-1@maple.invalid>",
        3,
    ),
)


def fill(connection: Connection, now: datetime, author: str) -> None:
    """File them with their records, which are there."""
    first = project_emails.take_email_numbers(connection, len(_MAILS))
    project_emails.add_all(connection, [_email(mail, first, at, now) for at, mail in enumerate(_MAILS)], now, author)


def _email(mail: _Mail, first: int, at: int, now: datetime) -> NewEmail:
    kind, record = named_record(mail.record)
    date = now - timedelta(days=mail.days)
    letter = Letter(
        author=mail.author,
        to=[mail.to],
        subject=mail.subject,
        text=mail.text,
        date=date,
        message_id=mail.message_id,
        references=[_MAILS[mail.answers - 1].message_id] if mail.answers else (),
    )
    return NewEmail(
        number=first + at,
        kind=kind,
        record=record,
        sent=bool(mail.user),
        tracked=False,
        answers=first + mail.answers - 1 if mail.answers else None,
        user=mail.user,
        sender=mail.author.address,
        recipients=[mail.to.address],
        subject=mail.subject,
        text=mail.text,
        message_id=mail.message_id,
        mailed_on=date.date(),
        raw=compose(letter),
    )
