"""The message that a test of the settings sends when it is asked to. Pure."""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime

SUBJECT = "Test message from trackkit"


def probe_message(server: str, sender: str, recipient: str, message_id: str, now: datetime) -> bytes:
    """The message, in CRLF and ASCII but for the addresses.

    Parameters
    ----------
    server: the name of the machine that sends it.
    message_id: without angle brackets.
    now: with its time zone.
    """
    lines = [
        f"Date: {format_datetime(now)}",
        f"From: {sender or f'MAILER-DAEMON@{server}'}",
        f"To: {recipient}",
        f"Subject: {SUBJECT}",
        f"Message-ID: <{message_id}>",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        f"The trackkit server on {server} was asked to test how its mail leaves.",
        "That you can read this means that it does. Nobody has to answer.",
        "",
    ]
    return "\r\n".join(lines).encode()
