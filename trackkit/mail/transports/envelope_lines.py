"""An envelope as command lines for one host (RFC 5321 §3.3, 1870, 6152, 6531), in as many transactions as it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trackkit.domain.addresses import needs_utf8, wire_address
from trackkit.mail.transports.content import Content

RECIPIENTS_AT_A_TIME = 100
"""RFC 5321 §4.5.3.1.8 obliges a host to take so many in one transaction; the rest goes in further ones."""


def mail_line(mail_from: str, recipients: Sequence[str], content: Content, extensions: Mapping[str, str]) -> str:
    """The MAIL command, with what the host offers and the message needs."""
    line = f"MAIL FROM:<{wire_address(mail_from)}>"
    if "size" in extensions:
        line += f" SIZE={content.size}"
    if content.eight_bit and "8bitmime" in extensions:
        line += " BODY=8BITMIME"
    if content.needs_utf8 or any(map(needs_utf8, (mail_from, *recipients))):
        line += " SMTPUTF8"
    return line


def rcpt_line(address: str) -> str:
    """The RCPT command."""
    return f"RCPT TO:<{wire_address(address)}>"


def parts_of(recipients: Sequence[str]) -> Sequence[tuple[Sequence[str], bool]]:
    """In so many as a host has to take, and whether it is the last; SMTPUTF8 is asked for only for those that need
    it."""
    if len(recipients) == 1:  # of most messages
        return ((recipients, True),)
    special = list(filter(needs_utf8, recipients))
    plain = [a for a in recipients if not needs_utf8(a)] if special else recipients
    found = [
        group[start : start + RECIPIENTS_AT_A_TIME]
        for group in (plain, special)
        for start in range(0, len(group), RECIPIENTS_AT_A_TIME)
    ]
    return [(part, part is found[-1]) for part in found]
