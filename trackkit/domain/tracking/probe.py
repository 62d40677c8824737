"""Probe mails of the synthetic round trip: they are known by their Message-ID when they come back. Pure."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

LATE: Final = timedelta(hours=2)
"""A probe that has not come back after so long is told as missing."""

_MESSAGE_ID: Final = re.compile(r"<tkprobe\.([0-9a-z]{16,64})@[^<>\s]{1,255}>\Z", re.ASCII)


def message_id(token: str, domain: str) -> str:
    """The Message-ID of the probe with that token: 16 to 64 small letters and digits."""
    return f"<tkprobe.{token}@{domain}>"


def token_in(message_id: str) -> str | None:
    """The token of the probe that has this Message-ID; none if it is no probe."""
    match = _MESSAGE_ID.match(message_id.strip())
    return match[1] if match else None
