"""Mail comes into the queue: a message with its recipients, or many at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from trackkit.domain.delivery import Status
from trackkit.domain.message import Envelope, MailType
from trackkit.store.new_rows import NewRows, reserved
from trackkit.store.queue import status_columns
from trackkit.store.tables import bodies, messages, recipients


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to be queued, with what lists show of it."""

    raw: bytes
    envelope: Envelope
    message_id: str
    subject: str
    submitted_by: str
    on_top: Callable[[int], bytes] | None = None
    """Makes of its number what is stored before it; the size is that of the message alone."""


_UNSAID: Final = {"enhanced_code": "", "text": ""}
_NEW_MESSAGES = NewRows(messages, "warned_at")
_NEW_BODIES = NewRows(bodies)
_NEW_RECIPIENTS = NewRows(
    recipients,
    *("id", "worker", "leased_until", "verdict", "stage", "failure", "smtp_code", "reason", "deletion"),
)


def enqueue(connection: Connection, new: NewMessage, status: Status, now: datetime) -> int:
    """Store a message with its recipients; its number in the queue."""
    return enqueue_all(connection, [new], status, now)[0]


def enqueue_all(connection: Connection, news: Sequence[NewMessage], status: Status, now: datetime) -> list[int]:
    """Store messages with their recipients; their numbers in the queue."""
    if not news:
        return []
    keys = reserved(connection, messages, len(news))
    numbered = list(zip(keys, news, strict=True))
    _NEW_MESSAGES.add(
        connection,
        [
            {
                "id": key,
                "mail_from": new.envelope.mail_from,
                "message_id": new.message_id,
                "subject": new.subject,
                "size": len(new.raw),
                "submitted_by": new.submitted_by,
            }
            for key, new in numbered
        ],
        {"queued_at": now, "attempts": 0, "conversation": ""},
    )
    _NEW_BODIES.add(
        connection,
        [{"message_id": key, "raw": new.on_top(key) + new.raw if new.on_top else new.raw} for key, new in numbered],
    )
    _NEW_RECIPIENTS.add(
        connection,
        [
            {"message_id": key, "address": address, "mail_type": mail_type}
            for key, new in numbered
            for mail_type, addresses in _by_type(new.envelope)
            for address in addresses
        ],
        {**_UNSAID, **status_columns(status)},
    )
    return keys


def _by_type(envelope: Envelope) -> tuple[tuple[MailType, tuple[str, ...]], ...]:
    return (MailType.internet, envelope.rcpt_tos), (MailType.mapi, envelope.by_mapi)
