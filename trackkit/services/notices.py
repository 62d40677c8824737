"""Notifications to senders: composed, and put into the queue in the transaction that settles what they tell of.

So a notification is neither lost nor sent twice, whenever the server stops. It comes from ``MAILER-DAEMON`` at this
machine's own name, as those of other mail servers do, so that mail programs and rules know it for what it is; its
envelope sender is null (RFC 3464 §2), so that it can never be answered or cause another one. Whom it goes to and what
it says is decided in `trackkit.domain.notices`.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.charset import QP, Charset
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.policy import Policy, compat32
from email.utils import format_datetime, make_msgid
from functools import cache, partial
from typing import Final

from trackkit.domain import notices
from trackkit.domain.addresses import address_problem
from trackkit.domain.delivery import new_status
from trackkit.domain.log_text import harmless, scrubbed
from trackkit.domain.message import Envelope, header_block, queue_id
from trackkit.domain.notices import Notice, Undelivered
from trackkit.domain.options import secrets
from trackkit.services.environment import MailEnvironment
from trackkit.services.mail import policy
from trackkit.store import new_mail
from trackkit.store import notices as store
from trackkit.store.database import Connection
from trackkit.store.new_mail import NewMessage
from trackkit.store.notices import Waiting

NOTICES: Final = "trackkit/mail"
"""Who submits notifications; no user can have that name, because names hold no slash."""

_HEADERS: Final = 16_384
"""Characters of the original's header that are returned."""

_POLICY: Final[Policy] = compat32.clone(linesep="\r\n", max_line_length=None)
_MESSAGE_ID: Final = re.compile(r"<[!-;=?-~]{1,400}>\Z")


@dataclass(frozen=True, slots=True)
class Tell:
    """A recipient that could not be reached, and of which message."""

    message_id: int
    mail_from: str
    raw: bytes
    one: Undelivered


@cache
def server_name() -> str:
    """What this machine calls itself, as the domain of an address. May ask the DNS, once."""
    for name in (socket.getfqdn(), socket.gethostname()):
        if not address_problem(f"MAILER-DAEMON@{name}") and not name.startswith("localhost"):
            return name
    return "trackkit.invalid"


def tell_senders(connection: Connection, environment: MailEnvironment, found: Sequence[Tell], now: datetime) -> bool:
    """Put notifications into the queue, one a message and fate; whether there were any.

    Of what is only late the sender is told once a message, and only if `sending.timing.delay_warning_hours` says so.
    """
    hours = environment.options.current.sending.timing.delay_warning_hours
    wanted = [tell for tell in found if tell.one.retry_until is None or hours is not None]
    answered = {tell.message_id: tell for tell in wanted}
    may_be = {key for key, tell in answered.items() if notices.may_be_told(tell.mail_from, tell.raw)}
    wanted = [tell for tell in wanted if tell.message_id in may_be]
    if not wanted:
        return False
    about = store.waiting(connection, {tell.message_id for tell in wanted})
    late = {key for key, message in about.items() if _is_late(message, hours, now)}
    by_fate: dict[tuple[int, bool], list[Tell]] = {}
    for tell in wanted:
        final = tell.one.retry_until is None
        if final or tell.message_id in late:
            by_fate.setdefault((tell.message_id, final), []).append(tell)
    for (key, _), tells in by_fate.items():
        _enqueue(connection, environment, about[key], tells, now)
    store.note_warnings(connection, [key for key, final in by_fate if not final], now)
    return bool(by_fate)


def _is_late(message: Waiting, hours: int | None, now: datetime) -> bool:
    return hours is not None and message.warned_at is None and now - message.queued_at >= timedelta(hours=hours)


def _enqueue(
    connection: Connection, environment: MailEnvironment, message: Waiting, tells: Sequence[Tell], now: datetime
) -> None:
    first = tells[0]
    notice = Notice(queue_id(first.message_id), message.subject, message.queued_at, [tell.one for tell in tells])
    own_id = make_msgid(domain=server_name())
    raw = compose(environment, notice, first.mail_from, message.message_id, first.raw, own_id, now)
    new = NewMessage(raw, Envelope("", (first.mail_from,)), own_id, notices.subject(notice), NOTICES)
    new_mail.enqueue(connection, new, new_status(now, policy(environment.options.current)), now)


def compose(
    environment: MailEnvironment,
    notice: Notice,
    to: str,
    original_id: str,
    original: bytes,
    own_id: str,
    now: datetime,
) -> bytes:
    """A notification as it goes out (RFC 3464, RFC 6522), in ASCII but for the address it goes to.

    Parameters
    ----------
    original_id: the Message-ID of the message it is about; one that is none is left out.
    """
    options, server = environment.options.current, server_name()
    clean = partial(scrubbed, secrets=secrets(options))
    message = MIMEMultipart("report")
    message.set_param("report-type", "delivery-status")
    message.policy = _POLICY
    message["From"] = f"Mail Delivery System <MAILER-DAEMON@{server}>"
    message["To"] = f"<{to}>"
    message["Subject"] = notices.subject(notice)
    message["Date"] = format_datetime(now.astimezone(environment.zone))
    message["Message-ID"] = own_id
    message["Auto-Submitted"] = "auto-replied"
    if _MESSAGE_ID.match(original_id):
        message["In-Reply-To"] = message["References"] = original_id
    message.attach(_text("plain", clean(notices.words(notice, server, options, environment.zone))))
    message.attach(_report(notice, server, clean))
    message.attach(_text("rfc822-headers", _header(original)))
    return message.as_bytes(policy=_POLICY)


def _text(kind: str, text: str) -> MIMENonMultipart:
    charset = Charset("utf-8")
    charset.body_encoding = QP
    part = MIMENonMultipart("text", kind, charset="utf-8")
    part.set_payload(text, charset)
    return part


def _report(notice: Notice, server: str, clean: Callable[[str], str]) -> MIMENonMultipart:
    """The fields of the message with those of all recipients as its text: a thousand objects would take a second."""
    about = Message(policy=_POLICY)
    for name, value in notices.message_fields(notice, server):
        about[name] = value
    blocks = ["".join(f"{name}: {value}\n" for name, value in notices.recipient_fields(r)) for r in notice.recipients]
    about.set_payload(clean("\n".join(blocks)).encode("ascii", "replace").decode())
    report = MIMENonMultipart("message", "delivery-status")
    report.set_payload([about])
    return report


def _header(original: bytes) -> str:
    """The original's header in whole lines, as far as it is not too long."""
    text = header_block(original).replace("\r\n", "\n").replace("\r", "\n")
    lines = text[:_HEADERS].rpartition("\n")[0] if len(text) > _HEADERS else text
    return harmless(lines, keep="\n\t") + "\n"
