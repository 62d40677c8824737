"""Envelope, queue ids, and the form a message takes on the wire.

A message comes in as bytes and is stored as those bytes. What is read out of it here is for showing only, is
bounded, and may fail without harm.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from trackkit.domain.addresses import address_problem, mapi_address_problem, normal_address
from trackkit.domain.errors import InvalidInput, Problem

MAXIMUM_RECIPIENTS = 1000
"""More are refused: RFC 5321 §4.5.3.1.8 obliges a host to take 100 in one transaction."""

_HEADER_SCAN = 65_536


class MailType(StrEnum):
    """How a recipient is reached."""

    internet = "internet"
    mapi = "mapi"


BY_MAPI: Final = "mapi:"
"""What stands for all that goes by MAPI where domains are named; it is none."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who sends (empty = the null sender, RFC 5321 §4.5.5) and who receives."""

    mail_from: str
    rcpt_tos: tuple[str, ...]
    by_mapi: tuple[str, ...] = ()
    """Recipients with addresses of MAPI's, besides `rcpt_tos`, until the ways part."""
    queue_id: str = ""
    """Of the message, once it is queued."""


Following = Callable[[], tuple[Envelope, bytes] | None]
"""What will be sent next over the same connection, if that is known: its envelope and itself."""


def checked_envelope(mail_from: str, rcpt_tos: Iterable[str], by_mapi: Iterable[str] = ()) -> Envelope:
    """The envelope with each address once, in its normal form, or `InvalidInput` naming every refused one and why."""
    mail_from = normal_address(mail_from)
    problems = []
    if mail_from and (reason := address_problem(mail_from)):
        problems.append(Problem("sender", reason))
    given, names = tuple(dict.fromkeys(rcpt_tos)), tuple(dict.fromkeys(map(str.strip, by_mapi)))
    if not given and not names:
        problems.append(Problem("recipients", "is empty; a message needs at least one recipient"))
    if (number := len(given) + len(names)) > MAXIMUM_RECIPIENTS:
        problems.append(Problem("recipients", f"has {number} addresses; at most {MAXIMUM_RECIPIENTS} fit"))
    recipients = tuple(dict.fromkeys(map(normal_address, given[:MAXIMUM_RECIPIENTS])))
    for number, address in enumerate(recipients):
        if reason := address_problem(address):
            problems.append(Problem(f"recipients[{number}]", reason))
    for number, name in enumerate(names[:MAXIMUM_RECIPIENTS]):
        if reason := "is a recipient already" if name in recipients else mapi_address_problem(name):
            problems.append(Problem(f"mapi_recipients[{number}]", reason))
    if problems:
        raise InvalidInput("The message was refused; nothing was stored.", problems=problems)
    return Envelope(mail_from, recipients, names)


def queue_id(number: int) -> str:
    """The id people see of message `number` of the queue."""
    return f"Q{number}"


def queue_number(text: str) -> int | None:
    """The number behind a queue id; none when it is no queue id."""
    match = re.fullmatch(r"[Qq]([1-9][0-9]{0,17})", text.strip(), re.ASCII)
    return int(match[1]) if match else None


def domain_of(address: str) -> str:
    """The part after the @, in lower case; ``""`` for the null sender."""
    return address.rpartition("@")[2].lower()


def wire_form(raw: bytes) -> bytes:
    """The message as it goes over SMTP, before dot-stuffing: every line ends in CRLF, and so does the last.

    RFC 5321 §2.3.8 forbids bare CR and LF on the wire, and letting one through is how mails are smuggled. LF
    becomes CRLF; a CR that ends no line becomes a space; in a message without any LF the CRs are its line ends.
    Nothing else is changed, and a message that was in this form already is left as it is.
    """
    if b"\n" not in raw:
        raw = raw.replace(b"\r", b"\r\n")
    else:
        # Counting is many times faster than searching for what is not there.
        pairs = raw.count(b"\r\n")
        if raw.count(b"\r") != pairs or raw.count(b"\n") != pairs:
            raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b" ").replace(b"\n", b"\r\n")
    return raw if raw.endswith(b"\r\n") else raw + b"\r\n"


_EMPTY_LINE = re.compile(rb"\r?\n\r?\n|\r\r")
_FOLD = re.compile(r"\r?\n[ \t]")


@lru_cache(maxsize=16)
def _field(name: str) -> re.Pattern[bytes]:
    pattern = rb"^%s[ \t]*:[ \t]*((?:[^\r\n]+|\r?\n[ \t])*)" % re.escape(name.encode())
    return re.compile(pattern, re.MULTILINE | re.IGNORECASE)


def header_values(raw: bytes, name: str) -> list[str]:
    """The values of a header field in the first 64 KB, unfolded, undecoded; never raises.

    Python's parser raises on a share of real mail and is slow on hostile mail; for a list of the queue this is enough.
    """
    found = _field(name).findall(_head(raw))
    return [_FOLD.sub(" ", value.decode("utf-8", "replace")).strip() for value in found]


def header_block(raw: bytes) -> str:
    """The header as text for showing: everything up to the first empty line, at most 64 KB."""
    return _head(raw).decode("utf-8", "replace")


def _head(raw: bytes) -> bytes:
    end = _EMPTY_LINE.search(raw, 0, _HEADER_SCAN)
    return raw[: end.start() if end else _HEADER_SCAN]


def message_id(raw: bytes) -> str:
    """The first Message-ID with something in it, angle brackets included, cut at 998 characters; else ``""``."""
    values = [value for value in header_values(raw, "message-id") if value]
    return values[0][:998] if values else ""


def subject(raw: bytes) -> str:
    """The subject for showing: decoded where that works, as it stands where not; at most 200 characters."""
    values = header_values(raw, "subject")
    return _decoded(values[0][:2000])[:200] if values else ""


def _decoded(value: str) -> str:
    """RFC 2047 encoded words made readable; the value itself where a charset or an encoding is not to be had."""
    if "=?" not in value:
        return _visible(value)
    from email.errors import HeaderParseError
    from email.header import decode_header, make_header

    try:
        text = str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, ValueError):
        text = value
    return _visible(text)


def _visible(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def text_preview(raw: bytes, limit: int = 4000) -> str:
    """The beginning of the body as text for showing, bounded; bytes that are no UTF-8 are replaced."""
    body = _EMPTY_LINE.split(raw[: _HEADER_SCAN + limit], maxsplit=1)
    return body[1][:limit].decode("utf-8", "replace") if len(body) == 2 else ""
