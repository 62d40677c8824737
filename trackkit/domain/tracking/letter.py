"""The one place where mail of projects is put together: what users send, notifications, letters, forwarded replies.

Nothing that is given can begin a header line of its own: whatever breaks a line is a blank there, and message ids that
are none are left out. The header is ASCII (RFC 2047, RFC 2231) unless a name before an @ is not, which only a host with
SMTPUTF8 takes; lines are short, bodies are 7-bit, except for an original that is attached as the bytes it came as
(RFC 2046 §5.2.1). What goes out automatically says so (RFC 3834 §5). The same letter gives the same bytes.
"""

from __future__ import annotations

import hashlib
import re
from base64 import encodebytes
from binascii import b2a_qp
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Final, Literal
from urllib.parse import quote

from trackkit.domain.addresses import wire_address
from trackkit.domain.header_words import NotInAscii, ascii_header
from trackkit.domain.text import line_of

MESSAGE_ID: Final = re.compile(r"<[!-;=?-~]{1,400}>\Z")
"""What may stand in References and In-Reply-To."""

MOST_REFERENCES: Final = 20

_SHORT: Final = 76
_LONGEST: Final = 900
"""Octets of a line that goes out as it is; 998 are possible (RFC 5322 §2.1.1)."""

_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+\Z")


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody with an address and perhaps a name."""

    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a letter."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What a mail is made of.

    Parameters
    ----------
    date: aware; it stands in the header in its own time zone.
    references: message ids of the thread, the one that is answered last.
    automatic: nobody pressed a button for it: ``auto-generated``, or ``auto-replied`` to what somebody sent.
    original: a mail that is attached as it came.
    """

    author: Party
    to: Sequence[Party]
    cc: Sequence[Party] = ()
    reply_to: str = ""
    subject: str
    text: str
    date: datetime
    message_id: str
    references: Sequence[str] = ()
    automatic: Literal["", "auto-generated", "auto-replied"] = ""
    files: Sequence[Attachment] = ()
    original: bytes | None = field(default=None, repr=False)


def compose(letter: Letter) -> bytes:
    """The mail in wire form."""
    parts = [_text(letter.text), *map(_file, letter.files)]
    if letter.original is not None:
        parts.append(_original(letter.original))
    header = b"".join(_in_ascii(f"{field}\r\n".encode()) for field in _header(letter))
    if len(parts) == 1:
        return header + parts[0]
    boundary = _boundary(letter.message_id, parts)
    mixed = f'Content-Type: multipart/mixed; boundary="{boundary}"\r\n\r\n'.encode()
    middle = b"".join(b"--%s\r\n%s\r\n" % (boundary.encode(), part) for part in parts)
    return header + mixed + middle + b"--%s--\r\n" % boundary.encode()


def _in_ascii(field: bytes) -> bytes:
    try:
        return ascii_header(field, strict=True)
    except NotInAscii:  # an address that has no other form: the host it goes to has to take it as it is
        return field


def _header(letter: Letter) -> Iterator[str]:
    yield _field("From", _address(letter.author))
    yield _field("To", ", ".join(map(_address, letter.to)))
    if letter.cc:
        yield _field("Cc", ", ".join(map(_address, letter.cc)))
    if letter.reply_to:
        yield _field("Reply-To", wire_address(letter.reply_to))
    yield _field("Subject", letter.subject)
    yield _field("Date", format_datetime(letter.date))
    yield f"Message-ID: {letter.message_id}"
    if thread := _thread(letter.references):
        yield f"In-Reply-To: {thread[-1]}"
        yield "References: " + "\r\n ".join(thread)
    if letter.automatic:
        yield f"Auto-Submitted: {letter.automatic}"
    yield "MIME-Version: 1.0"


def _thread(references: Iterable[str]) -> list[str]:
    """The first and the last ones of a thread: what ties it together when it is long (RFC 5537 §3.4.4)."""
    known = [one for one in dict.fromkeys(references) if MESSAGE_ID.match(one)]
    return known if len(known) <= MOST_REFERENCES else [known[0], *known[1 - MOST_REFERENCES :]]


def _field(name: str, value: str) -> str:
    """A field in lines that are short where there are blanks to break at."""
    lines, line = [], f"{name}:"
    for word in line_of(value).split(" "):
        if len(line) + 1 + len(word) > _SHORT and line.strip() not in ("", f"{name}:"):
            lines.append(line)
            line = ""
        line += f" {word}"
    return "\r\n".join([*lines, line])


def _address(party: Party) -> str:
    address, name = wire_address(party.address), line_of(party.name)
    if not name:
        return address
    if not _PLAIN_NAME.match(name):
        name = '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
    return f"{name} <{address}>"


def _text(text: str) -> bytes:
    octets = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
    octets += b"" if octets.endswith(b"\n") else b"\n"
    longest = max(map(len, octets.split(b"\n")))
    if octets.isascii() and longest <= _LONGEST and b"\x00" not in octets:
        way, body = "7bit", octets
    elif len(octets) - len(text) > len(octets) // 3:
        way, body = "base64", encodebytes(octets.replace(b"\n", b"\r\n"))
    else:
        way, body = "quoted-printable", b2a_qp(octets, istext=True)
    header = f'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: {way}\r\n\r\n'
    return header.encode() + body.replace(b"\n", b"\r\n")


def _file(file: Attachment) -> bytes:
    header = "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n"
    return f"{header}{_disposition(file.name)}\r\n".encode() + encodebytes(file.content).replace(b"\n", b"\r\n")


def _original(raw: bytes) -> bytes:
    way = "7bit" if raw.isascii() else "8bit"
    header = f"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: {way}\r\n"
    return f"{header}{_disposition('original.eml')}\r\n".encode() + raw


def _disposition(name: str) -> str:
    """The name of a file in any alphabet (RFC 2231 §4, RFC 6266 D), in lines that are short enough."""
    name = line_of(name)
    if re.fullmatch(r"[A-Za-z0-9 ._()-]{1,60}", name):
        return f'Content-Disposition: attachment; filename="{name}"\r\n'
    octets = quote(name, safe="")
    pieces = re.findall(r"(?:%..|.){1,20}", octets)
    if len(pieces) == 1:
        return f"Content-Disposition: attachment; filename*=utf-8''{octets}\r\n"
    named = "".join(f";\r\n filename*{at}*={'' if at else 'utf-8' + chr(39) * 2}{one}" for at, one in enumerate(pieces))
    return f"Content-Disposition: attachment{named}\r\n"


def _boundary(message_id: str, parts: Sequence[bytes]) -> str:
    """What stands between the parts, and in none of them."""
    for number in range(1000):
        found = "=_" + hashlib.sha256(f"{message_id} {number}".encode()).hexdigest()[:32]
        if not any(found.encode() in part for part in parts):
            return found
    raise ValueError("no boundary fits")  # a thousand hashes of a text that its author cannot have known before
