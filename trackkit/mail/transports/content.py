"""A stored message made ready for one host: in wire form, within what the host takes (RFC 1870, 6152, 6531).

| what the message has | what is done |
| --- | --- |
| a body beyond ASCII | goes as it is where the host offers 8BITMIME, else its parts are encoded |
| words in its header, in UTF-8 | become encoded words, for every host |
| an address in its header, before the @ | needs a host with SMTPUTF8 |
| a header in no known charset | goes as it is where the host offers 8BITMIME, else it is encoded as of an unknown one |
| lines over 998 octets | the part is encoded, the header folded |
| more octets than the host announces | is not sent |

SMTPUTF8 is never asked for on account of mere words: a relay that grants it has to return the message where the next
host does not. What cannot be sent is the `Outcome` for every recipient. The stored message stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from trackkit.domain.header_words import NotInAscii, ascii_header
from trackkit.domain.message import wire_form
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict
from trackkit.domain.reply_reasons import reason_of
from trackkit.domain.seven_bit import LONGEST_LINE, converted, header_span

_USUAL_LINES = re.compile(rb"(?:(?!\.).{0,%d}\r\n)++" % LONGEST_LINE)
"""Each ends in CRLF, none begins with a dot, none is too long; a CR may be inside."""

_BARE_CR = re.compile(rb"\r[^\n]")


class Content(NamedTuple):
    """A message as it goes over the wire."""

    stuffed: bytes
    size: int
    """Bytes before dots were doubled: what SIZE counts (RFC 1870 §3)."""
    eight_bit: bool
    needs_utf8: bool
    """Its header can go only to a host that is asked for SMTPUTF8."""
    was_converted: bool


def takes_utf8(extensions: Mapping[str, str]) -> bool:
    """Whether a host takes what is beyond ASCII in addresses (RFC 6531 §3.1: 8BITMIME belongs to it)."""
    return "smtputf8" in extensions and "8bitmime" in extensions


def prepared(raw: bytes, extensions: Mapping[str, str]) -> Content | Outcome:
    """The message for a host that offers `extensions`, or why it cannot be sent there."""
    if _goes_everywhere(raw):
        return _too_large(raw, extensions) or Content(raw, len(raw), False, False, False)
    original = wire = wire_form(raw)
    needs_utf8 = False
    if not wire.isascii():
        try:
            wire = _ascii_words(wire)
        except NotInAscii as reason:
            if not takes_utf8(extensions):
                return _refused(550, "5.6.9", f"{reason}, and the host does not take such messages (SMTPUTF8)")
            needs_utf8 = True
    eight_bit = "8bitmime" in extensions
    wire = converted(wire, eight_bit=eight_bit)
    if (refused := _too_large(wire, extensions)) is not None:
        return refused
    stuffed = wire.replace(b"\n.", b"\n..")
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    return Content(stuffed, len(wire), not wire.isascii(), needs_utf8, wire is not original)


def _goes_everywhere(raw: bytes) -> bool:
    """Whether every host takes it as it is, and no dot is to be doubled: what most messages are. Quick."""
    return raw.isascii() and _USUAL_LINES.fullmatch(raw) is not None and _BARE_CR.search(raw) is None


def _ascii_words(wire: bytes) -> bytes:
    """The message with its header in ASCII, if that is UTF-8; raises `NotInAscii`."""
    start, end = header_span(wire)
    header = wire[start:end]
    if header.isascii():
        return wire
    try:
        header.decode()
    except UnicodeDecodeError:
        return wire
    return wire[:start] + ascii_header(header, strict=True) + wire[end:]


def _too_large(wire: bytes, extensions: Mapping[str, str]) -> Outcome | None:
    most = _announced_size(extensions)
    if most is None or len(wire) <= most:
        return None
    return _refused(552, "5.3.4", f"the message has {len(wire):,} bytes; the host takes at most {most:,}")


def _announced_size(extensions: Mapping[str, str]) -> int | None:
    """RFC 1870 §6.1: a message over this need not be tried; none where the host names no limit."""
    announced = extensions.get("size", "").strip()
    if not announced.isdecimal():
        return None
    return int(announced[:20]) or None


def _refused(code: int, enhanced_code: str, text: str) -> Outcome:
    """What the host would have said."""
    reason = reason_of(code, enhanced_code, text)
    return Outcome(Verdict.permanent, Stage.data, Failure.replied, code, enhanced_code, text, reason=reason)
