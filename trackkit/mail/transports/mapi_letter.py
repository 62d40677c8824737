"""A message turned into what MAPI takes: subject, plain text, recipients, attachments as files.

Bounded, and survives whatever the message is: one that cannot be taken apart goes whole, as an attachment. Nothing is
left out: parts that are no plain text (HTML, too) become attachments. Names of attachments are made harmless.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from email.policy import compat32
from email.utils import getaddresses
from pathlib import Path
from typing import Any, Final

from trackkit.domain.addresses import address_problem
from trackkit.domain.message import header_values, subject
from trackkit.mail.transports.mapi_library import BCC, CC, TO, Letter, Recipient

MOST_PARTS: Final = 200
MOST_TEXT: Final = 1024 * 1024
"""Characters of text that MAPI is given; longer ones become an attachment."""

_MOST_HEADER_LINES: Final = 20_000
_MULTIPART: Final = re.compile(rb"^content-type[ \t]*:[ \t\r\n]*multipart/", re.IGNORECASE | re.MULTILINE)
_FIELD_LINE: Final = re.compile(rb"^[!-9;-~]+:", re.MULTILINE)
_MOST_MULTIPARTS: Final = 50
_WHOLE: Final = "The message is attached: it could not be taken apart."
_ELSEWHERE: Final = "The text is attached."
_HARMFUL: Final = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\ud800-\udfff]')
_TYPED: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*:\S")
"""An address of MAPI's with its type, as people write it: ``FAX:206-555-1212``."""
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?\Z", re.IGNORECASE)
_ENDINGS: Final = {"text/html": ".html", "text/plain": ".txt", "message/rfc822": ".eml", "text/calendar": ".ics"}


class _TooMuch(Exception):
    """More parts or fields than are taken apart."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a message holds; `files` are (name, content)."""

    subject: str
    text: str
    files: tuple[tuple[str, bytes], ...]


def content_of(raw: bytes) -> Content:
    """The message taken apart; never fails."""
    try:
        return Content(subject(raw), *_apart(raw))
    except Exception:  # noqa: BLE001 - Python's parser raises almost anything on rubbish; nothing is lost by this
        return Content(subject(raw), _WHOLE, (("message.eml", raw),))


def letter(content: Content, recipients: tuple[Recipient, ...], folder: Path) -> Letter:
    """The letter, with its attachments as files in `folder`, which is there for it alone; `OSError`."""
    files = []
    for number, (name, data) in enumerate(content.files):
        path = folder / f"{number}{Path(name).suffix[:16]}"
        path.write_bytes(data)
        files.append((str(path), name))
    return Letter(content.subject, content.text, recipients, tuple(files))


def recipients_of(raw: bytes, addresses: tuple[str, ...]) -> tuple[Recipient, ...]:
    """The recipients as MAPI takes them; who is named in neither To nor Cc is a blind copy, unless alone."""
    named = {kind: _addresses(raw, field) for kind, field in ((TO, "to"), (CC, "cc"))}

    def kind(address: str) -> int:
        found = next((kind for kind, known in named.items() if address.lower() in known), BCC)
        return TO if len(addresses) == 1 and found == BCC else found

    return tuple(Recipient(kind(address), address, _delivery_address(address)) for address in addresses)


def _delivery_address(address: str) -> str:
    """What follows the name (``lpszAddress`` of MapiRecipDesc in the MAPI reference, ``TYPE:address``); none for a name
    that the address book resolves."""
    if _TYPED.match(address):
        return address
    return "" if address_problem(address) else f"SMTP:{address}"


def _addresses(raw: bytes, field: str) -> frozenset[str]:
    """Addresses and names of a field, in lower case."""
    values = header_values(raw, field)
    names = [part for value in values for part in re.split("[,;]", value)]
    try:
        parts = [part for pair in getaddresses(values) for part in pair]
        return frozenset(part.strip(' "<>').lower() for part in (*names, *parts))
    except Exception:  # noqa: BLE001 - see `content_of`; whoever is not found there is a blind copy
        return frozenset()


def _apart(raw: bytes) -> tuple[str, tuple[tuple[str, bytes], ...]]:
    """Text and attachments."""
    if len(_MULTIPART.findall(raw)) > _MOST_MULTIPARTS:
        raise _TooMuch
    if sum(1 for _ in _FIELD_LINE.finditer(raw, 0, 4 * 1024 * 1024)) > _MOST_HEADER_LINES:
        raise _TooMuch
    text: str | None = None
    files: list[tuple[str, bytes]] = []
    for number, part in enumerate(_leaves(message_from_bytes(raw, policy=compat32))):
        if number >= MOST_PARTS:
            raise _TooMuch
        data = _data(part)
        kind, name = part.get_content_type(), part.get_filename()
        is_text = kind == "text/plain" or part.get_content_maintype() == "multipart"  # of no parts, then
        if text is None and is_text and not name and part.get_content_disposition() != "attachment":
            text = _decoded(part, data)
            if len(text) <= MOST_TEXT:
                continue
            text = _ELSEWHERE
        files.append((_harmless(name or f"part{number + 1}{_ENDINGS.get(kind, '.bin')}"), data))
    return text if text is not None else (_ELSEWHERE if files else ""), tuple(files)


def _leaves(message: Message) -> Iterator[Message]:
    """The parts that hold no parts; a message inside stays one."""
    if message.get_content_maintype() == "multipart" and message.is_multipart():
        parts: Any = message.get_payload()
        for part in parts:
            yield from _leaves(part)
    else:
        yield message


def _data(part: Message) -> bytes:
    payload: Any = part.get_payload()
    if isinstance(payload, list):  # a message inside
        return b"\r\n".join(inner.as_bytes(policy=compat32.clone(linesep="\r\n")) for inner in payload)
    data: Any = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _decoded(part: Message, data: bytes) -> str:
    charset = part.get_content_charset() or "utf-8"
    try:
        text = data.decode(charset, "replace")
    except LookupError:
        text = data.decode("utf-8", "replace")
    return text.replace("\x00", "\N{SYMBOL FOR NULL}")


def _harmless(name: str) -> str:
    """A file name that is one on Windows, too, and leads nowhere."""
    cut = _HARMFUL.sub("_", name).strip(" .")[-120:] or "attachment"
    return f"_{cut}" if _RESERVED.match(cut) else cut
