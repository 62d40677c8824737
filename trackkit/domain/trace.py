"""The Received field: put on top of mail that comes in (RFC 5321 §4.4), and counted to break loops (§6.3). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

MOST_HOPS = 50
"""Received fields; mail with more is in a loop."""

_HEADER_SCAN = 1024 * 1024
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_RECEIVED = re.compile(rb"^received[ \t]*:", re.IGNORECASE | re.MULTILINE)
_HEADER_LINE = re.compile(rb"[!-9;-~]+[ \t]*:|>?From |\r?\n")
_NAME = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}\Z")


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a message came.

    Parameters
    ----------
    helo: what the client called itself.
    by: what this machine calls itself.
    """

    helo: str
    address: str
    by: str
    encrypted: bool = False
    logged_in: bool = False
    extended: bool = True

    @property
    def protocol(self) -> str:
        """As RFC 3848 names it."""
        return "ESMTP" + "S" * self.encrypted + "A" * self.logged_in if self.extended else "SMTP"


def stamp(at: datetime) -> str:
    """An aware instant as RFC 5322 §3.3 writes dates."""
    return format_datetime(at)


def received(arrival: Arrival, queue_id: str, rcpt_tos: tuple[str, ...], at: str) -> bytes:
    """The Received field with its line end. A single recipient is named, of several none: they are not for all to see.

    Parameters
    ----------
    at: the date as `stamp` writes it.
    """
    name = arrival.helo if _NAME.match(arrival.helo) else "unknown"
    literal = f"[IPv6:{arrival.address}]" if ":" in arrival.address else f"[{arrival.address}]"
    only = f"\r\n\tfor <{rcpt_tos[0]}>" if len(rcpt_tos) == 1 else ""
    lines = (
        f"Received: from {name} ({literal})",
        f"\tby {arrival.by} (trackkit) with {arrival.protocol} id {queue_id}{only};",
        f"\t{at}\r\n",
    )
    return "\r\n".join(lines).encode("ascii")


def on_top(field: bytes, raw: bytes) -> bytes:
    """What is put before `raw`: the field, and an empty line where the message has no header it could join."""
    return field if _HEADER_LINE.match(raw) else field + b"\r\n"


def hops(raw: bytes) -> int:
    """How many Received fields the header has (in its first megabyte)."""
    head = raw[:_HEADER_SCAN]
    end = _HEADER_END.search(head)
    return len(_RECEIVED.findall(head[: end.start()] if end else head))
