"""A mail that has come in, taken apart: what it says, what is attached, when it was sent.

`parse` never raises and is bounded: of a mail larger than `LONGEST` octets only the beginning is read, of a text
`LONGEST_TEXT` characters are taken, and header, parts and nesting have bounds of their own (`fields`, `parts`). What
could not be read is said in `problems`; the bytes themselves are kept elsewhere, so nothing is lost.

What is attached is decoded when it is asked for, from the same bytes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from trackkit.domain.tracking.carriers import Carrier
from trackkit.domain.tracking.fields import Fields
from trackkit.domain.tracking.html_text import html_text
from trackkit.domain.tracking.parts import Part, Parts, header, take_apart

LONGEST: Final = 40 * 2**20
"""More than the largest message that is sent from here."""

LONGEST_TEXT: Final = 500_000
MOST_ATTACHMENTS: Final = 200

_LONGEST_NAME: Final = 120
_AHEAD: Final = timedelta(days=1)
_EARLIEST: Final = datetime(1990, 1, 1, tzinfo=UTC)
_NAMES_OF_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS: Final = {name: at for at, name in enumerate(_NAMES_OF_MONTHS, start=1)}
_DATE = re.compile(
    rf"(?:[A-Z][a-z]{{2}}, )?(\d{{1,2}}) ({'|'.join(_MONTHS)}) ([12]\d{{3}}) (\d\d):(\d\d):(\d\d) "
    r"([+-])([01]\d)([0-5]\d)(?:\s|\Z)",
    re.ASCII,
)
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|\Z)", re.IGNORECASE)
_RECIPIENTS: Final = ("delivered-to", "x-original-to", "envelope-to", "to", "cc", "resent-to", "x-envelope-to")
_SUFFIXES: Final = {
    "message/rfc822": ".eml",
    "text/plain": ".txt",
    "text/html": ".html",
    "text/calendar": ".ics",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "application/pdf": ".pdf",
    "application/zip": ".zip",
}


@dataclass(frozen=True, slots=True)
class Attachment:
    """Something that is attached; its name is safe as the name of a file."""

    name: str
    type: str
    content_id: str
    inline: bool
    part: Part

    def content(self, mail: Incoming) -> bytes:
        """The octets that were attached."""
        return self.part.octets(mail.raw)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A mail, as far as it could be read."""

    raw: bytes
    """The bytes that were read, in which everything else has its place."""
    parts: Parts
    text: str
    html: str
    attachments: tuple[Attachment, ...]
    sent_at: datetime
    problems: tuple[str, ...]
    author: str
    """The first address in From; ``""`` without one."""
    recipients: tuple[str, ...]
    """Every address that the header says it was sent or delivered to, each once."""
    readable: str = ""
    """The text that a person reads: the plain one, else that of the HTML."""
    returned: tuple[Fields, ...] = ()
    """The headers of messages that are attached."""

    @property
    def fields(self) -> Fields:
        """Its header."""
        return self.parts.fields

    def carriers(self) -> list[tuple[Carrier, str]]:
        """Where a tracking cookie may stand, in the order of `Carrier`."""
        fields = self.fields
        found = [(Carrier.in_reply_to, value) for value in fields.all("in-reply-to")]
        found += [(Carrier.references, value) for value in fields.all("references")]
        found += [(Carrier.recipient, address) for address in self.recipients]
        found.append((Carrier.subject, fields.text("subject")))
        for returned in self.returned:
            found += [(Carrier.returned, returned.text(name)) for name in ("message-id", "subject", "reply-to")]
        return found

    def attached(self) -> Iterator[bytes]:
        """The messages that are attached, or their headers: of a bounce, what could not be delivered."""
        return _attached(self.raw, self.parts)


def parse(raw: bytes, received_at: datetime) -> Incoming:
    """Take a mail apart.

    Parameters
    ----------
    raw: the mail as it was fetched, lines ended in any way.
    received_at: when it was; stands for a date that is missing or cannot be true.
    """
    problems = []
    if len(raw) > LONGEST:
        problems.append(f"Only the first {LONGEST >> 20} MB were read.")
    raw = taken(raw)
    parts = take_apart(raw)
    text, html, rest = _read(raw, parts.parts)
    if len(rest) > MOST_ATTACHMENTS:
        problems.append(f"Of {len(rest)} attachments only {MOST_ATTACHMENTS} are listed.")
    attachments = tuple(_attachment(number, part) for number, part in enumerate(rest[:MOST_ATTACHMENTS], start=1))
    sent_at, wrong = checked_date(parts.fields.first("date"), received_at)
    problems += [*parts.problems, *wrong]
    author = next(iter(parts.fields.addresses("from")), "")
    there = [name for name in _RECIPIENTS if name in parts.fields.named]
    recipients = tuple(dict.fromkeys(one for name in there for one in parts.fields.addresses(name)))
    told = tuple(dict.fromkeys(problems))
    readable = text if text.strip() else html_text(html)
    returned = tuple([header(octets)[0] for octets in _attached(raw, parts)])
    return Incoming(raw, parts, text, html, attachments, sent_at, told, author, recipients, readable, returned)


