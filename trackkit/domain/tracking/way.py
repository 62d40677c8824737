"""How a mail of a project is marked, so that whatever answers it finds its record. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from trackkit.domain.addresses import ascii_domain
from trackkit.domain.message import domain_of
from trackkit.domain.tracking import carriers, cookie
from trackkit.domain.tracking.cookie import Keys, Tracked
from trackkit.domain.tracking_options import Mailbox


@dataclass(frozen=True, slots=True)
class Way:
    """Where a mail's answers and bounces come back to, and by what they are known.

    Parameters
    ----------
    back: the envelope sender and the address for replies.
    tag: the cookie that its subject carries; empty for one that is not tracked.
    """

    message_id: str
    back: str
    tag: str = ""

    def subject(self, text: str) -> str:
        """The subject as it goes out."""
        return carriers.subject(text, self.tag) if self.tag else text


def tracked_way(mailbox: Mailbox, keys: Keys, server: str, named: Tracked) -> Way:
    """All carriers of a tracked mail; raises `InvalidInput` when the tracking address leaves no room for a cookie."""
    tag = cookie.make(named, keys, server)
    back = carriers.reply_address(mailbox.address, tag) if mailbox.subaddressing else mailbox.address
    return Way(carriers.message_id(tag, ascii_domain(domain_of(mailbox.address))), back, tag)


def plain_way(author: str, unique: str) -> Way:
    """A mail that is not tracked comes back to its author; `unique` is a text that no other mail gets."""
    return Way(carriers.message_id(unique, ascii_domain(domain_of(author))), author)
