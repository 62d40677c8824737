"""What is said of e-mails of records: once, for pages and the command line.

A sender's address proves nothing; so nothing here says who wrote, only what is known of the address.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from trackkit.contract.project_mail import EmailRecipient, EmailView
from trackkit.domain.project.kinds import EmailOrigin, Standing

ORIGINS: Final[Mapping[EmailOrigin, str]] = MappingProxyType(
    {
        "person": "E-mail",
        "notification": "Notification",
        "letter": "Automatic letter",
        "automatic": "Automatic reply",
        "bounce": "Bounce",
        "delay": "Notice of a delay",
        "delivered": "Receipt of delivery",
        "feedback": "Complaint about spam",
    }
)
"""What an e-mail is, by who or what wrote it."""

STANDINGS: Final[Mapping[Standing, str]] = MappingProxyType(
    {
        "known": "from an address that is known here, which proves nothing",
        "unknown": "from an unknown address",
        "unauthenticated": "may be forged: its authentication failed at the receiving host",
    }
)
"""What is known of a received e-mail's author."""

_OUTCOMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "human": "answered",
        "automatic": "answered automatically",
        "delay": "delayed",
        "delivered": "delivered",
        "feedback": "reported as spam",
    }
)


def outcome(one: EmailRecipient) -> str:
    """What came back from a recipient; empty while nothing did."""
    if one.outcome != "bounce":
        return _OUTCOMES.get(one.outcome, one.outcome)
    again = {True: ", for good", False: ", perhaps not for good", None: ""}[one.hard]
    return f"not delivered{f' ({one.status_code})' if one.status_code else ''}{again}"


def headline(email: EmailView) -> str:
    """What an e-mail is and which way it went."""
    what = ORIGINS.get(email.origin, str(email.origin))
    if email.direction == "sent":
        by = f" by {email.user}" if email.user else ""
        return f"{what} sent{by}"
    return "Reply received" if email.origin == "person" and email.answers else f"{what} received"


def addresses(email: EmailView) -> str:
    """Whom it went to, with what came back from there."""
    found = [(one.address, outcome(one)) for one in email.recipients]
    return ", ".join(f"{address} ({words})" if words else address for address, words in found)