def taken(raw: bytes) -> bytes:
    """What of a mail is read (`Incoming.raw`): no more than `LONGEST` octets, lines ended in a way with LF."""
    raw = raw[:LONGEST]
    return raw if b"\n" in raw else raw.replace(b"\r", b"\n")


def _attached(raw: bytes, parts: Parts) -> Iterator[bytes]:
    for part in parts.parts:
        if part.type in ("message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"):
            yield part.octets(raw, LONGEST_TEXT)


def _read(raw: bytes, parts: list[Part]) -> tuple[str, str, list[Part]]:
    """The text, the HTML, and the parts that are neither."""
    texts: dict[str, list[str]] = {"text/plain": [], "text/html": []}
    rest = []
    for part in parts:
        disposition, given = part.disposition
        named = "filename" in given or "name" in part.parameters
        into = texts.get(part.type)
        # One of several alternatives says all there is to say; further texts stand side by side.
        if into is None or disposition == "attachment" or (named and (into or disposition != "inline")):
            rest.append(part)
        elif sum(map(len, into)) < LONGEST_TEXT:
            into.append(part.text(raw, LONGEST_TEXT * 4)[:LONGEST_TEXT])
    return "\n".join(texts["text/plain"]), "\n".join(texts["text/html"]), rest


def _attachment(number: int, part: Part) -> Attachment:
    disposition, given = part.disposition
    name = safe_name(given.get("filename") or part.parameters.get("name") or "")
    if not name:
        name = f"attachment-{number}{_SUFFIXES.get(part.type, '')}"
    content_id = part.fields.first("content-id").strip("<> \t")[:200]
    return Attachment(name, part.type, content_id, disposition == "inline" or bool(content_id), part)


def safe_name(given: str) -> str:
    """The name of a file without anything that means more than a name on some system; may be empty.

    No folders, no control or direction characters, no leading dots, none of Windows' reserved names.
    """
    last = re.split(r"[/\\]", given)[-1]
    kept = "".join(
        c for c in unicodedata.normalize("NFC", last[:1000]) if unicodedata.category(c)[0] not in "CZ" or c == " "
    )
    name = re.sub(r'[<>:"|?*]', "_", kept).strip(". ")
    if _RESERVED.match(name):
        name = "_" + name
    if len(name.encode()) > _LONGEST_NAME:
        stem, dot, suffix = name.rpartition(".")
        suffix = dot + suffix if dot and len(suffix.encode()) <= 16 else ""
        room = _LONGEST_NAME - len(suffix.encode())
        name = (stem if suffix else name).encode()[:room].decode("utf-8", "ignore").rstrip(". ") + suffix
    return name


def checked_date(value: str, received_at: datetime) -> tuple[datetime, list[str]]:
    """When a mail was sent: what its Date says, unless that is missing, cannot be read or cannot be true."""
    if not value.strip():
        return received_at, ["It has no date."]
    try:
        found = _date(value[:100])
    except (ValueError, TypeError, IndexError, OverflowError, AttributeError):
        return received_at, ["Its date cannot be read."]
    if not _EARLIEST <= found <= received_at + _AHEAD:
        return received_at, [f"Its date cannot be true: {found:%Y-%m-%d}."]
    return found, []


def _date(value: str) -> datetime:
    """In UTC, as nearly everybody writes it, else as Python reads it, which takes longer and may raise."""
    usual = _DATE.match(value)
    if usual is None:
        found = parsedate_to_datetime(value)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    day, month, year, hour, minute, second, sign, hours, minutes = usual.groups()
    there = datetime(int(year), _MONTHS[month], int(day), int(hour), int(minute), int(second), tzinfo=UTC)
    ahead = timedelta(hours=int(hours), minutes=int(minutes))
    return there - ahead if sign == "+" else there + ahead
