"""Telling the sender: whether, and in which words and fields (RFC 3461, RFC 3464, RFC 3834). Pure.

A sender is told when recipients have failed for good, and, if that is wanted, once when they have waited long. Nobody
is told who is no person or does not wait for an answer:

- the null sender, which is what keeps a notification from ever causing another one;
- an address that is a program's: mailer-daemon, postmaster, noreply, owner-…, …-request and the like;
- whoever sent a message that says it is automatic: ``Auto-Submitted`` other than no, ``Precedence`` bulk, junk or list,
  a report (``multipart/report``).

Replies of hosts are quoted as one line of bounded length, so that they can forge neither a header nor a field.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from email.utils import format_datetime
from typing import Final

from trackkit.domain.delivery import State
from trackkit.domain.diagnosis import diagnose
from trackkit.domain.evidence import Evidence
from trackkit.domain.log_text import one_line
from trackkit.domain.message import header_values
from trackkit.domain.options import Options
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict

_OF_PROGRAMS: Final = re.compile(
    r"(mailer-daemon|postmaster|daemon|(no|do-?not)-?reply|bounces?|owner-.*|.*-(request|bounces?|owner))(\+.*)?\Z",
    re.IGNORECASE,
)
_BULK: Final = ("bulk", "junk", "list")
_QUOTED: Final = 500
"""Characters of a host's words that are passed on."""


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A recipient the sender is told of."""

    address: str
    outcome: Outcome
    """Of the last try."""
    host: str
    """The next hop of the last try, with its port."""
    tried_at: datetime
    tries: int
    retry_until: datetime | None
    """None = it has failed for good."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What one notification is about: a message and those of its recipients that share a fate."""

    queue_id: str
    subject: str
    queued_at: datetime
    recipients: Sequence[Undelivered]

    @property
    def is_final(self) -> bool:
        """They have failed for good; else they have only waited long."""
        return self.recipients[0].retry_until is None


def may_be_told(mail_from: str, raw: bytes) -> bool:
    """Whether the sender of a message gets notifications about it; see above for who does not."""
    local = mail_from.rpartition("@")[0].strip('"')
    if not mail_from or _OF_PROGRAMS.match(local):
        return False
    if any(_first_word(value) != "no" for value in header_values(raw, "auto-submitted")):
        return False
    if any(_first_word(value) in _BULK for value in header_values(raw, "precedence")):
        return False
    return not any(_first_word(value) == "multipart/report" for value in header_values(raw, "content-type"))


def _first_word(value: str) -> str:
    return re.split(r"[\s;(]", value.strip().lower(), maxsplit=1)[0]


def subject(notice: Notice) -> str:
    """The notification's subject."""
    return "Your message could not be delivered" if notice.is_final else "Your message is delayed"


def words(notice: Notice, server: str, options: Options, zone: tzinfo) -> str:
    """The part that people read."""
    name = f"“{one_line(notice.subject)}”" if notice.subject else "without a subject"
    what = "could not be delivered to:" if notice.is_final else "has not been delivered yet to:"
    lines = [f"Your message {name} of {_local(notice.queued_at, zone)}", f"{what}", ""]
    for one in notice.recipients:
        lines += [f"  {one.address}", f"    {_why(one, options)}"]
        lines += [f"    {part}" for part in (_said(one), _advice(one, notice.queue_id)) if part]
        if one.retry_until is not None:
            lines.append(f"    Delivery is tried until {_local(one.retry_until, zone)}.")
        lines.append("")
    if notice.is_final:
        lines.append("It is not tried again by itself. The header of your message is attached.")
    else:
        lines.append("You need not send it again: this only tells you that it takes long.")
    lines += ["", f"This was written by the mail queue of {server}, where your message is {notice.queue_id}."]
    return "\n".join(lines) + "\n"


def _why(one: Undelivered, options: Options) -> str:
    state = State.failed if one.retry_until is None else State.deferred
    found = diagnose(Evidence(state, one.tried_at, options, one.tried_at, one.address, one.tries, one.outcome))
    tries = "1 try" if one.tries == 1 else f"{one.tries} tries"
    return f"{found.title} ({tries})."


def _said(one: Undelivered) -> str:
    text = quoted(one)
    return f"{_mta(one)} said: {text}" if one.outcome.failure is Failure.replied else f"Last trouble: {text}"


def _advice(one: Undelivered, queue_id: str) -> str:
    if one.retry_until is not None:
        return ""
    if one.outcome.verdict is Verdict.permanent and one.outcome.stage in _ADVICE:
        return _ADVICE[one.outcome.stage]
    return f"Send it again later, or ask whoever administers this server, and name {queue_id}."


_ADVICE: Final = {
    Stage.name: "Check the address for mistakes, above all after the @, then send your message again.",
    Stage.recipient: "Check the address for mistakes, then send your message again.",
    Stage.sender: "The host takes no mail from your address: ask whoever administers this server.",
    Stage.data: "The host does not take the message itself: it may be too large, or its content is not wanted there.",
    Stage.final_dot: "The host does not take the message itself: it may be too large, or its content is not wanted.",
}


def message_fields(notice: Notice, server: str) -> list[tuple[str, str]]:
    """The fields of the report about the message (RFC 3464 §2.2)."""
    return [("Reporting-MTA", f"dns; {server}"), ("Arrival-Date", format_datetime(notice.queued_at))]


def recipient_fields(one: Undelivered) -> list[tuple[str, str]]:
    """The fields of the report about one recipient (RFC 3464 §2.3)."""
    replied = one.outcome.failure is Failure.replied
    fields = [
        ("Final-Recipient", f"{_address_type(one.address)}; {one.address}"),
        ("Action", "failed" if one.retry_until is None else "delayed"),
        ("Status", status(one)),
    ]
    if replied and one.host:
        fields.append(("Remote-MTA", f"dns; {_mta(one)}"))
    fields.append(("Diagnostic-Code", f"{'smtp' if replied else 'x-trackkit'}; {quoted(one)}"))
    fields.append(("Last-Attempt-Date", format_datetime(one.tried_at)))
    if one.retry_until is not None:
        fields.append(("Will-Retry-Until", format_datetime(one.retry_until)))
    return fields


def _address_type(address: str) -> str:
    if "@" not in address:
        return "x-mapi"
    return "rfc822" if address.isascii() else "utf-8"


def status(one: Undelivered) -> str:
    """The status code (RFC 3463): the host's where it says what became of the recipient, else ours.

    5.4.7 = the days limit, whatever the last of many tries came to; 4.4.1 = no answer from the host.
    """
    wanted, code = ("5" if one.retry_until is None else "4"), one.outcome.enhanced_code
    if code.startswith(wanted):
        return code
    if wanted == "5":
        return "5.0.0" if one.outcome.verdict is Verdict.permanent else "5.4.7"
    return "4.4.1" if one.outcome.failure in (Failure.refused, Failure.timed_out, Failure.dropped) else "4.0.0"


def quoted(one: Undelivered) -> str:
    """What the host said, or what went wrong, in one line."""
    text = one_line(f"{one.outcome.smtp_code or ''} {one.outcome.text}").strip()
    return text if len(text) <= _QUOTED else f"{text[: _QUOTED - 1]}…"


def _mta(one: Undelivered) -> str:
    return re.sub(r":\d+\Z", "", one.host).strip("[]")


def _local(at: datetime, zone: tzinfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M (UTC%z)}"
